"""What one run used of paid models."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from diptych.models.meter import Account, Meter, format_usage


class RunUsage:
    """Usage from the creation of this object on; the meter may already have counted for an earlier run."""

    def __init__(self, meter: Meter) -> None:
        self._meter, self._before = meter, meter.usage()

    @property
    def lines(self) -> list[str]:
        """One line per model, for people."""
        return format_usage(self._meter, self._before)

    @property
    def numbers(self) -> dict[str, dict[str, Any]]:
        """Model -> requests, input_tokens, output_tokens, usd; usd is None if the price is unknown."""
        account = Account()
        for (model, _), usage in self._meter.usage(self._before).items():
            if usage.requests:
                price = self._meter.price(model)
                account.add(model, usage, price.cost(usage) if price else None)
        return {model: asdict(charge) for model, charge in account.charges.items()}
