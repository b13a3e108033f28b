"""Diptych turns documents into two Qdrant collections, text and images, and every query into one ranked list."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diptych.answering.answer import Answer, Dropped, Footnote, Reference, Statement
    from diptych.errors import (
        BudgetReached,
        DiptychError,
        ExtractionError,
        ModelError,
        NoBatches,
        ProviderError,
        QueryError,
        SettingsError,
        SourceError,
        StoreBusy,
        StoreError,
        StoreMismatch,
        WorkerLost,
        WorkerStopped,
    )
    from diptych.evaluation.comparison import Evaluation
    from diptych.library.async_diptych import AsyncDiptych
    from diptych.library.diptych import Diptych
    from diptych.library.maintenance import Maintenance
    from diptych.library.parts import Part
    from diptych.models.meter import Meter
    from diptych.pipeline.estimate import Cost, Estimate
    from diptych.pipeline.ingest import Outcome
    from diptych.search.groups import Group
    from diptych.search.hits import Hit, Results
    from diptych.search.query.plain_filters import FilteredText
    from diptych.search.query.query import Query
    from diptych.settings import Settings
    from diptych.store.register import DocumentRecord
    from diptych.where import parse_where

    __version__: str

__all__ = [
    "Answer",
    "AsyncDiptych",
    "BudgetReached",
    "Cost",
    "Diptych",
    "DiptychError",
    "DocumentRecord",
    "Dropped",
    "Estimate",
    "Evaluation",
    "ExtractionError",
    "FilteredText",
    "Footnote",
    "Group",
    "Hit",
    "Maintenance",
    "Meter",
    "ModelError",
    "NoBatches",
    "Outcome",
    "Part",
    "ProviderError",
    "Query",
    "QueryError",
    "Reference",
    "Results",
    "Settings",
    "SettingsError",
    "SourceError",
    "Statement",
    "StoreBusy",
    "StoreError",
    "StoreMismatch",
    "WorkerLost",
    "WorkerStopped",
    "__version__",
    "parse_where",
]

_HOMES = {
    "Answer": "answering.answer",
    "AsyncDiptych": "library.async_diptych",
    "Cost": "pipeline.estimate",
    "Diptych": "library.diptych",
    "DocumentRecord": "store.register",
    "Dropped": "answering.answer",
    "Estimate": "pipeline.estimate",
    "Evaluation": "evaluation.comparison",
    "Footnote": "answering.answer",
    "Group": "search.groups",
    "Hit": "search.hits",
    "Maintenance": "library.maintenance",
    "Part": "library.parts",
    "Meter": "models.meter",
    "Outcome": "pipeline.ingest",
    "Query": "search.query.query",
    "Reference": "answering.answer",
    "Results": "search.hits",
    "Settings": "settings",
    "Statement": "answering.answer",
    "FilteredText": "search.query.plain_filters",
    "parse_where": "where",
}
"""Public name -> the module that defines it, `errors` if not here; imported at first use to keep `--help` fast."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("diptych")
    if name not in __all__:
        raise AttributeError(f"module 'diptych' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"diptych.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return list(__all__)
