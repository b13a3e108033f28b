"""All errors of the package. Messages name the file, the page if there is one, and what to do.

DiptychError
├── ExtractionError     a document from which nothing could be extracted (transient: an interrupted run)
│   ├── WorkerLost      its worker process was killed or did not start (transient)
│   └── WorkerStopped   because of the limits of time and memory, or a crash
├── SourceError         an unreadable path, folder, catalogue or URL
├── SettingsError       a wrong or missing setting
├── ModelError          an encoder, captioner or answering model that is missing or misbehaves
│   ├── ProviderError   a paid model that did not answer (transient: rate limits, overload, lost connections)
│   │   └── NoBatches   the server has no batch endpoint
│   └── BudgetReached   the next request would exceed the budget
├── QueryError          a malformed query, filter or question file
└── StoreError          a store that cannot be opened, read or written
    ├── StoreBusy       another process has it open and did not hand it over in time (transient)
    └── StoreMismatch   it was built with other encoders; fixed by `diptych reindex`
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from extractors.errors import DiptychError, ExtractionError, WorkerLost, WorkerStopped

__all__ = [
    "BudgetReached",
    "DiptychError",
    "ExtractionError",
    "ModelError",
    "NoBatches",
    "ProviderError",
    "QueryError",
    "SettingsError",
    "SourceError",
    "StoreBusy",
    "StoreError",
    "StoreMismatch",
    "WorkerLost",
    "WorkerStopped",
]


class SourceError(DiptychError):
    """An unreadable path, folder, catalogue or URL."""


class SettingsError(DiptychError):
    """A wrong or missing setting."""


class ModelError(DiptychError):
    """An encoder, captioner or answering model that is missing or misbehaves."""


class ProviderError(ModelError):
    """A paid model that did not answer."""

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        retry_after: float | None = None,
        about: Literal["item", "account"] = "item",
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.retry_after = retry_after
        """Seconds the provider asks to wait."""
        self.about = about
        """`account`: every request would fail the same way (key, quota, unknown model); `item`: only this one."""


class NoBatches(ProviderError):
    """The server has no batch endpoint."""

    def __init__(self, message: str) -> None:
        super().__init__(message, about="account")


class BudgetReached(ModelError):
    """The next request would exceed the budget; finished work is kept."""


class QueryError(DiptychError):
    """A malformed query, filter or question file."""


class StoreError(DiptychError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process has the store open and did not hand it over in time."""

    transient = True


class StoreMissing(StoreError):
    """The store does not exist, and was not to be created."""


class StoreMismatch(StoreError):
    """The store was built with other encoders than the settings name."""


def list_mistakes(errors: Iterable[Any]) -> list[str]:
    """`field: message` for each of the mistakes that pydantic lists."""
    return [": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in errors]
