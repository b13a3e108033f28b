"""Diptych: documents into two panels, text and images, and one ranked list out of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diptych.answering.answer import Answer
    from diptych.library.async_diptych import AsyncDiptych
    from diptych.library.diptych import Diptych
    from diptych.pipeline.ingest import Outcome
    from diptych.search.hits import Hit
    from diptych.search.query import Query
    from diptych.settings import Settings

__all__ = ["Answer", "AsyncDiptych", "Diptych", "Hit", "Outcome", "Query", "Settings"]

HOMES = {
    "Answer": "answering.answer",
    "AsyncDiptych": "library.async_diptych",
    "Diptych": "library.diptych",
    "Hit": "search.hits",
    "Outcome": "pipeline.ingest",
    "Query": "search.query",
    "Settings": "settings",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: `diptych --help` should not pay for the engine."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    return getattr(import_module(f"diptych.{HOMES[name]}"), name)
