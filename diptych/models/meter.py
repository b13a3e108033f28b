"""Usage and cost of paid models in one run, and the budget that no request may exceed."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from diptych.errors import BudgetReached, SettingsError
from diptych.models.counts import Counts, Funds
from diptych.models.price_list import PriceList
from diptych.prices import Price, Usage
from diptych.shared_limits import SharedLimits

UsageByModel = Mapping[tuple[str, bool], Usage]
"""(model, through a batch API) -> usage."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What one model was used for, as it is registered and reported."""

    requests: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """US dollars; None: the price was unknown."""


class Account:
    """Charges of one piece of work, such as a document, while others are processed beside it. Thread-safe."""

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
        """By model, in alphabetical order."""
        with self._lock:
            return dict(sorted(self._charges.items()))


_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)
"""The account to charge, so that code that sends requests need not know it. Thread pools pass it by `copy_context`."""


@contextmanager
def track_charges(account: Account | None = None) -> Iterator[Account]:
    """Yield an account, by default a new one, that collects the charges of this block, through any meter."""
    account = account or Account()
    token = _ACCOUNT.set(account)
    try:
        yield account
    finally:
        _ACCOUNT.reset(token)


class Meter:
    """Counts what a run spends on each model, and refuses a request that could exceed the budget. Thread-safe.

    `prices`: model name as the settings write it (`openai:gpt-…`) -> price. `budget`: US dollars; None: no limit.
    """

    def __init__(
        self,
        prices: Mapping[str, Price] | PriceList | None = None,
        budget: float | None = None,
        limits: SharedLimits | None = None,
    ) -> None:
        self._prices, self.budget = {} if prices is None else prices, budget
        self._limits = limits or SharedLimits()
        self._counts = Counts()
        self._released = threading.Condition()
        self._under_way: Counter[int] = Counter()
        """Thread -> its reservations that others may wait for."""
        self.uncounted: set[str] = set()
        """Models whose server left out the tokens of an answer."""

    def share(self, counts: Counts) -> None:
        """Count in a place that other processes see, so that they have one budget together. Call it before any use."""
        self._counts = counts

    def check_prices(self, models: Iterable[str]) -> None:
        """Raise `SettingsError` if there is a budget and the price of one of these models is unknown."""
        if self.budget is None:
            return
        for model in models:
            if self._prices.get(model) is None:
                raise SettingsError(
                    f"the price of {model} is unknown, so a budget cannot be kept; set its input and output under "
                    f'[prices."{model}"] (US dollars per million tokens), or run without a budget'
                )

    @contextmanager
    def reserve(self, model: str, max_usage: Usage, *, wait: bool = True) -> Iterator[None]:
        """Reserve budget for a request that uses at most `max_usage`, until the block ends; wait for shared limits.

        Requests cost less than they reserve: if the budget may suffice when those of other threads have ended, wait for
        them. `wait=False`: neither wait nor let others wait for this block, which may take a day.
        Call `spend` with the real usage inside the block. Raises `BudgetReached` when the budget is too small, and as
        `check_prices` does.
        """
        self.check_prices([model])
        price = self._prices.get(model)
        cost, thread = price.max_cost(max_usage) if price else 0.0, threading.get_ident()
        if self.budget is not None:
            self._reserve(model, cost, self.budget, thread, wait)
        try:
            self._limits.before_request(model)
            yield
        finally:
            if self.budget is not None:
                with self._released:
                    self._counts.release(cost)
                    self._under_way -= Counter({thread: int(wait)})
                    self._released.notify_all()

    def _reserve(self, model: str, cost: float, budget: float, thread: int, wait: bool) -> None:
        with self._released:
            while funds := self._counts.reserve(cost, budget):
                # A thread that holds a reservation never waits, so those that are waited for end. Other processes are
                # not waited for: what a killed one had reserved stays reserved.
                others_may_end = wait and self._under_way and thread not in self._under_way
                if not others_may_end or funds.spent + cost > budget:
                    raise _budget_reached(model, cost, budget, funds)
                self._released.wait()
            self._under_way += Counter({thread: int(wait)})

    def spend(self, model: str, usage: Usage, *, counted: bool = True) -> float | None:
        """Count a request that was answered. Returns its price in US dollars, None if it is unknown.

        `counted`: whether the server counted the tokens; if not, `usage` is the most that the request may use.
        """
        if not counted:
            self.uncounted.add(model)
        price = self._prices.get(model)
        usd = (price.cost(usage) if counted else price.max_cost(usage)) if price else None
        self._counts.add(model, usage, usd or 0.0)
        if account := _ACCOUNT.get():
            account.add(model, usage, usd)
        return usd

    def price(self, model: str) -> Price | None:
        """The model's price; None if it is unknown."""
        return self._prices.get(model)

    @property
    def spent(self) -> float:
        """US dollars so far, of models whose price is known."""
        return self._counts.spent()

    def usage(self, since: UsageByModel | None = None) -> dict[tuple[str, bool], Usage]:
        """(model, through a batch API) -> usage so far, without the usage in `since`."""
        usage = self._counts.usage()
        return {key: used - since[key] if since and key in since else used for key, used in usage.items()}


def _budget_reached(model: str, cost: float, budget: float, funds: Funds) -> BudgetReached:
    # Rounded, because adding and subtracting reservations leaves traces in a float.
    reserved = format_dollars(funds.reserved) if round(funds.reserved, 4) else ""
    under_way = f", {reserved} is reserved for requests under way," if reserved else ""
    return BudgetReached(
        f"the budget of {format_dollars(budget)} is reached: {format_dollars(funds.spent)} is spent{under_way} and the "
        f"next request to {model} may cost {format_dollars(cost)}. Finished work is kept; run again with a larger "
        f"budget to continue"
    )


def format_usage(meter: Meter, since: UsageByModel | None = None) -> list[str]:
    """One line per model: requests, tokens and cost; and one for a server that does not count tokens.

    `since`: as in `Meter.usage`.
    """
    usage = {key: used for key, used in sorted(meter.usage(since).items()) if used.requests}
    lines = [_format_line(model, used, meter.price(model)) for (model, _), used in usage.items()]
    uncounted = sorted(meter.uncounted & {model for model, _ in usage})
    note = "its server left out token counts, so the highest possible were used"
    return [*lines, *(f"{model}: {note}" for model in uncounted)]


def _format_line(model: str, usage: Usage, price: Price | None) -> str:
    """`openai:gpt-…: 3 requests, 1,200 tokens in (400 from its cache), 90 out, $0.0004`."""
    cached = f" ({usage.cached_tokens:,} from its cache)" if usage.cached_tokens else ""
    output = f", {usage.output_tokens:,} out" if usage.output_tokens else ""
    requests = f"{usage.requests:,} request{'' if usage.requests == 1 else 's'}"
    batched = " in batches" if usage.batched else ""
    cost = format_dollars(price.cost(usage)) if price else "price unknown"
    return f"{model}: {requests}{batched}, {usage.input_tokens:,} tokens in{cached}{output}, {cost}"


def format_charges(charges: Mapping[str, Charge]) -> str:
    """The sum over all models, for a table cell: `$0.0012`, `3 requests of unknown price`, both, or empty."""
    known = sum(charge.usd for charge in charges.values() if charge.usd is not None)
    unpriced = [charge.requests for charge in charges.values() if charge.usd is None]
    count = sum(unpriced)
    # Documents that share a request have a part of its tokens, but only one of them has the request.
    requests = (
        f"{f'{count:,}' if count else 'part of a'} request{'s' * (count > 1)} of unknown price" if unpriced else ""
    )
    dollars = format_dollars(known) if known or (charges and not unpriced) else ""
    return " + ".join(filter(None, [dollars, requests]))


def format_dollars(amount: float) -> str:
    """Dollars and cents, or four decimals below a dollar where cents are not exact."""
    return f"${amount:,.2f}" if amount >= 1 or abs(round(amount, 2) - amount) < 1e-9 else f"${amount:.4f}"
