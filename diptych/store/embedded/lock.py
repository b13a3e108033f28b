"""One owner of a store folder at a time, with a fair hand-over between processes.

There are two lock files. The process whose engine is open holds `owner`. The process that waits next in line holds
`turn`: to get the store, take `turn`, then `owner`, then release `turn`. An owner finds out that another process
waits by trying to take `turn`, and hands over between two operations. The kernel releases both locks when a process
dies, however it dies.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diptych.errors import StoreBusy, StoreError

POLL_SECONDS = 0.02  # flock has no time-out of its own
MIN_TURN_SECONDS = 1.0  # a change of hands takes tenths of a second: two busy processes should not swap too often
DOCUMENT_LOCKS = 256  # lock files for all documents together: two documents that share one only wait for each other


class HandoverLock:
    """Exclusive across processes and across instances. Not re-entrant."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owner: int | None = None
        self._opening_seconds = self._turn_ends = 0.0

    def acquire(self, seconds: float) -> None:
        """Wait to become the owner. Raises `StoreBusy` after `seconds`."""
        deadline = time.monotonic() + seconds
        turn = self._wait_for("turn.lock", deadline)
        try:
            self._owner, self._opening_seconds = self._wait_for("owner.lock", deadline), 0.0
        finally:
            os.close(turn)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """While something is opened: it is used for as long as that took, or swaps would take most of the time."""
        start = time.monotonic()
        yield
        now = time.monotonic()
        self._opening_seconds += now - start
        self._turn_ends = now + max(self._opening_seconds, MIN_TURN_SECONDS)

    @property
    def turn_is_over(self) -> bool:
        return time.monotonic() > self._turn_ends

    def release(self) -> None:
        if self._owner is not None:
            os.close(self._owner)  # closing a file releases its lock
            self._owner = None

    def is_wanted(self) -> bool:
        """Whether another process waits for the store."""
        handle = _open_lock(self._folder / "turn.lock")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _wait_for(self, name: str, deadline: float) -> int:
        handle = _open_lock(self._folder / name)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(handle)
                    raise StoreBusy(
                        f"{self._folder}: another process keeps the store busy. Try again, or wait longer with "
                        f"DIPTYCH_LOCK_SECONDS"
                    ) from None
                time.sleep(POLL_SECONDS)


@contextmanager
def document_lock(folder: Path, document: str) -> Iterator[None]:
    """Allow one ingest of a document at a time, in all threads and processes that share the store's folder."""
    locks = folder / "locks"
    locks.mkdir(exist_ok=True)
    number = int(hashlib.sha256(document.encode()).hexdigest(), 16) % DOCUMENT_LOCKS
    with file_lock(locks / f"{number:02x}.lock"):
        yield


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Wait for the lock of a file, which is created, and hold it until the block ends, or the process dies."""
    handle = _open_lock(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def wait_for_document_locks(folder: Path) -> None:
    """Wait until all document locks that are held now have ended."""
    for path in (folder / "locks").glob("*.lock"):
        handle = _open_lock(path)
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.close(handle)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:  # the folder was removed
        raise
    except OSError as error:
        reason = f"cannot be locked ({error.strerror}), which reading needs as well"
        raise StoreError(f"{path.parent}: {reason}; make the folder writable, or use a copy of the store") from error
