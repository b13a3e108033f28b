"""Open a store in each engine that the tests run against."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
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
    """A new store of one of `ENGINES`. `shapes` may be the dimensions of its text vectors."""
    shapes = text_shapes(shapes) if isinstance(shapes, int) else shapes
    if engine == "embedded":
        return open_embedded_store(folder / "store", shapes, lock_seconds=300)
    client = (
        QdrantClient(":memory:") if engine == "memory" else QdrantClient(url=URL, timeout=60, check_compatibility=False)
    )
    return ServerStore(client, ServerOptions(f"test-{uuid.uuid4().hex[:8]}", seconds=300), shapes)


def open_embedded_store(folder: Path, shapes: VectorShapes, lock_seconds: float) -> EmbeddedStore:
    """An embedded store, as a copy of an empty one if it is new: copying takes a tenth of the time of creating."""
    if not folder.exists():
        shutil.copytree(_empty_store(tuple(sorted(shapes.items()))), folder, copy_function=copy_without_holes)
    return EmbeddedStore(folder, shapes, lock_seconds)


@functools.cache
def _empty_store(shapes: tuple[tuple[str, object], ...]) -> Path:
    parent = Path(tempfile.mkdtemp(prefix="diptych-empty-store-"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    EmbeddedStore(parent / "store", dict(shapes), 60).close()  # type: ignore[arg-type]
    return parent / "store"


def copy_without_holes(source: str, target: str) -> None:
    """Copy the data of a sparse file: the engine's files have 540 MB in all, of which less than one is data."""
    with open(source, "rb") as reading, open(target, "wb") as writing:  # noqa: PTH123
        size = os.fstat(reading.fileno()).st_size
        start = 0
        while start < size:
            try:
                start = os.lseek(reading.fileno(), start, os.SEEK_DATA)
            except OSError:  # nothing but a hole from here on
                break
            end = os.lseek(reading.fileno(), start, os.SEEK_HOLE)
            writing.seek(start)
            writing.write(os.pread(reading.fileno(), end - start, start))
            start = end
        writing.truncate(size)
