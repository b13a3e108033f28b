"""Pure: what a run asked of paid models, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diptych.models.meter import Meter, format_usage
from diptych.prices import Usage

Used = Mapping[tuple[str, bool], Usage]
"""(model, through a batch endpoint) -> usage."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run used; its meter may have counted for others before it."""

    meter: Meter
    before: Used

    @property
    def lines(self) -> list[str]:
        """One line a model, for people."""
        return format_usage(self.meter, self.before)

    @property
    def numbers(self) -> dict[str, dict[str, float | None]]:
        """Model -> requests, input_tokens, output_tokens, usd; usd is None where the price is unknown."""
        found: dict[str, dict[str, float | None]] = {}
        for (model, _), usage in sorted(self.meter.usage(self.before).items()):
            price = self.meter.price(model)
            now = {
                "requests": usage.requests,
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "usd": price.cost(usage) if price else None,
            }
            if usage.requests:
                found[model] = {name: _sum(found[model][name], n) for name, n in now.items()} if model in found else now
        return found


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
