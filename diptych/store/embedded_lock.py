"""One owner at a time, and a fair hand-over between processes.

Two lock files. `owner` is held by the process whose engine is open. `turn` is held by the one who waits next in line:
whoever wants the store takes `turn`, then `owner`, then gives `turn` back. So an owner learns that somebody waits by
trying `turn`, and steps back between two operations. The kernel frees both when a process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diptych.errors import StoreBusy

POLL = 0.02  # seconds; flock has no time-out of its own
STRIPES = 256  # lock files for all documents together: two that share one merely wait for each other


class HandoverLock:
    """Exclusive across processes and across instances; not re-entrant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner: int | None = None

    def acquire(self, seconds: float) -> None:
        """Wait for our turn. Raises `StoreBusy` after `seconds`."""
        deadline = time.monotonic() + seconds
        turn = self._lock("turn", deadline)
        try:
            self._owner = self._lock("owner", deadline)
        finally:
            os.close(turn)

    def release(self) -> None:
        if self._owner is not None:
            os.close(self._owner)  # closing gives the lock back
            self._owner = None

    def wanted(self) -> bool:
        """Does somebody else wait for the store?"""
        handle = self._open("turn")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _open(self, name: str) -> int:
        return os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _lock(self, name: str, deadline: float) -> int:
        handle = self._open(name)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(handle)
                    raise StoreBusy(
                        f"{self._folder}: another process keeps the store busy; try again, "
                        "or wait longer with DIPTYCH_LOCK_SECONDS"
                    ) from None
                time.sleep(POLL)


@contextmanager
def document_lock(folder: Path, document: str) -> Iterator[None]:
    """One ingest of a document at a time, among all threads and processes that share the store's folder."""
    place = folder / "locks"
    place.mkdir(exist_ok=True)
    stripe = int(hashlib.sha256(document.encode()).hexdigest(), 16) % STRIPES
    handle = os.open(place / f"{stripe:02x}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
