"""The engines that the tests run against."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from qdrant_client import QdrantClient

from diptych.index import Index, of_texts
from diptych.index.embedded import Embedded
from diptych.index.remote import Layout
from diptych.index.server import Server

URL = os.environ.get("DIPTYCH_TEST_QDRANT_URL")
ENGINES = ["embedded", "memory", *(["server"] if URL else [])]


def open_store(engine: str, folder: Path, size: int) -> Index:
    """An empty store of one of `ENGINES`."""
    if engine == "embedded":
        return Embedded(folder / "store", of_texts(size), lock_seconds=5)
    client = QdrantClient(":memory:") if engine == "memory" else QdrantClient(url=URL)
    return Server(client, Layout(f"test-{uuid.uuid4().hex[:8]}", seconds=30), of_texts(size))
