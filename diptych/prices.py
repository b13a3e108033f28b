"""What requests to paid models use, and what their providers charge for it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request or of many, as the provider counts them."""

    input_tokens: int = 0
    """All of them, those read from the provider's cache included."""
    cached_tokens: int = 0
    """Of the input, read from the provider's cache."""
    output_tokens: int = 0
    requests: int = 0
    batched: bool = False
    """Through a batch endpoint, which costs less."""
    written_tokens: int = 0
    """Of the input, put into the provider's cache, for which some charge more."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.requests + other.requests,
            self.batched and other.batched,
            self.written_tokens + other.written_tokens,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens - other.input_tokens,
            self.cached_tokens - other.cached_tokens,
            self.output_tokens - other.output_tokens,
            self.requests - other.requests,
            self.batched,
            self.written_tokens - other.written_tokens,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached: float | None = None
    """Of input read from the provider's cache; None: as `input`."""
    batch: float = 0.5
    """What a batch endpoint charges, as a share."""
    cache_write: float | None = None
    """Of input put into the provider's cache; None: as `input`."""
    source: str = ""
    """Where it stands; empty: the settings."""
    read: str = ""
    """The day on which it was read there."""

    def __post_init__(self) -> None:
        """It comes from files that people write, and a negative price would make room in a budget."""
        for name in ("input", "output", "cached", "batch", "cache_write"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"`{name}` is {value}; a price is a number of US dollars, 0 or more")

    def cost(self, usage: Usage) -> float:
        """US dollars."""
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        fresh = max(usage.input_tokens - usage.cached_tokens - usage.written_tokens, 0)
        whole = fresh * self.input + usage.cached_tokens * cached + usage.written_tokens * written
        return (whole + usage.output_tokens * self.output) * (self.batch if usage.batched else 1) / 1e6

    def max_cost(self, usage: Usage) -> float:
        """US dollars, if all of the input costs what the dearest of it does."""
        dearest = max(self.input, self.cached or 0, self.cache_write or 0)
        whole = usage.input_tokens * dearest + usage.output_tokens * self.output
        return whole * (self.batch if usage.batched else 1) / 1e6
