"""One figure and how it is taken: ours and the peer's by turns, so that a busy moment hits both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    value: float
    unit: str
    """`…/s`: more is better; anything else: less is."""
    peer: str
    """What it is compared with, in words."""
    peer_value: float

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.value / self.peer_value


def by_turns(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of one call of each, after one call of each that does not count."""
    ours()
    peer()
    pairs = [(seconds(ours), seconds(peer)) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
