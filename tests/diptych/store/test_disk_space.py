"""A full disk ends a run with one error message; what is stored stays intact, and with free space the run continues."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from diptych.errors import StoreError
from diptych.store import disk_space
from diptych.store.embedded.store import EmbeddedStore
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

ROOM_FOR_A_NEW_STORE = disk_space.RESERVE_TO_START + sum(disk_space.NEW_COLLECTION_BYTES.values())
ROOM_TO_START = disk_space.RESERVE_TO_START
ROOM_TO_FINISH = disk_space.RESERVE_TO_START - 1
NO_ROOM = disk_space.RESERVE_TO_FINISH - 1


class FakeDisk:
    """Reports `free` bytes, one number per check; the last number is repeated. Empty: the real disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free: list[int] = []
        self._free_bytes = disk_space.free_bytes
        monkeypatch.setattr(disk_space, "free_bytes", self._check)

    def _check(self, place: Path) -> int:
        if not self.free:
            return self._free_bytes(place)
        return self.free.pop(0) if len(self.free) > 1 else self.free[0]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FakeDisk:
    return FakeDisk(monkeypatch)


def test_real_disk_is_checked(tmp_path: Path) -> None:
    assert disk_space.free_bytes(tmp_path / "not" / "there") > 0
    with pytest.raises(StoreError, match=r"not/there: the disk is full: \d+ MiB are free.*Free some space.*run again"):
        disk_space.check_disk_space(tmp_path / "not" / "there", 1 << 62)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 24)
    assert disk_space.allocated_bytes(tmp_path) < 1 << 20


def test_engine_that_fails_on_a_full_disk_without_saying_so_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = RuntimeError("Failed to create mmap payload storage directory")
    assert disk_space.explain_failure(failure, tmp_path) == str(failure)

    def refuse(**_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert disk_space.explain_failure(failure, tmp_path).startswith("the disk is full (Disk quota exceeded). What is")


@pytest.mark.parametrize("checks", range(1, 9))
def test_full_disk_at_any_check_never_shows_half_a_document(tmp_path: Path, disk: FakeDisk, checks: int) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bench.ingest(source("a.pdf"), OLD)
    disk.free = [ROOM_TO_START] * checks + [NO_ROOM]
    with pytest.raises(StoreError, match=r"the disk is full: 47 MiB are free and \d+ MiB are required"):
        bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() in (WHOLE_OLD, WHOLE_NEW)  # new, if only the retired points could not be deleted
    disk.free = []
    bench.ingest(source("a.pdf", "2"), NEW)
    assert bench.seen() == WHOLE_NEW
    bench.index.close()


def test_reserve_lets_a_delete_through_but_no_new_document(tmp_path: Path, disk: FakeDisk) -> None:
    bench = ScriptedPipeline(tmp_path, "embedded")
    bench.ingest(source("a.pdf"), OLD)
    disk.free = [ROOM_TO_FINISH]
    with pytest.raises(StoreError, match="disk is full"):
        bench.ingest(source("b.pdf"), OLD)
    assert bench.sandbox.calls == ["a.pdf"]  # b.pdf was not even opened
    bench.index.documents.delete([list_records(bench.index)[0].id])
    assert list_records(bench.index) == []
    bench.index.close()


@pytest.mark.parametrize("engine", ["embedded", "memory"])
def test_document_that_met_a_full_disk_is_not_registered_as_failed(tmp_path: Path, disk: FakeDisk, engine: str) -> None:
    """With a server too, because pictures are local files."""
    bench = ScriptedPipeline(tmp_path, engine)
    checks_before_extraction = 2 if engine == "embedded" else 1
    disk.free = [ROOM_TO_START] * checks_before_extraction + [ROOM_TO_FINISH]
    with pytest.raises(StoreError, match="disk is full"):
        bench.ingest(source("a.pdf"), ExtractionError("a.pdf: [Errno 28] No space left on device"))
    assert list_records(bench.index) == []
    bench.index.close()


def test_new_store_is_not_started_without_room_for_its_collections(tmp_path: Path, disk: FakeDisk) -> None:
    disk.free = [ROOM_FOR_A_NEW_STORE - 1]
    with pytest.raises(StoreError, match="disk is full"):
        EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    assert not (tmp_path / "store" / "documents").exists()
    disk.free = [ROOM_FOR_A_NEW_STORE]
    store = EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    bind_encoders(store, EncodingConfig(WordEncoder.fingerprint))
    store.close()


def test_search_structures_are_only_built_with_enough_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(tmp_path / "store", text_shapes(4), 5)
    store.optimize()
    monkeypatch.setattr("diptych.store.embedded.graphs.free_bytes", lambda place: ROOM_TO_START)
    with pytest.raises(StoreError, match=r"everything is stored.*Free some space"):
        store.optimize()
    store.close()


def test_ingest_reports_a_full_disk_in_one_line_and_continues_later(
    tmp_path: Path, disk: FakeDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "papers").mkdir()
    for name in ("a", "b"):
        write_paper(tmp_path / "papers" / f"{name}.pdf", f"The red pump {name}.")
    disk.free = [ROOM_FOR_A_NEW_STORE] * 8 + [ROOM_TO_FINISH]
    assert "s: the disk is full" in error_line(capsys, "ingest", "papers", "--store", "s")
    disk.free = []
    assert run(["ingest", "papers", "--store", "s"]) == 0
