"""The ledger of what was paid for: captions, vectors, and batches under way; one SQLite file in the picture folder.

It also has what processes that work at the same time must know of each other: claims, and the counts of runs.

All documents, runs, threads and processes share it. Its rollback journal makes a kill at any instant harmless: a
transaction is either complete or never happened. (A WAL needs shared memory, which network file systems lack.)
"""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from diptych.errors import StoreBusy, StoreError
from diptych.models.claims import Claims, FileClaims
from diptych.models.counts import Counts, SharedCounts
from diptych.prices import Usage
from diptych.vectors import Vector, vector_from_bytes, vector_to_bytes
from extractors.atomic_write import make_private_folder
from extractors.timing import utc_now

LEDGER_NAME = "ledger.sqlite"
FORMAT = 1
KEYS_PER_QUERY = 500
"""SQLite limits the variables of a query."""
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
_UNUSABLE = "CREATE TABLE IF NOT EXISTS unusable (key TEXT PRIMARY KEY, reason TEXT NOT NULL)"
_USAGE = "input_tokens, cached_tokens, output_tokens, requests, batched, written_tokens"
"""The fields of `Usage`, in its order."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_ENVIRONMENT = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
)

BatchKind = Literal["captions", "embeddings"]


def ledger_key(*parts: str) -> str:
    """The key of an answer to what these parts say."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class LedgerCaption:
    """A paid answer of a vision model: a caption, or a proposed question."""

    model: str
    """As the settings write it: `openai:gpt-…`."""
    text: str
    """Empty if it was refused."""
    refusal: str = ""
    usage: Usage = field(default_factory=Usage)
    price: float | None = None
    """US dollars; None: the price was unknown."""
    at: str = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch whose results have not been fetched yet."""

    id: str
    """At the provider."""
    model: str
    kind: BatchKind
    items: Mapping[str, Sequence[str]]
    """Item id -> keys of the captions or vectors that its answer provides."""
    at: str = field(default_factory=utc_now)
    """Time of submission, UTC."""


class Ledger:
    """Paid captions, vectors and open batches. Safe for threads and processes; the first write creates the file.

    Every method raises `StoreError` when the file cannot be read or written, and `StoreBusy` when another process has
    locked it for `lock_seconds`. Each call opens its own connection, so no connection crosses a thread or a fork.
    """

    def __init__(self, folder: Path, lock_seconds: float = 60) -> None:
        self.path = folder / LEDGER_NAME
        self._lock_seconds = lock_seconds
        self.claims: Claims = FileClaims(self._writing)
        """Which process is paying for which answer."""

    def counts(self, run: str) -> Counts:
        """What the processes of a run have used and reserved together."""
        return SharedCounts(self._writing, run)

    def captions(self, keys: Sequence[str]) -> dict[str, LedgerCaption]:
        """The captions recorded under these keys, by key."""
        rows = self._rows(f"SELECT key, model, text, refusal, price, at, {_USAGE} FROM captions WHERE key IN", keys)
        return {row[0]: _caption(row) for row in rows}

    def add_caption(self, key: str, caption: LedgerCaption) -> None:
        """Record a caption; an earlier one under the same key stays, so that a batch may be fetched twice."""
        self.add_captions({key: caption})

    def add_captions(self, captions: Mapping[str, LedgerCaption]) -> None:
        """Record captions, all or none; an earlier one under the same key stays."""
        with self._writing() as connection:
            connection.executemany(
                f"INSERT OR IGNORE INTO captions (key, model, text, refusal, price, at, {_USAGE}) "
                f"VALUES ({','.join('?' * (6 + len(fields(Usage))))})",
                ((key, c.model, c.text, c.refusal, c.price, c.at, *astuple(c.usage)) for key, c in captions.items()),
            )

    def add_unusable(self, key: str, reason: str) -> None:
        """Record why an answer of a batch is no caption, until a run has reported it instead of asking again."""
        with self._writing() as connection:
            connection.execute(_UNUSABLE)
            connection.execute("INSERT OR REPLACE INTO unusable VALUES (?, ?)", (key, reason))

    def unusable(self, keys: Sequence[str]) -> dict[str, str]:
        """Key -> reason of those keys whose answer was unusable and not reported yet."""
        if not keys:
            return {}
        with self._reading() as connection:
            found = connection and connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'unusable'").fetchone()
        return dict(self._rows("SELECT key, reason FROM unusable WHERE key IN", keys)) if found else {}

    def forget_unusable(self, keys: Collection[str]) -> None:
        with self._writing() as connection:
            connection.executemany("DELETE FROM unusable WHERE key = ?", ((key,) for key in keys))

    def find_captions(self, contents: Set[tuple[str, str, str]]) -> dict[str, LedgerCaption]:
        """Captions whose (model, text, refusal) is in `contents`, by key. Reads the whole table."""
        with self._reading() as connection:
            query = f"SELECT key, model, text, refusal, price, at, {_USAGE} FROM captions ORDER BY key"
            rows = connection.execute(query) if connection and contents else ()
            return {row[0]: _caption(row) for row in rows if row[1:4] in contents}

    def vectors(self, keys: Sequence[str]) -> dict[str, Vector]:
        """The vectors recorded under these keys: key -> vector, shape (size,), float32, writable."""
        rows = self._rows("SELECT key, vector FROM vectors WHERE key IN", keys)
        return {key: vector_from_bytes(blob) for key, blob in rows}

    def add_vectors(self, vectors: Mapping[str, Vector]) -> None:
        """Record vectors, all or none; an earlier one under the same key stays."""
        at = utc_now()
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)",
                ((key, vector_to_bytes(vector), at) for key, vector in vectors.items()),
            )

    def add_batch(self, batch: OpenBatch) -> None:
        """Record a batch right after its submission, so that a later run can fetch it if this one dies."""
        items = json.dumps({item: list(keys) for item, keys in batch.items.items()})
        with self._writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO batches (id, model, kind, items, at) VALUES (?, ?, ?, ?, ?)",
                (batch.id, batch.model, batch.kind, items, batch.at),
            )

    def open_batches(self, model: str) -> list[OpenBatch]:
        """Batches of `model` that are not closed, oldest first."""
        query = "SELECT id, model, kind, items, at FROM batches WHERE ended = '' AND model = ? ORDER BY at, id"
        with self._reading() as connection:
            rows = connection.execute(query, (model,)).fetchall() if connection else []
        return [OpenBatch(id, name, kind, json.loads(items), at) for id, name, kind, items, at in rows]

    def close_batch(self, batch: str) -> None:
        """Mark a batch as finished: its results are recorded, or it will never have any."""
        with self._writing() as connection:
            connection.execute("UPDATE batches SET ended = ? WHERE id = ? AND ended = ''", (utc_now(), batch))

    def _rows(self, query: str, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._reading() as connection:
            if connection is None:
                return rows
            for start in range(0, len(keys), KEYS_PER_QUERY):
                chunk = keys[start : start + KEYS_PER_QUERY]
                rows += connection.execute(f"{query} ({','.join('?' * len(chunk))})", chunk)
        return rows

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection; None if nothing was ever written."""
        with self._store_errors():
            if not self.path.exists():
                yield None
                return
            # Opened for writing too, because SQLite may have to roll back what a killed process left.
            with closing(self._connect("rw")) as connection:
                yield connection if self._format(connection) else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside a transaction; it is committed at the end of the block unless that raises."""
        with self._store_errors():
            make_private_folder(self.path.parent)
            with closing(self._connect("rwc")) as connection:
                connection.execute("BEGIN IMMEDIATE")  # upgrading a read lock could deadlock
                if not self._format(connection):
                    for table in TABLES:
                        connection.execute(table)
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                yield connection
                connection.execute("COMMIT")

    def _connect(self, mode: str) -> sqlite3.Connection:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        return sqlite3.connect(address, timeout=self._lock_seconds, isolation_level=None, uri=True)

    def _format(self, connection: sqlite3.Connection) -> int:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > FORMAT:
            raise StoreError(f"{self.path}: written by a newer version of Diptych; update this one")
        return found

    @contextmanager
    def _store_errors(self) -> Iterator[None]:
        """Raise SQLite's errors as `StoreError`."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a bug of ours
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the part that only says where
            if code in _BUSY:
                raise StoreBusy(
                    f"{self.path} has been locked by another process for {self._lock_seconds:g} s; run again when that "
                    f"has ended"
                ) from error
            if code in _ENVIRONMENT:
                raise StoreError(f"{self.path}: {error}; check free disk space and write permissions") from error
            raise StoreError(
                f"{self.path}: the ledger of paid captions is damaged ({error}). Restore a backup or repair it with "
                f"`sqlite3 {self.path.name} .recover`; without it, captions are paid for again"
            ) from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}; check the folder and its write permissions") from error


def _caption(row: Sequence[Any]) -> LedgerCaption:
    _, model, text, refusal, price, at, input_tokens, cached, output, requests, batched, written = row
    usage = Usage(input_tokens, cached, output, requests, bool(batched), written)
    return LedgerCaption(model, text, refusal, usage, price, at)
