"""Token usage of requests to paid models, and prices."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests, as the provider counts them."""

    input_tokens: int = 0
    """All input tokens, including `cached_tokens` and `written_tokens`."""
    cached_tokens: int = 0
    """Input tokens read from the provider's cache."""
    output_tokens: int = 0
    requests: int = 0
    batched: bool = False
    """Sent through a batch API, which is cheaper."""
    written_tokens: int = 0
    """Input tokens written to the provider's cache; some models charge more for them."""

    def __add__(self, other: Usage) -> Usage:
        return self._combined(other, 1)

    def __sub__(self, other: Usage) -> Usage:
        return self._combined(other, -1)

    def _combined(self, other: Usage, sign: int) -> Usage:
        return Usage(
            self.input_tokens + sign * other.input_tokens,
            self.cached_tokens + sign * other.cached_tokens,
            self.output_tokens + sign * other.output_tokens,
            self.requests + sign * other.requests,
            self.batched and other.batched,
            self.written_tokens + sign * other.written_tokens,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Input read from the provider's cache; None: same as `input`."""
    batch: float = 0.5
    """Share of the price that a batch API charges."""
    cache_write: float | None = None
    """Input written to the provider's cache; None: same as `input`."""
    requests: float = 0.0
    """US dollars per thousand requests, of models that are not charged by tokens."""
    source: str = ""
    """Where the price was found; empty: the settings."""
    read: str = ""
    """Date on which it was read there, if known."""

    def __post_init__(self) -> None:
        """Reject values that are not prices: a negative one would raise the budget."""
        for name in ("input", "output", "cached", "batch", "cache_write", "requests"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"`{name}` is {value}; a price is a number of US dollars, 0 or more")

    def cost(self, usage: Usage) -> float:
        """US dollars."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        uncached = max(usage.input_tokens - usage.cached_tokens - usage.written_tokens, 0)
        input_cost = uncached * self.input + usage.cached_tokens * cached + usage.written_tokens * written
        return self._scaled(input_cost + usage.output_tokens * self.output, usage)

    def max_cost(self, usage: Usage) -> float:
        """US dollars if every input token costs as much as the most expensive kind."""
        highest = max(self.input, self.cached or 0, self.cache_write or 0)
        return self._scaled(usage.input_tokens * highest + usage.output_tokens * self.output, usage)

    def _scaled(self, cost: float, usage: Usage) -> float:
        return (cost + 1000 * usage.requests * self.requests) * (self.batch if usage.batched else 1) / 1e6
