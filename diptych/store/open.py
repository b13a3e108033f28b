"""Open the store that the settings name."""

from __future__ import annotations

from pathlib import Path

from diptych.settings import Settings
from diptych.store.types import Store, VectorShapes


def open_store(settings: Settings, shapes: VectorShapes) -> Store:
    """The store that the settings name, made when it is not there."""
    if "://" in settings.store:
        from diptych.store.server import open_server_store

        return open_server_store(settings, shapes)
    from diptych.store.embedded import EmbeddedStore

    return EmbeddedStore(Path(settings.store), shapes, settings.lock_seconds)


def store_exists(settings: Settings) -> bool:
    """Whether the store that the settings name was ever made; looking makes nothing.

    A folder may hold a folder `documents` and be no store.
    """
    if "://" in settings.store:
        from diptych.store.server import server_store_exists as is_on_server

        return is_on_server(settings)
    return (Path(settings.store) / "documents" / "edge_config.json").is_file()
