"""What paid models were asked for and what that costs: charges, and the budget that no request may pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from diptych.errors import BudgetReached
from diptych.models.price_list import price_list
from diptych.prices import Price, Usage
from diptych.settings import Settings


def prices(settings: Settings) -> dict[str, Price]:
    """Model name -> price: those of the settings, else what providers charge at their own addresses (`prices.toml`).

    Behind another address, or in a cloud, a model costs what nobody knows here.
    """
    direct = {
        "openai": _at(settings.openai.base_url, "api.openai.com"),
        "anthropic": _at(settings.anthropic.base_url, "api.anthropic.com") and settings.anthropic.platform == "direct",
    }
    listed = {name: price for name, price in price_list().items() if direct.get(name.partition(":")[0])}
    return listed | settings.prices


def _at(base_url: str | None, host: str) -> bool:
    return base_url is None or urlsplit(base_url).hostname == host


@dataclass(frozen=True, slots=True)
class Charge:
    """What one model was asked for, as it is registered and reported."""

    requests: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """US dollars; None: the price was unknown."""


class Account:
    """What the requests of one piece of work came to, while others spend beside it. Thread-safe."""

    def __init__(self) -> None:
        self._charges: dict[str, Charge] = {}
        self._lock = threading.Lock()

    def add(self, model: str, usage: Usage, usd: float | None) -> None:
        with self._lock:
            old = self._charges.get(model, Charge(0, 0, 0, 0.0))
            self._charges[model] = Charge(
                old.requests + usage.requests,
                old.input_tokens + usage.input_tokens,
                old.output_tokens + usage.output_tokens,
                None if old.usd is None or usd is None else old.usd + usd,
            )

    @property
    def charges(self) -> dict[str, Charge]:
        """By model, in their order; empty: nothing was asked."""
        with self._lock:
            return dict(sorted(self._charges.items()))


_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)
"""Whose work a request is, which the code that sends it does not know. Thread pools hand it on by `copy_context`."""


@contextmanager
def track_charges() -> Iterator[Account]:
    """What is asked of paid models inside the block, through any meter, is on the account that this gives."""
    account = Account()
    token = _ACCOUNT.set(account)
    try:
        yield account
    finally:
        _ACCOUNT.reset(token)


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
    def reserve(self, model: str, most: Usage) -> Iterator[None]:
        """Room in the budget for a request that uses at most `most`, given back when the block ends.

        What it really used is told to `spend` inside the block. Raises `BudgetReached` when there is no room.
        """
        price = self._prices.get(model)
        if self.budget is not None and price is None:
            raise BudgetReached(
                f"the price of {model} is unknown, so a budget cannot be kept; give it in the setting `prices`, or "
                f"run without a budget"
            )
        cost = price.max_cost(most) if price else 0.0
        with self._lock:
            if self.budget is not None and self._spent + self._reserved + cost > self.budget:
                reserved = round(self._reserved, 4)  # sums that were given back may leave a trace in a float
                under_way = (
                    f", {format_dollars(self._reserved)} is reserved for requests under way," if reserved else ""
                )
                raise BudgetReached(
                    f"the budget of {format_dollars(self.budget)} is reached: {format_dollars(self._spent)} is spent"
                    f"{under_way} and the next request to {model} may cost {format_dollars(cost)}. Finished work is "
                    "kept; run again with a larger budget to continue"
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
        usd = price.cost(usage) if price else None
        with self._lock:
            key = model, usage.batched
            self._used[key] = self._used[key] + usage if key in self._used else usage
            self._spent += usd or 0.0
        if account := _ACCOUNT.get():
            account.add(model, usage, usd)
        return usd

    def price(self, model: str) -> Price | None:
        """None: unknown."""
        return self._prices.get(model)

    @property
    def spent(self) -> float:
        """US dollars so far, of the models whose price is known."""
        return self._spent

    def usage(self, since: Mapping[tuple[str, bool], Usage] | None = None) -> dict[tuple[str, bool], Usage]:
        """(model, through a batch endpoint) -> usage so far; `since`: only what came after that answer."""
        with self._lock:
            whole = dict(self._used)
        if not since:
            return whole
        return {key: usage - since[key] if key in since else usage for key, usage in whole.items()}


def format_usage(meter: Meter, since: Mapping[tuple[str, bool], Usage] | None = None) -> list[str]:
    """One line a model, for people: requests, tokens, and what they cost. `since`: as `Meter.used` has it."""
    used = sorted(meter.usage(since).items())
    return [_format_usage(model, usage, meter.price(model)) for (model, _), usage in used if usage.requests]


def _format_usage(model: str, usage: Usage, price: Price | None) -> str:
    """`openai:gpt-…: 3 requests, 1,200 tokens in (400 from its cache), 90 out, $0.0004`."""
    cached = f" ({usage.cached_tokens:,} from its cache)" if usage.cached_tokens else ""
    written = f", {usage.output_tokens:,} out" if usage.output_tokens else ""
    requests = f"{usage.requests:,} request{'' if usage.requests == 1 else 's'}"
    through = " in batches" if usage.batched else ""
    cost = format_dollars(price.cost(usage)) if price else "price unknown"
    return f"{model}: {requests}{through}, {usage.input_tokens:,} tokens in{cached}{written}, {cost}"


def format_charges(charges: Mapping[str, Charge]) -> str:
    """The sum of several models in a word or two, for a table: `$0.0012`, `3 requests`, or both; empty: nothing."""
    known = sum(charge.usd for charge in charges.values() if charge.usd is not None)
    unpriced = sum(charge.requests for charge in charges.values() if charge.usd is None)
    requests = f"{unpriced:,} request{'' if unpriced == 1 else 's'} of unknown price" if unpriced else ""
    return " + ".join(
        part for part in (format_dollars(known) if known or (charges and not unpriced) else "", requests) if part
    )


def format_dollars(amount: float) -> str:
    """A sum for people: cents, and below a dollar four digits where there is more than cents."""
    return f"${amount:,.2f}" if amount >= 1 or abs(round(amount, 2) - amount) < 1e-9 else f"${amount:.4f}"
