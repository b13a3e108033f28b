"""Every error a user can meet; each message names the file, the page where there is one, and the way out.

DiptychError
├── ExtractionError     a document gives no parts (transient: time-out, memory)
├── SourceError         a path, folder, catalogue or URL that cannot be read
├── SettingsError       a setting that is wrong or missing
├── ModelError          an encoder, captioner or answer model that is not there or answers wrongly
├── QueryError          a question or filter that cannot be understood
└── StoreError          a store that cannot be opened, read or written
    ├── StoreBusy       another process owns it and did not hand over in time (transient)
    └── StoreMismatch   it was built with other encoders; `diptych reindex` mends it
"""

from __future__ import annotations

from extractors.errors import DiptychError, ExtractionError

__all__ = [
    "DiptychError",
    "ExtractionError",
    "ModelError",
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


class QueryError(DiptychError):
    """A question or filter that cannot be understood."""


class StoreError(DiptychError):
    """A store that cannot be opened, read or written."""


class StoreBusy(StoreError):
    """Another process owns the store and did not hand it over in time."""

    transient = True


class StoreMismatch(StoreError):
    """The store was built with other encoders than the settings name."""
