"""Which open store the flows and tasks of this process use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from diptych import Diptych, Settings
from flows.support import secret_blocks as keys

_held: ContextVar[Diptych | None] = ContextVar("held", default=None)


@contextmanager
def opened(settings: Settings, budget: float | None = None) -> Iterator[Diptych]:
    """The Diptych that a block around this one holds under the same settings, else one for this block alone.

    `budget`: US dollars that paid models may cost; the Diptych that is held has to have the same, and its sum goes on.
    None: whatever the block around allows. Prefect's threads inherit it; another process finds none and opens its own.
    """
    keys.provide(settings)
    held = _held.get()
    if held is not None and held.settings == settings and budget in (None, held.meter.budget):
        yield held
        return
    with Diptych.open(settings, budget=budget) as diptych:
        token = _held.set(diptych)
        try:
            yield diptych
        finally:
            _held.reset(token)
