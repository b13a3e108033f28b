"""Open the store that the settings name."""

from collections.abc import Callable
from pathlib import Path

from diptych.errors import SettingsError, StoreMissing
from diptych.settings import Settings
from diptych.store.tenant import Tenant
from diptych.store.types import Store, VectorShapes

SERVER_SETTINGS = ("quantization", "vectors_on_disk", "payload_on_disk")
"""Settings that an embedded store cannot follow."""


def open_store(settings: Settings, shapes: Callable[[], VectorShapes], *, create: bool = True) -> Store:
    """The store that the settings name, created if it does not exist. `shapes`: vectors of a new store.

    Raises `StoreMissing` if it does not exist and `create` is False.
    """
    if "://" in settings.store:
        from diptych.store.server.store import open_server_store

        return open_server_store(settings, shapes(), create=create)
    for name in SERVER_SETTINGS:
        if getattr(settings, name) not in (None, "none", False):
            raise SettingsError(f"setting `{name}` is for a Qdrant server; unset it, or set `store` to the URL of one")
    folder = Path(settings.store)
    # A folder `documents` alone does not make a folder a store.
    if not create and not (folder / "documents" / "edge_config.json").is_file():
        raise StoreMissing(settings.store)
    from diptych.store.embedded.store import EmbeddedStore

    return EmbeddedStore(folder, shapes(), settings.lock_seconds, Tenant(settings.tenant))
