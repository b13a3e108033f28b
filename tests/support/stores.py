"""The engines that the tests run against."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from qdrant_client import QdrantClient

from diptych.store.embedded import Embedded
from diptych.store.server import Server
from diptych.store.server_collection import Layout
from diptych.store.types import Index, Shapes, of_texts

URL = os.environ.get("DIPTYCH_TEST_QDRANT_URL")
ENGINES = ["embedded", "memory", *(["server"] if URL else [])]


def open_store(engine: str, folder: Path, shapes: int | Shapes) -> Index:
    """A store of one of `ENGINES`; a number: the dimensions of its texts' vectors."""
    shapes = of_texts(shapes) if isinstance(shapes, int) else shapes
    if engine == "embedded":
        return Embedded(folder / "store", shapes, lock_seconds=5)
    client = QdrantClient(":memory:") if engine == "memory" else QdrantClient(url=URL)
    return Server(client, Layout(f"test-{uuid.uuid4().hex[:8]}", seconds=30), shapes)
