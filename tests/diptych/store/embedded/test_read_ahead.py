"""Payloads of an open store are read into the system's cache of files."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from diptych.store.embedded import read_ahead
from diptych.store.embedded import store as embedded
from diptych.store.embedded.read_ahead import read_payloads
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.types import text_shapes


def test_payloads_are_read_step_by_step_without_what_is_not_written_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "STEP", 1 << 16)
    folder = tmp_path / "text" / "segments" / "one" / "payload_storage"
    folder.mkdir(parents=True)
    (folder / "page_0.dat").write_bytes(bytes((1 << 16) + 1))
    with (folder / "page_1.dat").open("wb") as page:
        page.truncate(1 << 20)
    (folder / "page_2.dat").write_bytes(b"x")
    reading = read_payloads([tmp_path / "text", tmp_path / "images"])
    next(reading)
    (folder / "page_2.dat").unlink()
    assert len(list(reading)) == 1


def test_no_more_is_read_than_fits_into_a_share_of_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "text" / "segments" / "one" / "payload_storage"
    folder.mkdir(parents=True)
    (folder / "page_0.dat").write_bytes(bytes(1 << 18))
    monkeypatch.setattr(read_ahead, "STEP", 1 << 16)
    assert len(list(read_payloads([tmp_path / "text"]))) == 4
    monkeypatch.setattr(read_ahead, "MAX_BYTES", 1 << 17)
    assert len(list(read_payloads([tmp_path / "text"]))) == 2


def test_reading_begins_with_the_first_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, finished = list[str](), threading.Event()

    def reading(shards: Iterable[Path]) -> Iterator[None]:
        for shard in shards:
            read.append(shard.name)
            yield

    def more() -> Iterator[None]:
        finished.set()
        yield

    monkeypatch.setattr(embedded, "read_payloads", reading)
    store = EmbeddedStore(tmp_path, text_shapes(3), lock_seconds=60)
    try:
        assert store.text.retrieve([]) == []
        assert not read
        store.in_background(more())
        with store.hold():
            pass
        assert finished.wait(30)
        assert read == ["text", "images"]
    finally:
        store.close()
