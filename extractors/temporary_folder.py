"""Temporary folders that do not stay when their process is killed: the next process removes them.

A folder is locked as long as its process lives, so that a folder without a lock is one that was left behind.
"""

import fcntl
import os
import re
import shutil
import tempfile
import weakref
from contextlib import suppress
from functools import cache
from pathlib import Path

_PREFIX = "diptych-tmp-"
_NAME = re.compile(_PREFIX + r"[a-z0-9_]{8}")


class TemporaryFolder:
    """A private folder that is removed at the end of a `with` block, by `close`, or with this object."""

    def __init__(self) -> None:
        """Create it, and remove the folders that killed processes have left. Raises `OSError`."""
        _remove_left_folders(tempfile.gettempdir())
        name, lock = _create_locked()
        self.path = Path(name)
        self.close = weakref.finalize(self, _remove, name, lock, os.getpid())

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *error: object) -> None:
        self.close()


def _create_locked() -> tuple[str, int]:
    """(path, descriptor that holds the lock). Another process may remove a folder before it is locked."""
    while True:
        name = tempfile.mkdtemp(prefix=_PREFIX)
        with suppress(FileNotFoundError):
            lock = os.open(name, os.O_RDONLY)
            with suppress(OSError):  # a file system without locks, where nobody removes folders
                fcntl.flock(lock, fcntl.LOCK_SH)
            if Path(name).exists():
                return name, lock
            os.close(lock)


def _remove(name: str, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # else that of a forked process
        shutil.rmtree(name, ignore_errors=True)
        os.close(lock)


@cache
def _remove_left_folders(parent: str) -> None:
    """Once per process."""
    with suppress(OSError):
        for entry in os.scandir(parent):
            if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):  # in use, or of another user
                    _remove_unlocked(entry.path)


def _remove_unlocked(folder: str) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
