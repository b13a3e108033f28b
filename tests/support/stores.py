"""Open a store in each engine that the tests run against.

The engine `server` is a real Qdrant server. Its tests are skipped unless DIPTYCH_TEST_QDRANT_URL is set; every store on
it has collections of its own, which are deleted when it is closed.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qdrant_client import QdrantClient

from diptych.store.embedded.store import EmbeddedStore
from diptych.store.server.options import ServerOptions
from diptych.store.server.store import ServerStore
from diptych.store.types import Store, VectorShapes, text_shapes

URL = os.environ.get("DIPTYCH_TEST_QDRANT_URL", "")
NEEDS_SERVER = pytest.mark.skipif(not URL, reason="DIPTYCH_TEST_QDRANT_URL is not set: no real Qdrant server")
SERVER = pytest.param("server", marks=NEEDS_SERVER)
ENGINES = ["embedded", "memory", SERVER]


def open_store(engine: str, folder: Path, shapes: int | VectorShapes) -> Store:
    """A new store of one of `ENGINES`. `shapes` may be the dimensions of its text vectors."""
    shapes = text_shapes(shapes) if isinstance(shapes, int) else shapes
    if engine == "embedded":
        return open_embedded_store(folder / "store", shapes, lock_seconds=300)
    if engine == "memory":
        return ServerStore(open_in_memory(), ServerOptions("test", seconds=300), shapes)
    return DisposableStore(new_prefix(), shapes)


def open_in_memory() -> QdrantClient:
    """The client with its engine in memory, which is not made for threads: one call at a time."""
    client, lock = QdrantClient(":memory:"), threading.RLock()

    def one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            with lock:
                return method(*arguments, **options)

        return call

    for name in dir(QdrantClient):  # of the class: some properties of the object raise
        if not name.startswith("_") and inspect.isfunction(getattr(QdrantClient, name)):
            setattr(client, name, one_at_a_time(getattr(client, name)))
    return client


class DisposableStore(ServerStore):
    """A store on the real server that deletes its collections when it is closed."""

    def __init__(self, prefix: str, shapes: VectorShapes) -> None:
        self._prefix = prefix
        super().__init__(connect(URL), ServerOptions(prefix, seconds=60), shapes)

    def close(self) -> None:
        delete_collections(self._prefix)
        super().close()


def new_prefix() -> str:
    """A prefix for collections on the real server. What is left of them when the tests end is deleted."""
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    atexit.register(delete_collections, prefix)
    return prefix


def connect(url: str, seconds: int = 60) -> QdrantClient:
    return QdrantClient(url=url, timeout=seconds, check_compatibility=False)


def delete_collections(prefix: str) -> None:
    client = connect(URL)
    for collection in client.get_collections().collections:
        if collection.name.startswith(f"{prefix}-"):
            client.delete_collection(collection.name)
    client.close()


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
    """Copy the data of a sparse file: the engine's files have 430 MB in all, of which less than one is data."""
    with open(target, "wb") as writing:  # noqa: PTH123
        for start, data in _data(Path(source)):
            writing.seek(start)
            writing.write(data)
        writing.truncate(Path(source).stat().st_size)


def stored_bytes(folder: Path) -> bytes:
    """The data of all files below a folder, which may be a store."""
    return b"\0".join(file_bytes(file) for file in sorted(folder.rglob("*")) if file.is_file())


def file_bytes(file: Path) -> bytes:
    """The data of a file, without its holes."""
    return b"".join(data for _, data in _data(file))


def _data(file: Path) -> Iterator[tuple[int, bytes]]:
    """The parts of a file between its holes, each with where it starts."""
    with file.open("rb") as reading:
        size, end = os.fstat(reading.fileno()).st_size, 0
        while end < size:
            try:
                start = os.lseek(reading.fileno(), end, os.SEEK_DATA)
            except OSError:  # nothing but a hole from here on
                break
            end = os.lseek(reading.fileno(), start, os.SEEK_HOLE)
            yield start, os.pread(reading.fileno(), end - start, start)
