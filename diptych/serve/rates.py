"""How much each client may request."""

from __future__ import annotations

import time

MAX_CLIENTS = 10_000
"""Clients that are remembered; those that were heard of longest ago are forgotten."""
BURST_SECONDS = 4
"""A client that was silent may request as much at once as otherwise in this time."""


class RateLimit:
    """A token bucket for each client, refilled with `rate` per second."""

    def __init__(self, rate: float) -> None:
        self._rate, self._size = rate, max(rate * BURST_SECONDS, 1.0)
        self._buckets: dict[str, tuple[float, float]] = {}
        """Client -> (what was left, when)."""

    def wait(self, client: str, cost: float) -> float:
        """Seconds after which the client may send a request of this cost; 0: it may now, and pays for it."""
        now = time.monotonic()
        left, moment = self._buckets.pop(client, (self._size, now))
        left = min(self._size, left + (now - moment) * self._rate)
        cost = min(cost, self._size)
        allowed = left >= cost
        self._buckets[client] = (left - cost if allowed else left, now)
        if len(self._buckets) > MAX_CLIENTS:
            del self._buckets[next(iter(self._buckets))]
        return 0.0 if allowed else (cost - left) / self._rate
