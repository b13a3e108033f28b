"""`diptych watch` with a real store; the file events themselves are in test_folder_watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.cli.folder_watch import FolderWatch
from tests.support.command_line import document_statuses, run_messages
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.papers import write_paper


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("a", "b", "c"):
        write_paper(folder / f"{name}.pdf", f"Paper {name}.")
    return folder


def follow(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], set[Path]]) -> None:
    """Report what each step changes, then Ctrl-C."""
    coming: Iterator[Callable[[], set[Path]]] = iter(steps)

    def next_changes(self: FolderWatch) -> set[Path]:
        step = next(coming, None)
        if step is None:
            raise KeyboardInterrupt
        return step()

    monkeypatch.setattr(FolderWatch, "next", next_changes)


def test_changes_are_ingested_and_deletes_are_guarded(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    def add() -> set[Path]:
        write_paper(docs / "d.pdf", "Paper d.")
        return {docs / "d.pdf"}

    def remove(*names: str) -> Callable[[], set[Path]]:
        def run() -> set[Path]:
            for name in names:
                (docs / name).unlink()
            return {docs / name for name in names}

        return run

    def empty() -> set[Path]:
        (docs / "a.pdf").unlink()
        return {docs / "a.pdf"}

    follow(monkeypatch, add, remove("b.pdf"), remove("c.pdf", "d.pdf"), lambda: {docs / "a.pdf"}, empty)
    lines = run_messages(capsys, "watch", "docs", "--store", "s")
    assert [line for line in lines if line.startswith("complete ")][3:][0].startswith("complete   docs/d.pdf: ")
    assert sum(line.startswith("complete ") for line in lines) == 4
    assert "watching   docs; Ctrl-C ends it" in lines
    assert "deleted    docs/b.pdf: its file is gone" in lines
    assert sum("too many to delete without confirmation" in line for line in lines) == 1  # and not at every change
    assert any("the folder is empty" in line for line in lines)
    assert lines[-1] == "stopped watching"
    assert document_statuses(capsys, "s").keys() == {"docs/a.pdf", "docs/c.pdf", "docs/d.pdf"}
