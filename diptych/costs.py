"""What paid models were asked for and what that costs: usage, prices, and the budget that no request may pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from diptych.errors import BudgetReached


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

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.requests + other.requests,
            self.batched and other.batched,
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

    def of(self, usage: Usage) -> float:
        """US dollars."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.input_tokens - usage.cached_tokens
        whole = fresh * self.input + usage.cached_tokens * cached + usage.output_tokens * self.output
        return whole * (self.batch if usage.batched else 1) / 1e6


class Meter:
    """Counts what a run spends, model by model, and refuses the request that would pass the budget. Thread-safe.

    `prices`: model name as the settings write it (`openai:gpt-…`) -> price; a model without one costs an unknown sum.
    """

    def __init__(self, prices: Mapping[str, Price] | None = None, budget: float | None = None) -> None:
        self._prices, self.budget = prices or {}, budget
        self._used: dict[tuple[str, bool], Usage] = {}
        self._spent = self._reserved = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, model: str, most: Usage) -> Iterator[None]:
        """Room in the budget for a request that uses at most `most`, given back when the block ends.

        What it really used is told to `spend` inside the block. Raises `BudgetReached` when there is no room.
        """
        price = self._prices.get(model)
        if self.budget is not None and price is None:
            raise BudgetReached(
                f"the price of {model} is unknown, so a budget cannot be kept; give it in the setting `prices`, or "
                f"run without a budget"
            )
        cost = price.of(most) if price else 0.0
        with self._lock:
            if self.budget is not None and self._spent + self._reserved + cost > self.budget:
                raise BudgetReached(
                    f"the budget of ${self.budget:.2f} is reached: ${self._spent:.4f} are spent and the next request "
                    f"to {model} may cost ${cost:.4f}; what is done is kept, run again with a larger budget to go on"
                )
            self._reserved += cost
        try:
            yield
        finally:
            with self._lock:
                self._reserved -= cost

    def spend(self, model: str, usage: Usage) -> float | None:
        """Count a request that was answered; gives its price in US dollars, None when it is unknown."""
        price = self._prices.get(model)
        with self._lock:
            key = model, usage.batched
            self._used[key] = self._used[key] + usage if key in self._used else usage
            self._spent += price.of(usage) if price else 0.0
        return price.of(usage) if price else None

    @property
    def spent(self) -> float:
        """US dollars so far, of the models whose price is known."""
        return self._spent

    def used(self) -> dict[tuple[str, bool], Usage]:
        """(model, through a batch endpoint) -> usage so far."""
        with self._lock:
            return dict(self._used)
