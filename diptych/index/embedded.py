"""The store in a folder: three qdrant-edge shards behind one lock, shared by turns between processes.

The engine's log is an exclusive lock, so a folder has one owner at a time. An owner keeps its shards open while nobody
else waits; a watching thread closes them between two operations as soon as somebody does.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    KeywordIndexParams,
    Modifier,
    Query,
    QueryBatchRequest,
    QueryRequest,
    Record,
    ScrollRequest,
    TextIndexParams,
    TextQuery,
    UpdateOperation,
)
from qdrant_edge import Point as EdgePoint

from diptych.errors import DiptychError, StoreError
from diptych.index import DESCRIPTION_VECTOR, INDEXED, TEXT_VECTOR, Found, Lookup, Point
from diptych.index.edge_filters import edge_filter
from diptych.index.lock import HandoverLock
from diptych.where import Expression

VECTORS = {"text": TEXT_VECTOR, "images": DESCRIPTION_VECTOR, "documents": ""}
KEYWORDS = ("document_id", "document", "kind")
BATCH = 256  # points a write: bounds how long a waiting reader waits
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
        self.text = Shard(self, "text")
        self.images = Shard(self, "images")
        self.documents = Shard(self, "documents")
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
            _create(draft, VECTORS[name], self._size)
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


class Shard:
    """One collection of the embedded store."""

    def __init__(self, store: Embedded, name: str) -> None:
        self._store, self._name = store, name

    def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [EdgePoint(p.id, cast(Any, dict(p.vectors)), p.payload) for p in points[start : start + BATCH]]
            with self._store.operation(self._name) as shard:
                shard.update(UpdateOperation.upsert_points(batch))

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            with self._store.operation(self._name) as shard:
                shard.update(UpdateOperation.delete_points(list(ids[start : start + BATCH])))

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        with self._store.operation(self._name) as shard:
            return [_point(record) for record in shard.retrieve(list(ids), True, False)]

    def search(self, lookups: Sequence[Lookup]) -> list[list[Found]]:
        requests = [_request(lookup) for lookup in lookups]
        with self._store.operation(self._name) as shard:
            answers = shard.query_batch(QueryBatchRequest(requests))
        return [[Found(str(hit.id), hit.score, hit.payload or {}) for hit in answer] for answer in answers]

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        after = None
        while True:
            request = ScrollRequest(
                offset=after, limit=BATCH, filter=edge_filter(where), with_payload=True, with_vector=vectors
            )
            with self._store.operation(self._name) as shard:
                records, after = shard.scroll(request)
            yield from map(_point, records)
            if after is None:
                return

    def count(self, where: Expression | None = None) -> int:
        with self._store.operation(self._name) as shard:
            return int(shard.count(CountRequest(exact=True, filter=edge_filter(where))))


def _create(place: Path, vector: str, size: int) -> None:
    """A new shard with its payload indexes. The register has no vectors, but the engine wants one kind declared."""
    if not vector:
        EdgeShard.create(
            str(place), EdgeConfig(sparse_vectors={"unused": EdgeSparseVectorParams(modifier=Modifier.Idf)})
        ).close()
        return
    shard = EdgeShard.create(
        str(place), EdgeConfig(vectors={vector: EdgeVectorParams(size=size, distance=Distance.Cosine)})
    )
    # The text is stems already (diptych.words), so the engine only splits it at spaces.
    shard.update(UpdateOperation.create_field_index(INDEXED, TextIndexParams(scoring=True)))
    for key in KEYWORDS:
        shard.update(UpdateOperation.create_field_index(key, KeywordIndexParams()))
    shard.close()


def _request(lookup: Lookup) -> QueryRequest:
    query: Any = TextQuery(INDEXED, lookup.words)
    if lookup.using:
        query = Query.Nearest(cast(Any, lookup.vector), using=lookup.using)  # its stub knows lists only
    return QueryRequest(limit=lookup.limit, query=query, filter=edge_filter(lookup.where), with_payload=True)


def _point(record: Record) -> Point:
    named = cast(dict[str, Any], record.vector or {})
    vectors = {name: np.asarray(vector, np.float32) for name, vector in named.items()}
    return Point(str(record.id), record.payload or {}, vectors)
