"""One collection in qdrant-edge: points, ranked lists and filters in the engine's own words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from qdrant_edge import (
    CountRequest,
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    KeywordIndexParams,
    MatchAny,
    MatchValue,
    Memory,
    Modifier,
    Query,
    QueryBatchRequest,
    QueryRequest,
    RangeDateTime,
    RangeFloat,
    Record,
    ScrollRequest,
    TextIndexParams,
    TextQuery,
    UpdateOperation,
    VectorStorageDatatype,
)
from qdrant_edge import Point as EdgePoint

from diptych.store.disk_space import RESERVE_TO_FINISH, RESERVE_TO_START
from diptych.store.filters import translate
from diptych.store.types import KEYWORD_FIELDS, Point, RankedListRequest, ScoredPoint, VectorShapes
from diptych.where import Expression

BATCH = 256  # points a write: bounds how long a waiting reader waits


class Owner(Protocol):
    """Whoever opens shards and shares them by turns."""

    def operation(self, name: str) -> AbstractContextManager[EdgeShard]: ...

    def check_disk_space(self, least: int = RESERVE_TO_START) -> None: ...


class EmbeddedCollection:
    """One collection of the embedded store."""

    def __init__(self, store: Owner, name: str) -> None:
        self._store, self._name = store, name

    def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [EdgePoint(p.id, cast(Any, dict(p.vectors)), p.payload) for p in points[start : start + BATCH]]
            self._store.check_disk_space(RESERVE_TO_FINISH if self._name == "documents" else RESERVE_TO_START)
            with self._store.operation(self._name) as shard:
                shard.update(UpdateOperation.upsert_points(batch))

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            self._store.check_disk_space(RESERVE_TO_FINISH)
            with self._store.operation(self._name) as shard:
                shard.update(UpdateOperation.delete_points(list(ids[start : start + BATCH])))

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        with self._store.operation(self._name) as shard:
            return [point_from_record(record) for record in shard.retrieve(list(ids), True, False)]

    def search(self, lookups: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        requests = [_request(lookup) for lookup in lookups]
        with self._store.operation(self._name) as shard:
            answers = shard.query_batch(QueryBatchRequest(requests))
        return [[ScoredPoint(str(hit.id), hit.score) for hit in answer] for answer in answers]

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        after = None
        while True:
            request = ScrollRequest(
                offset=after,
                limit=BATCH,
                filter=_filter(where),
                with_payload=True,
                with_vector=vectors,
            )
            with self._store.operation(self._name) as shard:
                records, after = shard.scroll(request)
            yield from map(point_from_record, records)
            if after is None:
                return

    def count(self, where: Expression | None = None) -> int:
        with self._store.operation(self._name) as shard:
            return int(shard.count(CountRequest(exact=True, filter=_filter(where))))


class EdgeDialect:
    """Filters in qdrant-edge's words."""

    def all_of(self, conditions: Sequence[Any]) -> Filter:
        return Filter(must=list(conditions))

    def any_of(self, conditions: Sequence[Any]) -> Filter:
        return Filter(should=list(conditions))

    def none_of(self, conditions: Sequence[Any]) -> Filter:
        return Filter(must_not=list(conditions))

    def equal(self, key: str, value: str) -> FieldCondition:
        return FieldCondition(key=key, match=MatchValue(value))

    def among(self, key: str, values: Sequence[str]) -> FieldCondition:
        return FieldCondition(key=key, match=MatchAny(list(values)))

    def number(self, key: str, bounds: dict[str, float]) -> FieldCondition:
        return FieldCondition(key=key, range=RangeFloat(**bounds))

    def date(self, key: str, bounds: dict[str, str]) -> FieldCondition:
        return FieldCondition(key=key, range=RangeDateTime(**bounds))

    def empty(self, key: str) -> FieldCondition:
        return FieldCondition(key=key, is_empty=True)


def vector_params(names: Sequence[str], shapes: VectorShapes) -> dict[str, EdgeVectorParams]:
    """Those of the vectors `names` that have a shape."""

    def params(name: str) -> EdgeVectorParams:
        datatype = VectorStorageDatatype.Float16 if shapes[name].half else None
        return EdgeVectorParams(size=shapes[name].size, distance=Distance.Cosine, datatype=datatype)

    return {name: params(name) for name in names if name in shapes}


def create_shard(place: Path, vectors: dict[str, EdgeVectorParams], texts: Sequence[str]) -> None:
    """A new shard with its payload indexes. `texts`: the fields that BM25 reads; they hold stems (`terms`)."""
    # The engine wants some kind of vector declared, so the register has a sparse one that nobody uses.
    sparse = {} if vectors else {"unused": EdgeSparseVectorParams(modifier=Modifier.Idf)}
    config = EdgeConfig(
        vectors=vectors or None,
        sparse_vectors=sparse or None,
        payload_memory=Memory.Cached if vectors else None,  # a question reads two hundred payloads from all over them
        max_search_threads=1,  # handing a look-up of a fraction of a millisecond to a thread takes longer than it does
    )
    shard = EdgeShard.create(str(place), config)
    for field in texts:
        shard.update(UpdateOperation.create_field_index(field, TextIndexParams(scoring=True)))
    for key in KEYWORD_FIELDS:
        shard.update(UpdateOperation.create_field_index(key, KeywordIndexParams()))
    shard.close()


def _filter(where: Expression | None) -> Filter | None:
    return cast(Filter | None, translate(where, EdgeDialect()))


def _request(lookup: RankedListRequest) -> QueryRequest:
    query: Any = TextQuery(lookup.using, lookup.words)
    if lookup.vector is not None:
        query = Query.Nearest(cast(Any, lookup.vector), using=lookup.using)  # its stub knows lists only
    return QueryRequest(limit=lookup.limit, query=query, filter=_filter(lookup.where), with_payload=False)


def point_from_record(record: Record) -> Point:
    """A stored record as a plain point."""
    named = cast(dict[str, Any], record.vector or {})
    vectors = {name: np.asarray(vector, np.float32) for name, vector in named.items()}
    return Point(str(record.id), record.payload or {}, vectors)
