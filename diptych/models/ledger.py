"""What was paid for, kept for good: captions, vectors, and batches under way; one SQLite file in the picture folder.

All documents, runs, threads and processes share it. Its rollback journal (not WAL, which needs shared memory that
network file systems lack) makes a kill at any instant harmless: what was kept is kept, the rest is as if never written.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from diptych.errors import StoreBusy, StoreError
from diptych.prices import Usage

LEDGER_NAME = "ledger.sqlite"
FORMAT = 1
AT_ONCE = 500
"""Keys in one question to SQLite, which bounds its variables."""
TABLES = (
    "CREATE TABLE captions (key TEXT PRIMARY KEY, model TEXT NOT NULL, text TEXT NOT NULL, refusal TEXT NOT NULL, "
    "input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, batched INTEGER NOT NULL, written_tokens INTEGER NOT NULL, price REAL, "
    "at TEXT NOT NULL)",
    "CREATE TABLE vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL CHECK (length(vector) % 4 = 0), "
    "at TEXT NOT NULL)",
    "CREATE TABLE batches (id TEXT PRIMARY KEY, model TEXT NOT NULL, kind TEXT NOT NULL, items TEXT NOT NULL, "
    "at TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '')",
)
_USAGE = "input_tokens, cached_tokens, output_tokens, requests, batched, written_tokens"
"""The fields of `Usage`, in its order."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_OUTSIDE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
)

BatchKind = Literal["captions", "embeddings"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class LedgerCaption:
    """An answer that was paid for."""

    model: str
    """As the settings write it: `openai:gpt-…`."""
    text: str
    """Empty: it was refused."""
    refusal: str = ""
    usage: Usage = field(default_factory=Usage)
    price: float | None = None
    """US dollars; None: the price was unknown."""
    at: str = field(default_factory=_now)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that a provider works on, or whose results were not fetched yet."""

    id: str
    """The provider's."""
    model: str
    kind: BatchKind
    items: Mapping[str, Sequence[str]]
    """Item id -> the keys, of captions or vectors, that its answer fills."""
    at: str = field(default_factory=_now)
    """When it was submitted, UTC."""


@dataclass(frozen=True, slots=True)
class ModelSpending:
    """What the kept captions of one model cost."""

    model: str
    captions: int
    """Answers, refusals included."""
    refused: int
    usage: Usage
    price: float
    """US dollars of those whose price was known."""
    unpriced: int
    """Answers whose price was unknown."""


class Ledger:
    """Thread-safe, and safe beside other processes. Created by the first write; before that it is empty.

    Every method raises `StoreError` when the file cannot be read or written, `StoreBusy` when another process did not
    let go of it for `lock_seconds`. Each opens a connection of its own, so none crosses a thread or a fork.
    """

    def __init__(self, folder: Path, lock_seconds: float = 60) -> None:
        self.path = folder / LEDGER_NAME
        self._lock_seconds = lock_seconds

    def captions(self, keys: Sequence[str]) -> dict[str, LedgerCaption]:
        """Those of `keys` that were asked before, by key."""
        rows = self._rows(f"SELECT key, model, text, refusal, price, at, {_USAGE} FROM captions WHERE key IN", keys)
        return {row[0]: _caption(row) for row in rows}

    def add_caption(self, key: str, caption: LedgerCaption) -> None:
        """Keep an answer. The first one under a key stays, so that a batch may be fetched twice."""
        self.add_captions({key: caption})

    def add_captions(self, captions: Mapping[str, LedgerCaption]) -> None:
        """Keep answers, all or none of them; the first one under a key stays."""
        with self._writing() as connection:
            connection.executemany(
                f"INSERT OR IGNORE INTO captions (key, model, text, refusal, price, at, {_USAGE}) "
                f"VALUES ({','.join('?' * (6 + len(fields(Usage))))})",
                ((key, c.model, c.text, c.refusal, c.price, c.at, *astuple(c.usage)) for key, c in captions.items()),
            )

    def find_captions(self, said: Set[tuple[str, str, str]]) -> dict[str, LedgerCaption]:
        """Those whose (model, text, refusal) is in `said`, by key; it reads all there are."""
        with self._reading() as connection:
            question = f"SELECT key, model, text, refusal, price, at, {_USAGE} FROM captions ORDER BY key"
            rows = connection.execute(question) if connection and said else ()
            return {row[0]: _caption(row) for row in rows if row[1:4] in said}

    def vectors(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Those of `keys` that are kept: key -> vector, shape (size,), float32, writable."""
        rows = self._rows("SELECT key, vector FROM vectors WHERE key IN", keys)
        return {key: np.frombuffer(blob, "<f4").astype(np.float32) for key, blob in rows}

    def add_vectors(self, vectors: Mapping[str, NDArray[np.floating]]) -> None:
        """Keep vectors, all or none of them; the first one under a key stays."""
        at = _now()
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                ((key, np.asarray(vector).astype("<f4").tobytes(), at) for key, vector in vectors.items()),
            )

    def add_batch(self, batch: OpenBatch) -> None:
        """Keep the id of a batch, at once after its provider gave it: a run that dies now fetches it another time."""
        items = json.dumps({item: list(keys) for item, keys in batch.items.items()})
        with self._writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO batches (id, model, kind, items, at) VALUES (?, ?, ?, ?, ?)",
                (batch.id, batch.model, batch.kind, items, batch.at),
            )

    def open_batches(self, model: str) -> list[OpenBatch]:
        """Batches of `model` that were submitted and have not ended, oldest first."""
        question = "SELECT id, model, kind, items, at FROM batches WHERE ended = '' AND model = ? ORDER BY at, id"
        with self._reading() as connection:
            rows = connection.execute(question, (model,)).fetchall() if connection else []
        return [OpenBatch(id, name, kind, json.loads(items), at) for id, name, kind, items, at in rows]

    def close_batch(self, batch: str) -> None:
        """Its results are kept, or it never will have any: it is not looked at again."""
        with self._writing() as connection:
            connection.execute("UPDATE batches SET ended = ? WHERE id = ? AND ended = ''", (_now(), batch))

    def spending(self) -> list[ModelSpending]:
        """What all kept captions cost, model by model, batch endpoints apart (`usage.batched`)."""
        question = (
            "SELECT model, count(*), sum(refusal != ''), total(price), sum(price IS NULL), sum(input_tokens), "
            "sum(cached_tokens), sum(output_tokens), sum(requests), batched, sum(written_tokens) FROM captions "
            "GROUP BY model, batched ORDER BY model, batched"
        )
        with self._reading() as connection:
            rows = connection.execute(question).fetchall() if connection else []
        return [
            ModelSpending(model, captions, refused, _usage(used), price, unpriced)
            for model, captions, refused, price, unpriced, *used in rows
        ]

    def _rows(self, question: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._reading() as connection:
            if connection is None:
                return rows
            for start in range(0, len(keys), AT_ONCE):
                some = keys[start : start + AT_ONCE]
                rows += connection.execute(f"{question} ({','.join('?' * len(some))})", some)
        return rows

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection to read with; None: nothing was ever written."""
        with self._told():
            if not self.path.exists():
                yield None
                return
            # Open for writing too: only so can what a killed process left half-written be rolled back.
            with closing(self._connected("rw")) as connection:
                yield connection if self._format(connection) else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction, which is kept when the block ends and undone when it raises."""
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connected("rwc")) as connection:
                connection.execute("BEGIN IMMEDIATE")  # a read lock that wants to become a write lock may deadlock
                if not self._format(connection):
                    for table in TABLES:
                        connection.execute(table)
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                yield connection
                connection.execute("COMMIT")  # closing without it undoes everything

    def _connected(self, mode: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, timeout=self._lock_seconds, isolation_level=None, uri=True)

    def _format(self, connection: sqlite3.Connection) -> int:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > FORMAT:
            raise StoreError(f"{self.path}: written by a newer version of Diptych; update this one")
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # ours, not the file's
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the part that only says where
            if code in _BUSY:
                raise StoreBusy(
                    f"{self.path}: another process has been writing it for {self._lock_seconds:g} s; run again when it "
                    f"has ended"
                ) from error
            if code in _OUTSIDE:
                raise StoreError(
                    f"{self.path}: {error}; check the disk's free space and who may write there"
                ) from error
            raise StoreError(
                f"{self.path}: the ledger of paid captions is damaged ({error}); put a backup in its place or mend it "
                f"with `sqlite3 {self.path.name} .recover`; without it, captions are paid for again"
            ) from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}; check the folder and who may write there") from error


def _caption(row: Sequence[Any]) -> LedgerCaption:
    _, model, text, refusal, price, at, *used = row
    return LedgerCaption(model, text, refusal, _usage(used), price, at)


def _usage(columns: Sequence[int]) -> Usage:
    read, cached, written, requests, batched, into_cache = columns
    return Usage(read, cached, written, requests, bool(batched), into_cache)
