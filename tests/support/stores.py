"""Open a store in each engine that the tests run against."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from qdrant_client import QdrantClient

from diptych.store.embedded import EmbeddedStore
from diptych.store.server import ServerStore
from diptych.store.server_collection import ServerOptions
from diptych.store.types import Store, VectorShapes, text_shapes

URL = os.environ.get("DIPTYCH_TEST_QDRANT_URL")
ENGINES = ["embedded", "memory", *(["server"] if URL else [])]


def open_store(engine: str, folder: Path, shapes: int | VectorShapes) -> Store:
    """A store of one of `ENGINES`. `shapes` may be the dimensions of its text vectors."""
    shapes = text_shapes(shapes) if isinstance(shapes, int) else shapes
    if engine == "embedded":
        return EmbeddedStore(folder / "store", shapes, lock_seconds=300)
    client = QdrantClient(":memory:") if engine == "memory" else QdrantClient(url=URL)
    return ServerStore(client, ServerOptions(f"test-{uuid.uuid4().hex[:8]}", seconds=300), shapes)
