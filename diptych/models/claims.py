"""Claims: which process is paying for which answer, so that no answer is bought twice."""

import os
import socket
import sqlite3
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from diptych.errors import StoreError

RENEW_SECONDS = 5.0
SILENT_SECONDS = 60.0
"""A claim that is not renewed for so long was left by a process that is dead or stopped. Waiting processes measure it
with their own clocks, because those of two machines may differ."""
POLL_SECONDS = 0.1
HOST = socket.gethostname()
TABLE = (
    "CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, host TEXT NOT NULL, "
    "pid INTEGER NOT NULL, renewals INTEGER NOT NULL)"
)

Claim = tuple[str, int, str, int]
"""Owner, renewals, host, process id."""
Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]
"""A writing transaction, committed at the end of its block; raises `StoreError`."""


class Claims(ABC):
    """Claims of answers by their ledger keys. Thread-safe; no two threads of any process hold the same claim.

    A claim lasts as long as its process renews it. The claims of a process that died on this machine are free at once,
    those of a process on another machine, or of one that is stopped, after `SILENT_SECONDS`.
    """

    def __init__(self) -> None:
        self._owner = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._renewing = False
        self._seen: dict[str, tuple[str, int, float]] = {}
        """Key -> owner and renewals of the claim of another process, and when this process first saw them."""

    @contextmanager
    def claimed(self, keys: Collection[str]) -> Iterator[set[str]]:
        """Claim those of the keys that are free, until the block ends; yields them.

        The caller must then look for answers again: one may have been recorded just before it was claimed.
        """
        with self._lock:
            free = set(keys) - self._held
            self._held |= free
        mine: set[str] = set()
        try:
            mine = self._insert(free) if free else set()
            if mine:
                self._start_renewing()
            with self._lock:
                self._held -= free - mine
            yield mine
        finally:
            with self._lock:
                self._held -= free
            if mine:
                self._delete(mine)

    def wait(self) -> None:
        """Let other threads and processes work for a moment; called between two attempts to claim a key."""
        time.sleep(POLL_SECONDS)

    @abstractmethod
    def _insert(self, keys: set[str]) -> set[str]:
        """Claim the keys that are free, and return them."""

    @abstractmethod
    def _delete(self, keys: set[str]) -> None:
        """End claims of this process."""

    @abstractmethod
    def _renew_all(self) -> None:
        """Show others that this process is alive."""

    def _is_free(self, key: str, claim: Claim | None) -> bool:
        import psutil

        with self._lock:
            if claim is None:
                self._seen.pop(key, None)
                return True
            owner, renewals, host, pid = claim
            now = time.monotonic()
            seen = self._seen.get(key)
            if seen is None or seen[:2] != (owner, renewals):
                self._seen[key] = seen = owner, renewals, now
        dead = host == HOST and not psutil.pid_exists(pid)
        return dead or now - seen[2] >= SILENT_SECONDS

    def _start_renewing(self) -> None:
        with self._lock:
            start, self._renewing = not self._renewing, True
        if start:
            threading.Thread(target=self._renew, name="diptych-claims", daemon=True).start()

    def _renew(self) -> None:
        """Renew the claims of this process until it holds none."""
        while True:
            time.sleep(RENEW_SECONDS)
            with self._lock:
                if not self._held:
                    self._renewing = False
                    return
            with suppress(StoreError):  # the next time may succeed
                self._renew_all()


class FileClaims(Claims):
    """Claims in the ledger's SQLite file."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__()
        self._transaction = transaction

    def _insert(self, keys: set[str]) -> set[str]:
        query = "SELECT owner, renewals, host, pid FROM claims WHERE key = ?"
        with self._transaction() as connection:
            connection.execute(TABLE)
            mine = {key for key in sorted(keys) if self._is_free(key, connection.execute(query, (key,)).fetchone())}
            rows = [(key, self._owner, HOST, os.getpid()) for key in mine]
            connection.executemany("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, 0)", rows)
        return mine

    def _delete(self, keys: set[str]) -> None:
        with self._transaction() as connection:
            rows = [(key, self._owner) for key in sorted(keys)]
            connection.executemany("DELETE FROM claims WHERE key = ? AND owner = ?", rows)

    def _renew_all(self) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE claims SET renewals = renewals + 1 WHERE owner = ?", (self._owner,))
