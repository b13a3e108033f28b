"""One figure and how it is taken: ours and the peer's by turns, so that a busy moment hits both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Protocol

KEPT = Path(__file__).parents[1] / "build" / "bench"
"""What takes long to make stays here."""


POINTS = 100_000


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says about what is measured on; each figure reads what concerns it."""

    on: Path | None = None
    """A file of one's own, instead of the sample's: a catalogue, or questions."""
    store: str = ""
    """The store that such questions are put to."""
    points: int = POINTS
    """Of the made store."""
    kept: Path = KEPT


class Told(Protocol):
    """What can be printed as a row under the head of its kind, or as one JSON object."""

    HEAD: ClassVar[str]

    def row(self) -> str: ...

    def record(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Measure:
    HEAD: ClassVar[str] = f"{'figure':<48}{'here':>20}{'floor or peer':>20}{'ratio':>8}  floor or peer is"

    name: str
    value: float
    unit: str
    """`…/s` and `share`: more is better; anything else: less is."""
    peer: str
    """What it is compared with, in words."""
    peer_value: float

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.value / self.peer_value if self.peer_value else float("inf")

    def row(self) -> str:
        values = [
            f"{v:,.0f} {self.unit}" if v >= 1000 else f"{v:.4g} {self.unit}" for v in (self.value, self.peer_value)
        ]
        return f"{self.name:<48}{values[0]:>20}{values[1]:>20}{self.ratio:>8.2f}  {self.peer}"

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 4) if self.peer_value else None}


def turns(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of `rounds` calls of each, after one call of each that does not count."""
    ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def by_turns(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of one call of each."""
    taken = turns(ours, peer, rounds)
    return median(taken[0]), median(taken[1])


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of a hundred do not pass."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
