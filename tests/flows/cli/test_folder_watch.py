"""Changed files are reported when they are whole, from real file events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych.errors import SourceError
from flows.cli import folder_watch
from flows.cli.folder_watch import FolderWatch


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folder_watch, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(folder_watch, "POLL_SECONDS", 0.02)
    (tmp_path / "docs" / "store").mkdir(parents=True)
    return tmp_path / "docs"


@pytest.fixture
def watched(folder: Path) -> Iterator[FolderWatch]:
    with FolderWatch([folder], [folder / "store"]) as watching:
        (folder / "first.pdf").touch()
        assert watching.next() == {folder / "first.pdf"}
        yield watching


def test_only_whole_documents_count(folder: Path, watched: FolderWatch) -> None:
    for ignored in (".hidden.pdf", "~$deck.pptx", "half.pdf.part", "notes.xyz", "store/picture.png"):
        (folder / ignored).write_bytes(b"x")
    (folder / "half.pdf.part").rename(folder / "whole.pdf")
    assert watched.next() == {folder / "whole.pdf"}


def test_a_file_that_is_being_written_is_not_whole(folder: Path, watched: FolderWatch) -> None:
    (folder / "growing.pdf").write_bytes(b"1")
    (folder / "other.pdf").write_bytes(b"1")
    looked = 0
    while not (looked and watched._look()[0]):  # grows at every look, until only the other one has settled
        watched._gather()
        with (folder / "growing.pdf").open("ab") as file:
            file.write(b"2")
        looked = len(watched._changed)
    whole, waiting = watched._look()
    assert (whole, waiting) == ({folder / "other.pdf"}, True)
    assert watched.next() == {folder / "growing.pdf", folder / "other.pdf"}


def test_deleted_files_and_folders_that_are_moved_count(folder: Path, watched: FolderWatch) -> None:
    many = folder.parent / "many"
    many.mkdir()
    for number in range(1000):
        (many / f"{number}.png").write_bytes(b"x")
    many.rename(folder / "many")
    assert watched.next() == {folder / "many" / f"{number}.png" for number in range(1000)}
    (folder / "first.pdf").unlink()
    (folder / "many").rename(many)
    gone = watched.next()
    assert folder / "first.pdf" in gone
    assert folder / "many" in gone


def test_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file or folder"):
        FolderWatch([tmp_path / "nothing"])
