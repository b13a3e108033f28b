"""Open the store that the settings name."""

from pathlib import Path

from diptych.errors import SettingsError
from diptych.settings import Settings
from diptych.store.types import Store, VectorShapes

SERVER_SETTINGS = ("quantization", "vectors_on_disk", "payload_on_disk")
"""Settings that an embedded store cannot follow."""


def open_store(settings: Settings, shapes: VectorShapes) -> Store:
    """The store that the settings name, created if it does not exist. `shapes`: vectors of a new store."""
    if "://" in settings.store:
        from diptych.store.server import open_server_store

        return open_server_store(settings, shapes)
    for name in SERVER_SETTINGS:
        if getattr(settings, name) not in (None, "none", False):
            raise SettingsError(f"setting `{name}` is for a Qdrant server; unset it, or set `store` to the URL of one")
    from diptych.store.embedded import EmbeddedStore

    return EmbeddedStore(Path(settings.store), shapes, settings.lock_seconds)


def store_exists(settings: Settings) -> bool:
    """Whether the store that the settings name was ever created. Creates nothing."""
    if "://" in settings.store:
        from diptych.store.server import server_store_exists

        return server_store_exists(settings)
    # A folder `documents` alone does not make a folder a store.
    return (Path(settings.store) / "documents" / "edge_config.json").is_file()
