"""Graphs of the embedded store: built beside a large collection, which is searched and written meanwhile."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import StoreError
from diptych.store.disk_space import RESERVE_TO_START, allocated_bytes
from diptych.store.embedded import graphs
from diptych.store.embedded.store import EmbeddedStore
from diptych.store.types import TEXT_VECTOR, Point, RankedListRequest, text_shapes

SIZE, POINTS = 4096, 700  # enough bytes for a graph
VECTORS = np.random.default_rng(1).standard_normal((POINTS + 1, SIZE), np.float32)
LATE = POINTS


def make_point(row: int) -> Point:
    return Point(str(uuid.UUID(int=row)), {"page": row}, {TEXT_VECTOR: VECTORS[row]})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedStore]:
    monkeypatch.setattr(graphs, "MIN_POINTS", POINTS)
    opened = EmbeddedStore(tmp_path / "store", text_shapes(SIZE), lock_seconds=60)
    opened.text.upsert(list(map(make_point, range(POINTS))))
    yield opened
    opened.close()


def has_graph(folder: Path) -> bool:
    return any(folder.glob("text/segments/*/vector_storage-dense/quantized.data"))


def nearest(store: EmbeddedStore, row: int) -> int:
    (found,) = store.text.search([RankedListRequest(1, TEXT_VECTOR, vector=VECTORS[row])])
    return uuid.UUID(found[0].id).int


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> list[object]:
    """What `work` returns when it is called while a graph is being built."""
    results, run_engine = [], graphs._run_engine

    def run_both(copy: Path) -> None:
        results.append(work())
        run_engine(copy)

    monkeypatch.setattr(graphs, "_run_engine", run_both)
    return results


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*"))


def test_collection_is_searched_while_its_graph_is_built(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (tmp_path / "store" / "text").stat().st_ino
    results = meanwhile(monkeypatch, lambda: nearest(store, 7))
    store.optimize()
    assert results == [7]
    assert (has_graph(tmp_path / "store"), (tmp_path / "store" / "text").stat().st_ino == before) == (True, False)
    assert [nearest(store, row) for row in (0, POINTS - 1)] == [0, POINTS - 1]
    store.text.upsert([make_point(LATE)])
    assert (nearest(store, LATE), store.text.count()) == (LATE, POINTS + 1)
    assert left_behind(tmp_path / "store") == []


def test_what_another_process_writes_while_a_graph_is_built_is_not_lost(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = EmbeddedStore(tmp_path / "store", text_shapes(SIZE), lock_seconds=60)
    meanwhile(monkeypatch, lambda: other.text.upsert([make_point(LATE)]))
    store.optimize()
    other.close()
    assert (nearest(store, LATE), store.text.count()) == (LATE, POINTS + 1)
    assert has_graph(tmp_path / "store")
    assert left_behind(tmp_path / "store") == []


def test_what_is_deleted_while_a_graph_is_built_stays_deleted(
    store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: store.text.delete([make_point(7).id]))
    store.optimize()
    assert store.text.count() == POINTS - 1
    assert nearest(store, 7) != 7


@pytest.mark.parametrize("killed_after", ["the copy", "the first step", "the second step"])
def test_process_that_dies_while_a_graph_is_built_loses_nothing(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch, killed_after: str
) -> None:
    folder = tmp_path / "store"
    store.close()
    if killed_after == "the copy":
        (folder / ".copy-text").mkdir()
        (folder / ".unchanged-text").touch()
    else:
        os.renames(folder / "text", folder / ".replaced-text")
        if killed_after == "the second step":
            subprocess.run(["cp", "-r", folder / ".replaced-text", folder / "text"], check=True)
    again = EmbeddedStore(folder, text_shapes(SIZE), lock_seconds=60)
    assert (again.text.count(), nearest(again, 7)) == (POINTS, 7)
    again.optimize()
    assert (again.text.count(), nearest(again, 7), has_graph(folder)) == (POINTS, 7, True)
    assert left_behind(folder) == []
    again.close()


def test_graph_that_cannot_be_built_leaves_the_collection_as_it_was(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "BUILD", "raise SystemExit('no luck today')")
    with pytest.raises(StoreError, match=r"everything is stored and can be searched, but slowly: .* no luck today"):
        store.optimize()
    assert (nearest(store, 7), store.text.count()) == (7, POINTS)
    assert left_behind(tmp_path / "store") == []


def test_without_room_for_a_copy_graphs_are_built_in_place(
    tmp_path: Path, store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = allocated_bytes(tmp_path / "store" / "text")
    monkeypatch.setattr(graphs, "free_bytes", lambda place: RESERVE_TO_START + int(1.5 * size))
    results = meanwhile(monkeypatch, lambda: "copied")
    store.optimize()
    assert (results, has_graph(tmp_path / "store")) == ([], True)


def test_holes_of_files_stay_holes(tmp_path: Path) -> None:
    sparse, copy = tmp_path / "sparse", tmp_path / "copy"
    with sparse.open("wb") as file:
        file.write(b"begin")
        file.seek(8 << 20)
        file.write(b"middle")
        file.truncate(16 << 20)
    graphs._copy_file(str(sparse), str(copy))
    assert copy.read_bytes() == sparse.read_bytes()
    assert copy.stat().st_blocks <= sparse.stat().st_blocks + 2 * len(graphs.ZEROS) // 512
