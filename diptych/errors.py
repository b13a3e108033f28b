"""Every error a user can meet; each message names the file, the page where there is one, and the way out.

DiptychError
├── ExtractionError     a document gives no parts (transient: time-out, memory)
├── SourceError         a path, folder, catalogue or URL that cannot be read
├── SettingsError       a setting that is wrong or missing
├── ModelError          an encoder, captioner or answer model that is not there or answers wrongly
│   ├── ProviderError   a paid model that did not answer (transient: limits, overload, lost connections)
│   │   └── NoBatches   its server has no batch endpoint; it is asked one by one
│   └── BudgetReached   the next request would pass the budget
├── QueryError          a question or filter that cannot be understood
└── StoreError          a store that cannot be opened, read or written
    ├── StoreBusy       another process owns it and did not hand over in time (transient)
    └── StoreMismatch   it was built with other encoders; `diptych reindex` mends it
"""

from __future__ import annotations

from typing import Literal

from extractors.errors import DiptychError, ExtractionError

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
]


class SourceError(DiptychError):
    """A path, folder, catalogue or URL that cannot be read."""


class SettingsError(DiptychError):
    """A setting that is wrong or missing."""


class ModelError(DiptychError):
    """An encoder, captioner or answer model that is not there or answers wrongly."""


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
        """Seconds that the provider asks to wait."""
        self.about = about
        """`account`: any other request would fail alike (key, quota, no such model); `item`: this one's content."""


class NoBatches(ProviderError):
    """The server has no batch endpoint."""

    def __init__(self, message: str) -> None:
        super().__init__(message, about="account")


class BudgetReached(ModelError):
    """The next request would pass the budget; what is done is kept."""


class QueryError(DiptychError):
    """A question or filter that cannot be understood."""


class StoreError(DiptychError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process owns the store and did not hand it over in time."""

    transient = True


class StoreMismatch(StoreError):
    """The store was built with other encoders than the settings name."""
