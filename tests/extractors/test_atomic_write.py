import os
from pathlib import Path

import pytest

from extractors import atomic_write


def test_files_that_are_renamed_while_their_folder_is_synced_are_synced_under_their_new_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp-open-2").write_text("a segment of a log")
    opened: list[str] = []

    def open_after_rename(path: Path, flags: int) -> int:
        if path.name == "tmp-open-2":
            path.rename(tmp_path / "open-2")
        handle = os_open(path, flags)
        opened.append(path.name)
        return handle

    os_open = os.open
    monkeypatch.setattr(os, "open", open_after_rename)
    atomic_write.sync_folder(tmp_path)
    assert opened == ["open-2"]


def test_folder_that_does_not_exist_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic_write.sync_folder(tmp_path / "missing")
