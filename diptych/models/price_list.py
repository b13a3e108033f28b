"""Prices of paid models: those in the settings, then the list prices that the package genai-prices ships."""

import functools
from typing import Any
from urllib.parse import urlsplit

from diptych.endpoints import ROLES, AnthropicEndpoint, Endpoint
from diptych.prices import Price
from diptych.settings import Settings

OWN_HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com"}
"""Provider -> the host at which its list prices apply."""

_UNLISTED_SOURCE = "https://docs.laozhang.ai/en/announcements/gpt-6-2-2026-11.md"
_UNLISTED = {
    "openai:gpt-6.2-sol": Price(2.0, 10.0, cache_write=2.5, source=_UNLISTED_SOURCE, read="2026-11-21"),
    "openai:gpt-6.2-astra": Price(8.0, 40.0, cache_write=10.0, source=_UNLISTED_SOURCE, read="2026-11-21"),
}
"""Models that genai-prices 0.2.3 does not have. Cache writes cost 1.25 times the input, as for all models since GPT-5.6
(OpenAI's guide to prompt caching)."""


class PriceList:
    """Prices by model name as the settings write it, such as `openai:gpt-6-luna`.

    Prices in the settings take precedence. List prices apply to models that are called at their provider's own address;
    behind another address or in a cloud the price is unknown.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def get(self, model: str) -> Price | None:
        """The model's price; None if it is unknown."""
        return self._settings.prices.get(model) or (list_price(model) if self._is_direct(model) else None)

    def _is_direct(self, model: str) -> bool:
        """Whether every role that uses the model calls it at its provider's own address."""
        provider = model.partition(":")[0]
        if provider not in OWN_HOSTS:
            return False
        settings = self._settings
        endpoints = [settings.endpoint(role) for role in ROLES if getattr(settings, role) == model]
        return all(map(_is_own, endpoints or [getattr(settings, provider)]))


@functools.cache
def list_price(model: str) -> Price | None:
    """What the provider charges at its own address; None if genai-prices does not know the model. Nothing is fetched.

    These are prices of short prompts. Models of 2026 cost more above 100,000 (Claude Haiku 5.5) or 272,000 input tokens
    (OpenAI); the largest request of ours, for an answer, is kept below (`MAX_INPUT_TOKENS`).
    Both providers charge half the price for batches.
    """
    if model in _UNLISTED:
        return _UNLISTED[model]
    import genai_prices  # takes 0.3 s to import

    provider, _, name = model.partition(":")
    try:
        found = genai_prices.calc_price(genai_prices.Usage(), model_ref=name, provider_id=provider)
    except LookupError:
        return None
    listed: Any = found.model_price  # its fields are made from data
    output = 0.0 if "embedding" in name else _base(listed.output_mtok)
    if (input := _base(listed.input_mtok)) is None or output is None:
        return None
    source = f"genai-prices {genai_prices.__version__}"
    return Price(
        input, output, _base(listed.cache_read_mtok), cache_write=_base(listed.cache_write_mtok), source=source
    )


def _base(price: Any) -> float | None:
    """Dollars of a price that may depend on the prompt's length: those of the shortest prompts."""
    return None if price is None else float(getattr(price, "base", price))


def _is_own(endpoint: Endpoint) -> bool:
    """Whether the endpoint is the provider's own address, not a gateway or a cloud."""
    if isinstance(endpoint, AnthropicEndpoint) and endpoint.platform != "direct":
        return False
    return endpoint.address is None or urlsplit(endpoint.address).hostname == OWN_HOSTS[endpoint.provider]
