"""Open the store that the settings name."""

from __future__ import annotations

from pathlib import Path

from diptych.settings import Settings
from diptych.store.types import Index, Shapes


def open_index(settings: Settings, shapes: Shapes) -> Index:
    """The store that the settings name, made when it is not there."""
    if "://" in settings.store:
        from diptych.store.server import connect

        return connect(settings, shapes)
    from diptych.store.embedded import Embedded

    return Embedded(Path(settings.store), shapes, settings.lock_seconds)


def is_there(settings: Settings) -> bool:
    """Whether the store that the settings name was ever made; looking makes nothing.

    A folder may hold a folder `documents` and be no store.
    """
    if "://" in settings.store:
        from diptych.store.server import is_there as is_on_server

        return is_on_server(settings)
    return (Path(settings.store) / "documents" / "edge_config.json").is_file()
