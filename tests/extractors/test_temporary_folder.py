"""Temporary folders end with their process, or are removed by the next one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from extractors import temporary_folder
from extractors.temporary_folder import TemporaryFolder


@pytest.fixture(autouse=True)
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folder_is_private_and_removed_in_the_end(parent: Path) -> None:
    with TemporaryFolder() as folder:
        (folder / "a").write_text("a")
        assert folder.parent == parent
        assert folder.stat().st_mode & 0o777 == 0o700
    kept = TemporaryFolder()
    kept.close()
    kept.close()
    assert list(parent.iterdir()) == []


def test_folder_of_a_killed_process_is_removed_by_the_next_one(parent: Path) -> None:
    used = TemporaryFolder()
    child = os.fork()
    if not child:  # ends as if it were killed
        left = TemporaryFolder()
        (left.path / "a").write_text("a")
        os._exit(0)
    os.waitpid(child, 0)
    (parent / "diptych-tmp-of-somebody").mkdir()
    assert len(list(parent.iterdir())) == 3
    temporary_folder._remove_left_folders.cache_clear()  # as in the next process
    with TemporaryFolder() as folder:
        assert sorted(parent.iterdir()) == sorted([used.path, folder, parent / "diptych-tmp-of-somebody"])
    used.close()


def test_forked_process_leaves_the_folder_to_its_parent(parent: Path) -> None:
    with TemporaryFolder() as folder:
        child = os.fork()
        if not child:
            temporary_folder._remove(str(folder), -1, os.getppid())
            os._exit(0)
        os.waitpid(child, 0)
        assert folder.exists()


def test_folder_that_is_removed_before_it_is_locked_is_replaced(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, made = tempfile.mkdtemp, []

    def make_and_lose(prefix: str) -> str:
        made.append(make(prefix=prefix))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_lose)
    with TemporaryFolder() as folder:
        assert [str(folder)] == made[1:]
