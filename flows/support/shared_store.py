"""One open `Diptych` per process, shared by a flow and its tasks; its API keys, and what each run uses of paid models.

A Secret block in Prefect can hold an API key, for runs whose environment does not. Keys go from the block into the
settings of this run, never into the environment, which other runs and every child process would see. They must never
reach a parameter, result, log or artifact, all of which Prefect stores in clear text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any, cast

from diptych import Diptych, Settings
from diptych.endpoints import ROLES
from diptych.models.meter import Account, Meter, format_usage
from diptych.settings import API_KEY_VARIABLE

_shared: ContextVar[Diptych | None] = ContextVar("shared", default=None)


@contextmanager
def shared_diptych(settings: Settings, budget: float | None = None) -> Iterator[Diptych]:
    """The `Diptych` of an enclosing block with the same settings, else a new one that is closed with this block.

    `budget` is in US dollars. An enclosing `Diptych` is only reused if it has the same budget, which the block then
    shares; None accepts any. Prefect's task threads inherit the enclosing block; other processes open their own.
    Raises `SettingsError` for a new store in memory.
    """
    settings = _with_api_keys(settings)
    shared = _shared.get()
    if shared is not None and shared.settings == settings and budget in (None, shared.meter.budget):
        yield shared
        return
    with Diptych.open(settings.require_persistent(), budget=budget) as diptych:
        token = _shared.set(diptych)
        try:
            yield diptych
        finally:
            _shared.reset(token)


class RunUsage:
    """Usage of paid models from the creation of this object on; the meter may have counted for an earlier run."""

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


def _with_api_keys(settings: Settings) -> Settings:
    """The settings with keys from Secret blocks, within a flow or task run, for variables that are empty."""
    missing = [variable for variable in key_variables(settings) if not settings.secret(variable)]
    found = {variable: _read_secret(block_name(variable)) for variable in missing}
    keys = {variable: secret for variable, secret in found.items() if secret}
    return settings.with_keys(keys) if keys else settings


def key_variables(settings: Settings) -> list[str]:
    """Environment variables of the keys of the configured models, and of a store's server."""
    endpoints = map(settings.endpoint, ROLES)
    server = [API_KEY_VARIABLE] if "://" in settings.store else []
    return list(dict.fromkeys([*(one.key for one in endpoints if one and one.key), *server]))


def block_name(variable: str) -> str:
    """`OPENAI_API_KEY` -> `openai-api-key`: Prefect's block names are lowercase, with dashes."""
    return variable.lower().replace("_", "-")


def _read_secret(name: str) -> str:
    """Empty outside a run, without such a block, or if the block does not hold a text."""
    from prefect.blocks.system import Secret
    from prefect.context import FlowRunContext, TaskRunContext

    if not (FlowRunContext.get() or TaskRunContext.get()):
        return ""
    try:
        block = cast("Secret[Any]", Secret.load(name, _sync=True))  # type: ignore[call-arg]
    except ValueError:
        return ""
    value = block.get()
    return value if isinstance(value, str) else ""
