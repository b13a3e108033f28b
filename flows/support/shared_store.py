"""One open `Diptych` per process, shared by a flow and its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from diptych import Diptych, Settings
from flows.support.api_keys import load_api_keys

_shared: ContextVar[Diptych | None] = ContextVar("shared", default=None)


@contextmanager
def shared_diptych(settings: Settings, budget: float | None = None) -> Iterator[Diptych]:
    """The `Diptych` of an enclosing block with the same settings, else a new one that is closed with this block.

    `budget` is in US dollars. An enclosing `Diptych` is only reused if it has the same budget, which the block then
    shares; None accepts any. Prefect's task threads inherit the enclosing block; other processes open their own.
    """
    load_api_keys(settings)
    shared = _shared.get()
    if shared is not None and shared.settings == settings and budget in (None, shared.meter.budget):
        yield shared
        return
    with Diptych.open(settings, budget=budget) as diptych:
        token = _shared.set(diptych)
        try:
            yield diptych
        finally:
            _shared.reset(token)
