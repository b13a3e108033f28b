"""A disk that fills up ends a run with one sentence; what was stored is whole, and with room the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import StoreError
from diptych.store import disk_space
from diptych.store.embedded import EmbeddedStore
from diptych.store.points import EncodingConfig
from diptych.store.register import bind_encoders, list_records
from diptych.store.types import text_shapes
from extractors.errors import ExtractionError
from flows.cli.main import run
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line
from tests.support.fakes import WordEncoder, source
from tests.support.papers import write_paper
from tests.support.scripted_pipeline import NEW, OLD, WHOLE_NEW, WHOLE_OLD, ScriptedPipeline


class Disk:
    """Free bytes of each look at the disk in turn; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: list[int] = []
        self._real = disk_space.free_bytes
        monkeypatch.setattr(disk_space, "free_bytes", self._look)

    def _look(self, place: Path) -> int:
        if not self.free:
            return self._real(place)
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


NEW_STORE = disk_space.RESERVE_TO_START + sum(disk_space.NEW_COLLECTION_BYTES.values())
ENOUGH, SCARCE, NONE = disk_space.RESERVE_TO_START, disk_space.RESERVE_TO_START - 1, disk_space.RESERVE_TO_FINISH - 1


def test_the_real_disk_is_looked_at(tmp_path: Path) -> None:
    assert disk_space.free_bytes(tmp_path / "not" / "there") > 0
    with pytest.raises(StoreError, match=r"not/there: the disk is full: \d+ MiB are free.*free some space.*run again"):
        disk_space.check_disk_space(tmp_path / "not" / "there", 1 << 62)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 24)
    assert disk_space.disk_usage(tmp_path) < 1 << 20


@pytest.mark.parametrize("looks", range(1, 9))
def test_at_whatever_look_the_disk_is_full_the_old_version_stays(tmp_path: Path, disk: Disk, looks: int) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bench.ingest(source("a.pdf"), OLD)
    disk.free = [ENOUGH] * looks + [NONE]
    with pytest.raises(StoreError, match="the disk is full: 47 MiB are free, and nothing is written below"):
        bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() in (WHOLE_OLD, WHOLE_NEW)  # the new one: where only its tidying up found no room
    disk.free = []
    bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() == WHOLE_NEW
    bench.index.close()


def test_what_was_begun_is_ended_and_a_delete_gets_through(tmp_path: Path, disk: Disk) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bench.ingest(source("a.pdf"), OLD)
    disk.free = [SCARCE]
    with pytest.raises(StoreError, match="disk is full"):
        bench.ingest(source("b.pdf"), OLD)
    assert bench.sandbox.calls == ["a.pdf"]  # not even read
    bench.index.documents.delete([list_records(bench.index)[0].id])
    assert list_records(bench.index) == []
    bench.index.close()


@pytest.mark.parametrize("engine", ["embedded", "memory"])
def test_a_document_that_found_no_room_is_not_told_as_broken(tmp_path: Path, disk: Disk, engine: str) -> None:
    """Also beside a server, whose pictures are files here."""
    bench = ScriptedPipeline(tmp_path, engine)
    disk.free = [ENOUGH, ENOUGH, SCARCE] if engine == "embedded" else [ENOUGH, SCARCE]
    with pytest.raises(StoreError, match="disk is full"):
        bench.ingest(source("a.pdf"), ExtractionError("a.pdf: [Errno 28] No space left on device"))
    assert list_records(bench.index) == []
    bench.index.close()


def test_a_new_store_is_not_begun_where_there_is_no_room(tmp_path: Path, disk: Disk) -> None:
    disk.free = [NEW_STORE - 1]
    with pytest.raises(StoreError, match="disk is full"):
        EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    assert not (tmp_path / "store" / "documents").exists()
    disk.free = [NEW_STORE]
    store = EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    bind_encoders(store, EncodingConfig(WordEncoder.fingerprint))
    store.close()


def test_search_structures_are_built_where_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    store.optimize()
    monkeypatch.setattr("diptych.store.embedded.free_bytes", lambda place: ENOUGH)
    with pytest.raises(StoreError, match=r"everything is stored.*free some space"):
        store.optimize()
    store.close()


def test_a_run_ends_with_one_line_and_goes_on(tmp_path: Path, disk: Disk, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "papers").mkdir()
    for name in ("a", "b"):
        write_paper(tmp_path / "papers" / f"{name}.pdf", f"The red pump {name}.")
    disk.free = [NEW_STORE] * 8 + [SCARCE]
    line = error_line(capsys, "ingest", "papers", "--store", "s")
    assert "s: the disk is full" in line
    disk.free = []
    assert run(["ingest", "papers", "--store", "s"]) == 0
