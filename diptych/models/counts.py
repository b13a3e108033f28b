"""What a run has used of paid models and reserved: counted in one process, or in the ledger for several."""

import sqlite3
import threading
from dataclasses import dataclass

from diptych.errors import StoreError
from diptych.models.claims import Transaction
from diptych.prices import Usage

KEPT_DAYS = 30
TABLES = (
    "CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, spent REAL NOT NULL, reserved REAL NOT NULL, "
    "at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    "CREATE TABLE IF NOT EXISTS run_usage (run TEXT NOT NULL, model TEXT NOT NULL, batched INTEGER NOT NULL, "
    "input_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, written_tokens INTEGER NOT NULL, PRIMARY KEY (run, model, batched))",
)
_SUMS = ("input_tokens", "cached_tokens", "output_tokens", "requests", "written_tokens")


@dataclass(frozen=True, slots=True)
class Funds:
    """US dollars."""

    spent: float = 0.0
    reserved: float = 0.0


class Counts:
    """Usage by (model, through a batch API), and the money of a run: of one process here. Thread-safe."""

    def __init__(self) -> None:
        self._usage: dict[tuple[str, bool], Usage] = {}
        self._funds = Funds()
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Called by each process of a run before anything else. Returns whether it is the first one."""
        return True

    def reserve(self, usd: float, budget: float | None) -> Funds | None:
        """Reserve so much; if that would exceed the budget, reserve nothing and return what is spent and reserved."""
        with self._lock:
            spent, reserved = self._funds.spent, self._funds.reserved
            if budget is not None and spent + reserved + usd > budget:
                return self._funds
            self._funds = Funds(spent, reserved + usd)
        return None

    def release(self, usd: float) -> None:
        """End a reservation."""
        with self._lock:
            self._funds = Funds(self._funds.spent, self._funds.reserved - usd)

    def add(self, model: str, usage: Usage, usd: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            key = model, usage.batched
            self._usage[key] = self._usage[key] + usage if key in self._usage else usage
            self._funds = Funds(self._funds.spent + usd, self._funds.reserved)

    def spent(self) -> float:
        return self._funds.spent

    def usage(self) -> dict[tuple[str, bool], Usage]:
        with self._lock:
            return dict(self._usage)


class SharedCounts(Counts):
    """`Counts` of all processes of a run, in the ledger. Every method raises `StoreError`.

    What a killed process had reserved stays reserved: its last requests may have been paid.
    """

    def __init__(self, transaction: Transaction, run: str) -> None:
        self._transaction, self._run = transaction, run

    def begin(self) -> bool:
        with self._transaction() as connection:
            for table in TABLES:
                connection.execute(table)
            new = connection.execute("INSERT OR IGNORE INTO runs (run, spent, reserved) VALUES (?, 0, 0)", (self._run,))
            old = f"SELECT run FROM runs WHERE at < datetime('now', '-{KEPT_DAYS} days')"
            connection.execute(f"DELETE FROM run_usage WHERE run IN ({old})")
            connection.execute(f"DELETE FROM runs WHERE run IN ({old})")
        return new.rowcount > 0

    def reserve(self, usd: float, budget: float | None) -> Funds | None:
        with self._transaction() as connection:
            funds = self._read_funds(connection)
            if budget is not None and funds.spent + funds.reserved + usd > budget:
                return funds
            self._update(connection, "reserved = reserved + ?", usd)
        return None

    def release(self, usd: float) -> None:
        with self._transaction() as connection:
            self._update(connection, "reserved = reserved - ?", usd)

    def add(self, model: str, usage: Usage, usd: float) -> None:
        sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
        columns = ("run", "model", "batched", *_SUMS)
        values = (self._run, model, usage.batched, *(getattr(usage, name) for name in _SUMS))
        with self._transaction() as connection:
            connection.execute(
                f"INSERT INTO run_usage ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))}) "
                f"ON CONFLICT (run, model, batched) DO UPDATE SET {sums}",
                values,
            )
            self._update(connection, "spent = spent + ?", usd)

    def spent(self) -> float:
        with self._transaction() as connection:
            return self._read_funds(connection).spent

    def usage(self) -> dict[tuple[str, bool], Usage]:
        query = f"SELECT model, batched, {', '.join(_SUMS)} FROM run_usage WHERE run = ?"
        with self._transaction() as connection:
            rows = connection.execute(query, (self._run,)).fetchall()
        return {
            (model, bool(batched)): Usage(**dict(zip(_SUMS, sums, strict=True)), batched=bool(batched))
            for model, batched, *sums in rows
        }

    def _read_funds(self, connection: sqlite3.Connection) -> Funds:
        row = connection.execute("SELECT spent, reserved FROM runs WHERE run = ?", (self._run,)).fetchone()
        if row is None:
            raise StoreError(f"run {self._run} is no longer in the ledger; start it again")
        return Funds(*row)

    def _update(self, connection: sqlite3.Connection, change: str, usd: float) -> None:
        connection.execute(f"UPDATE runs SET {change} WHERE run = ?", (usd, self._run))
