"""Diptych: documents into two panels, text and images, and one ranked list out of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diptych.answering.statements import Answer
    from diptych.asynchronous import AsyncDiptych
    from diptych.ingest import Outcome
    from diptych.library import Diptych
    from diptych.retrieval.hits import Hit
    from diptych.retrieval.search import Query
    from diptych.settings import Settings

__all__ = ["Answer", "AsyncDiptych", "Diptych", "Hit", "Outcome", "Query", "Settings"]

HOMES = {
    "Answer": "answering.statements",
    "AsyncDiptych": "asynchronous",
    "Diptych": "library",
    "Hit": "retrieval.hits",
    "Outcome": "ingest",
    "Query": "retrieval.search",
    "Settings": "settings",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: `diptych --help` should not pay for the engine."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    return getattr(import_module(f"diptych.{HOMES[name]}"), name)
