"""Which open store the flows and tasks of this process use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from diptych import Diptych, Settings

_held: ContextVar[Diptych | None] = ContextVar("held", default=None)


@contextmanager
def opened(settings: Settings) -> Iterator[Diptych]:
    """The Diptych that a block around this one holds under the same settings, else one for this block alone.

    Prefect's threads inherit it; another process finds none and opens its own.
    """
    held = _held.get()
    if held is not None and held.settings == settings:
        yield held
        return
    with Diptych.open(settings) as diptych:
        token = _held.set(diptych)
        try:
            yield diptych
        finally:
            _held.reset(token)
