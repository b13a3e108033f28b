"""The embedded store: one owner at a time, hand-over between processes, survival of a kill."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from qdrant_edge import EdgeShard

from diptych.errors import StoreBusy, StoreError
from diptych.store.embedded.collection import MIN_INDEXED_POINTS
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.types import KEYWORD_FIELDS, TEXT_VECTOR, Point, RankedListRequest, text_shapes
from diptych.where import parse_where

IDS = [f"00000000-0000-0000-0000-{number:012d}" for number in range(1, 3)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    opened = EmbeddedStore(tmp_path / "store", text_shapes(3), lock_seconds=60)
    yield opened
    opened.close()


def test_written_points_survive_a_kill_of_the_owner(tmp_path: Path) -> None:
    """The engine's log keeps what was written, and the kernel releases the lock of the dead owner."""
    script = f"""
import os, signal
from pathlib import Path
from diptych.store.types import KEYWORD_FIELDS, Point, text_shapes
from diptych.where import parse_where
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.embedded.collection import MIN_INDEXED_POINTS
store = EmbeddedStore(Path({str(tmp_path)!r}), text_shapes(3), 5)
store.documents.upsert([Point({IDS[0]!r}, {{"page": 7}})])
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    store = EmbeddedStore(tmp_path, text_shapes(3), 5)
    assert [p.payload["page"] for p in store.documents.scroll()] == [7]
    store.close()


def test_busy_owner_hands_over_between_two_operations(tmp_path: Path, store: EmbeddedStore) -> None:
    store.documents.upsert([Point(IDS[0], {"page": 1})])
    stop = threading.Event()

    def keep_busy() -> None:
        while not stop.is_set():
            store.documents.count()

    worker = threading.Thread(target=keep_busy)
    worker.start()
    try:
        other = EmbeddedStore(tmp_path / "store", text_shapes(3), lock_seconds=60)
        other.documents.upsert([Point(IDS[1], {"page": 2})])
        assert store.documents.count() == 2  # and back again
        assert other.documents.count() == 2
        other.close()
    finally:
        stop.set()
        worker.join()


def test_owners_use_what_they_have_opened(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a large store on a busy machine takes longer than the shortest turn, and was handed over at once."""

    turn = 0.25
    monkeypatch.setattr("diptych.store.embedded.lock.MIN_TURN_SECONDS", turn)

    class SlowShard:
        @staticmethod
        def load(path: str) -> EdgeShard:
            time.sleep(2 * turn)
            return EdgeShard.load(path)

    monkeypatch.setattr("diptych.store.embedded.store.EdgeShard", SlowShard)
    owners, operations = [""], [0]

    def keep_busy(name: str, busy: EmbeddedStore) -> None:
        while len(owners) < 6:
            with busy.operation("documents"):
                if owners[-1] != name:
                    owners.append(name)
                    operations.append(0)
                operations[-1] += 1
                time.sleep(turn / 50)

    other = EmbeddedStore(tmp_path / "store", text_shapes(3), lock_seconds=60)
    worker = threading.Thread(target=keep_busy, args=("other", other))
    worker.start()
    keep_busy("first", store)
    worker.join()
    other.close()
    assert min(operations[1:5]) > 3


def test_busy_store_is_reported(tmp_path: Path, store: EmbeddedStore) -> None:
    with store.operation("text"), pytest.raises(StoreBusy, match="DIPTYCH_LOCK_SECONDS"):
        EmbeddedStore(tmp_path / "store", text_shapes(3), lock_seconds=0.3)


def test_broken_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "edge_config.json").write_text("not json")
    with pytest.raises(StoreError, match="cannot be opened as a store"):
        EmbeddedStore(tmp_path, text_shapes(3), lock_seconds=1)


def test_store_that_cannot_be_locked_is_reported(tmp_path: Path) -> None:
    """As on a file system that is mounted read-only."""
    (tmp_path / "turn.lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot be locked \(Is a directory\).*make the folder writable"):
        EmbeddedStore(tmp_path, text_shapes(3), 5)


def test_file_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(StoreError, match=r"notes\.txt: cannot be used as a store"):
        EmbeddedStore(tmp_path / "notes.txt", text_shapes(3), lock_seconds=1)


def test_closed_store_is_reported(store: EmbeddedStore) -> None:
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.text.count()


def test_large_collection_has_payload_indexes_and_a_small_one_none(tmp_path: Path, store: EmbeddedStore) -> None:
    def indexes() -> set[str]:
        with store.operation("text") as shard:
            return set(shard.info().payload_schema)

    points = [
        Point(f"00000000-0000-0000-0000-{n:012d}", {"page": n, "kind": ("text", "table")[n % 2]}) for n in range(600)
    ]
    store.text.upsert(points[: MIN_INDEXED_POINTS - 1])
    assert indexes() == set()
    assert store.text.count(parse_where('kind = "table"')) == MIN_INDEXED_POINTS // 2 - 1
    store.text.upsert(points[MIN_INDEXED_POINTS - 1 :])
    assert indexes() == set(KEYWORD_FIELDS["text"])
    assert store.text.count(parse_where('kind = "table"')) == 300
    store.close()
    again = EmbeddedStore(tmp_path / "store", text_shapes(3), lock_seconds=60)
    assert again.text.count(parse_where('kind = "table"')) == 300
    again.close()


def test_graph_of_bytes_finds_and_scores_as_floats_do(tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).standard_normal((700, 4096), np.float32)  # enough bytes for a graph
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[7] + vectors[8] + vectors[9]
    query /= np.linalg.norm(query)
    opened = EmbeddedStore(tmp_path, text_shapes(4096), lock_seconds=60)
    opened.text.upsert([Point(str(uuid.UUID(int=row)), {}, {TEXT_VECTOR: one}) for row, one in enumerate(vectors)])
    opened.optimize()
    (found,) = opened.text.search([RankedListRequest(3, TEXT_VECTOR, vector=query)])
    opened.close()
    assert list(tmp_path.glob("text/segments/*/vector_storage-dense/quantized.data")), "the graph is one of floats"
    assert {uuid.UUID(one.id).int: one.score for one in found} == pytest.approx(
        {row: float(vectors[row] @ query) for row in (7, 8, 9)}, abs=1e-6
    )
