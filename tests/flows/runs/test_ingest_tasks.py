"""How documents are distributed to tasks."""

from __future__ import annotations

from pathlib import Path

from extractors.types import Source
from flows.runs.ingest_tasks import MAX_TASKS, batch_sources
from tests.support.papers import pdf_source

LARGE = 300_000


def write_sources(folder: Path, sizes: dict[str, int]) -> list[Source]:
    return [pdf_source(folder / name, size) for name, size in sizes.items()]


def test_large_documents_have_their_own_task_and_small_ones_share(tmp_path: Path) -> None:
    small = {f"{number}.png": 10 for number in range(40)}
    batches = batch_sources(write_sources(tmp_path, {"book.pdf": LARGE, **small, "atlas.pdf": LARGE}))
    assert [len(batch) for batch in batches] == [1, 1, 32, 8]
    assert [batch[0].name for batch in batches[:2]] == ["book.pdf", "atlas.pdf"]


def test_a_few_small_documents_have_their_own_tasks(tmp_path: Path) -> None:
    batches = batch_sources(write_sources(tmp_path, {"a.png": 1, "b.png": 1, "c.pdf": LARGE}))
    assert sorted(batch[0].name for batch in batches) == ["a.png", "b.png", "c.pdf"]


def test_number_of_tasks_is_limited(tmp_path: Path) -> None:
    path = pdf_source(tmp_path / "book.pdf", LARGE).path
    many = [Source(path, f"file:///{n}", str(n), str(n), "application/pdf") for n in range(1300)]
    batches = batch_sources(many)
    assert len(batches) <= MAX_TASKS
    assert [source for batch in batches for source in batch] == many
