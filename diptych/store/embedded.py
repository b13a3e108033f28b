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

from diptych.errors import DiptychError, StoreError, StoreMismatch
from diptych.store.disk_space import (
    MIB,
    NEW_COLLECTION_BYTES,
    RESERVE_TO_START,
    check_disk_space,
    disk_usage,
    free_bytes,
)
from diptych.store.embedded_collection import EmbeddedCollection, create_shard, point_from_record, vector_params
from diptych.store.embedded_lock import HandoverLock, document_lock
from diptych.store.types import BM25_FIELDS, STORE_ID, VECTORS, VectorShapes, collection_name, current_edition

WATCH = 0.05  # seconds between two looks at whether somebody waits
LEAST_HOLD = 0.25  # seconds: opening costs 0.1 s, so two busy processes should not swap after every operation


class EmbeddedStore:
    """The `Index` over a folder. `shapes`: of a new store's vectors; `lock_seconds`: patience for other owners."""

    def __init__(self, folder: Path, shapes: VectorShapes, lock_seconds: float) -> None:
        self._folder, self._lock_seconds = folder, lock_seconds
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be used as a store: {error.strerror}; give another --store") from error
        self._lock = HandoverLock(folder)
        self._shards: dict[str, EdgeShard] = {}
        self._shapes: dict[str, VectorShapes] = {}
        self._owner = False
        self.edition = 0  # not known before the first look
        self._since = 0.0
        self._active = 0
        self._stepping_back = False
        self._held = 0
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self.documents = EmbeddedCollection(self, "documents")
        self.text = self.images = self.documents
        self._open_all(shapes)
        threading.Thread(target=self._watch, name="diptych-handover", daemon=True).start()

    def _open_all(self, shapes: VectorShapes) -> None:
        """An unreadable or busy store is told at once."""
        try:
            with self.operation("documents"):
                self.text, self.images = self.open_edition(self.edition, shapes)
            self.text.count()
            self.images.count()
        except BaseException:
            self._give()
            raise

    @contextmanager
    def operation(self, name: str) -> Iterator[EdgeShard]:
        """The open shard `name`, ours until the block ends. Engine errors leave as `StoreError`."""
        with self._changed:
            # Within `held` an operation goes on even when somebody waits: the holder could never end otherwise.
            self._changed.wait_for(lambda: not self._stepping_back or self._held)
            if self._closed.is_set():
                raise StoreError(f"{self._folder}: the store is closed")
            if not self._owner:
                self._take()
            shard = self._shards.get(name) or self._open(name)
            self._active += 1
        try:
            yield shard
        except (DiptychError, GeneratorExit):
            raise
        except Exception as error:  # the engine knows one class of error only
            raise StoreError(f"{self._folder}/{name}: {error}") from error
        finally:
            with self._changed:
                self._active -= 1
                self._changed.notify_all()

    @contextmanager
    def hold(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._stepping_back)
            self._held += 1
        try:
            with self.operation("documents"):
                yield
        finally:
            with self._changed:
                self._held -= 1

    def lock_document(self, document: str) -> AbstractContextManager[object]:
        return document_lock(self._folder, document)

    def open_edition(self, edition: int, shapes: VectorShapes) -> tuple[EmbeddedCollection, EmbeddedCollection]:
        names = collection_name("text", edition), collection_name("images", edition)
        self._shapes |= dict.fromkeys(names, shapes)
        return EmbeddedCollection(self, names[0]), EmbeddedCollection(self, names[1])

    def drop_edition(self, edition: int) -> bool:
        there = False
        for name in (collection_name("text", edition), collection_name("images", edition)):
            with self._changed:
                self._changed.wait_for(lambda: self._active == 0)
                if not self._owner:
                    self._take()
                if name in self._shards:
                    self._shards.pop(name).close()
                there |= (self._folder / name).exists()
                shutil.rmtree(self._folder / name, ignore_errors=True)
        return there

    def check_disk_space(self, least: int = RESERVE_TO_START) -> None:
        check_disk_space(self._folder, least)

    def optimize(self) -> None:
        for name in ("documents", collection_name("text", self.edition), collection_name("images", self.edition)):
            wanted = (
                disk_usage(self._folder / name) + RESERVE_TO_START
            )  # a segment is written anew before the old one goes
            if free_bytes(self._folder) < wanted:
                raise StoreError(
                    f"{self._folder}: everything is stored and can be searched, only slowly, because search structures "
                    f"need {wanted // MIB} MiB of free disk: free some space; the next large ingest builds them"
                )
            with self.operation(name) as shard:
                shard.optimize()

    def close(self) -> None:
        self._closed.set()
        self._step_back()

    def _take(self) -> None:
        """Become the owner, and see whether the store is still the one that was opened."""
        self._lock.acquire(self._lock_seconds)
        self._owner, self._since = True, time.monotonic()
        try:
            edition = current_edition(
                [point_from_record(r) for r in self._open("documents").retrieve([STORE_ID], True, False)]
            )
            if self.edition not in (0, edition):
                raise StoreMismatch(f"{self._folder}: was reindexed meanwhile; run again to go on with its new edition")
            self.edition = edition
        except BaseException:
            self._give()
            raise

    def _open(self, name: str) -> EdgeShard:
        place = self._folder / name
        try:
            if not place.exists():
                kind = name.split("-")[0]
                # With the register begins a new store: it is not begun where it cannot be whole.
                self.check_disk_space(
                    RESERVE_TO_START
                    + (sum(NEW_COLLECTION_BYTES.values()) if kind == "documents" else NEW_COLLECTION_BYTES[kind])
                )
                draft = self._folder / f".draft-{name}"
                shutil.rmtree(draft, ignore_errors=True)  # of a process that died while making it
                vectors = vector_params(VECTORS[kind], self._shapes.get(name, {}))
                create_shard(draft, vectors, BM25_FIELDS[kind])
                draft.rename(place)
            self._shards[name] = EdgeShard.load(str(place))
        except DiptychError:
            raise
        except Exception as error:  # the engine knows one class of error only
            raise StoreError(f"{self._folder}: cannot be opened as a store: {error}") from error
        return self._shards[name]

    def _give(self) -> None:
        try:
            for shard in self._shards.values():
                shard.close()
        finally:
            self._shards, self._owner = {}, False
            self._lock.release()

    def _watch(self) -> None:
        while not self._closed.wait(WATCH):
            held = time.monotonic() - self._since
            if self._owner and held > LEAST_HOLD and self._lock.wanted():
                self._step_back()

    def _step_back(self) -> None:
        with self._changed:
            self._stepping_back = True
            self._changed.wait_for(lambda: self._active == 0)
            try:
                self._give()
            finally:
                self._stepping_back = False
                self._changed.notify_all()
