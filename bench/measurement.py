"""Measurements next to a baseline. Both are timed alternately, so that a busy moment affects both."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import psutil

CACHE = Path(__file__).parents[1] / "build" / "bench"
"""Folder for files that take long to create."""
DATA = Path(__file__).parents[1] / "data"
MANUAL, CATALOGUE = DATA / "manual.pdf", DATA / "catalogue" / "products.csv"
"""Sample files."""
POINTS = 100_000
DOCUMENTS = 10_000


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """The options of the command line; each benchmark reads those that concern it."""

    on: Path | None = None
    """The user's own catalogue, questions or PDF, instead of the sample files."""
    store: str = ""
    """The store to put such questions to."""
    points: int = POINTS
    """Size of the synthetic store."""
    documents: int = DOCUMENTS
    """Documents that the workers of a pool ingest."""
    cache: Path = CACHE
    against: Path | None = None
    """The folder of an earlier version to compare with."""
    peers: Sequence[str] = ()
    """The peers of `whole`; none: all."""


class Result(Protocol):
    """One result: a row of a table, or a JSON object."""

    HEADER: ClassVar[str]

    def row(self) -> str: ...

    def record(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Measurement:
    HEADER: ClassVar[str] = f"{'figure':<48}{'here':>20}{'floor or peer':>20}{'ratio':>8}  floor or peer is"

    name: str
    value: float
    unit: str
    """More is better for `…/s` and `share`, less for anything else."""
    peer: str
    """Description of the baseline."""
    peer_value: float

    @property
    def ratio(self) -> float:
        """`value` divided by that of the baseline."""
        return self.value / self.peer_value if self.peer_value else float("inf")

    def row(self) -> str:
        values = [
            f"{v:,.0f} {self.unit}" if v >= 1000 else f"{v:.4g} {self.unit}" for v in (self.value, self.peer_value)
        ]
        return f"{self.name:<48}{values[0]:>20}{values[1]:>20}{self.ratio:>8.2f}  {self.peer}"

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 4) if self.peer_value else None}


def time_alternately(
    ours: Callable[[], object], baseline: Callable[[], object], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of `rounds` calls of each, after one call of each that is not counted."""
    ours()
    baseline()
    pairs = [(time_call(ours), time_call(baseline)) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that is at least as large as `percent` per cent of the values."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def time_call(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def processor_seconds(but: int = 0) -> float:
    """Of this process and its workers, with the programs that those started; without the process `but`."""
    own = psutil.Process()
    times = [one.cpu_times() for one in (own, *own.children(recursive=True)) if one.pid != but]
    return float(sum(one.user + one.system + one.children_user + one.children_system for one in times))
