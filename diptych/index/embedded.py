"""The store in a folder: three qdrant-edge shards behind one lock, shared by turns between processes.

The engine's log is an exclusive lock, so a folder has one owner at a time. An owner keeps its shards open while nobody
else waits; a watching thread closes them between two operations as soon as somebody does.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from qdrant_edge import EdgeShard

from diptych.errors import DiptychError, StoreError
from diptych.index import VECTORS
from diptych.index.edge import EdgeCollection, create
from diptych.index.lock import HandoverLock, exclusive

WATCH = 0.05  # seconds between two looks at whether somebody waits
LEAST_HOLD = 0.25  # seconds: opening costs 0.1 s, so two busy processes should not swap after every operation


class Embedded:
    """The `Index` over a folder. `size`: dimensions of the text encoder; `lock_seconds`: patience for other owners."""

    def __init__(self, folder: Path, size: int, lock_seconds: float) -> None:
        self._folder, self._size, self._lock_seconds = folder, size, lock_seconds
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be used as a store: {error.strerror}; give another --store") from error
        self._lock = HandoverLock(folder)
        self._shards: dict[str, EdgeShard] | None = None
        self._since = 0.0
        self._active = 0
        self._stepping_back = False
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self.text = EdgeCollection(self, "text")
        self.images = EdgeCollection(self, "images")
        self.documents = EdgeCollection(self, "documents")
        with self.operation("documents"):
            pass  # an unreadable or busy store is told at once
        threading.Thread(target=self._watch, name="diptych-handover", daemon=True).start()

    @contextmanager
    def operation(self, name: str) -> Iterator[EdgeShard]:
        """The open shard `name`, ours until the block ends. Engine errors leave as `StoreError`."""
        with self._changed:
            self._changed.wait_for(lambda: not self._stepping_back)
            if self._closed.is_set():
                raise StoreError(f"{self._folder}: the store is closed")
            shards = self._shards or self._open()
            self._active += 1
        try:
            yield shards[name]
        except (DiptychError, GeneratorExit):
            raise
        except Exception as error:  # the engine knows one class of error only
            raise StoreError(f"{self._folder}/{name}: {error}") from error
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    def exclusive(self, document: str) -> AbstractContextManager[object]:
        return exclusive(self._folder, document)

    def optimize(self) -> None:
        for name in VECTORS:
            with self.operation(name) as shard:
                shard.optimize()

    def close(self) -> None:
        self._closed.set()
        self._step_back()

    def _open(self) -> dict[str, EdgeShard]:
        self._lock.acquire(self._lock_seconds)
        try:
            self._shards = {name: self._shard(name) for name in VECTORS}
        except Exception as error:
            self._lock.release()
            raise StoreError(f"{self._folder}: cannot be opened as a store: {error}") from error
        self._since = time.monotonic()
        return self._shards

    def _shard(self, name: str) -> EdgeShard:
        place = self._folder / name
        if not place.exists():
            draft = self._folder / f".draft-{name}"
            shutil.rmtree(draft, ignore_errors=True)  # of a process that died while making it
            create(draft, VECTORS[name], self._size)
            draft.rename(place)
        return EdgeShard.load(str(place))

    def _watch(self) -> None:
        while not self._closed.wait(WATCH):
            held = time.monotonic() - self._since
            if self._shards is not None and held > LEAST_HOLD and self._lock.wanted():
                self._step_back()

    def _step_back(self) -> None:
        with self._changed:
            self._stepping_back = True
            self._changed.wait_for(lambda: self._active == 0)
            try:
                for shard in (self._shards or {}).values():
                    shard.close()
            finally:
                self._shards = None
                self._lock.release()
                self._stepping_back = False
                self._changed.notify_all()
