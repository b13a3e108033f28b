"""One collection of the embedded store: a qdrant-edge shard."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import qdrant_edge

from diptych.store.bm25 import bm25_vectors, query_vector
from diptych.store.disk_space import RESERVE_TO_FINISH, RESERVE_TO_START, check_disk_space
from diptych.store.filters import Json, filter_json
from diptych.store.tenant import TENANT, Tenant
from diptych.store.types import (
    BM25_FIELDS,
    KEYWORD_FIELDS,
    POOLED_VECTOR,
    STORED_VECTORS,
    Point,
    RankedListRequest,
    ScoredPoint,
    VectorShape,
    VectorShapes,
    in_batches,
)
from diptych.vectors import Vector
from diptych.where import Compare, Expression
from extractors.atomic_write import sync_files

CONFIG_FILE = "edge_config.json"
QUANTIZATION = qdrant_edge.ScalarQuantizationConfig(type=qdrant_edge.ScalarType.Int8)
"""A graph of bytes is built in less than half of the time that one of floats takes, and is searched faster."""
RESCORED = qdrant_edge.SearchParams(
    hnsw_ef=256, quantization=qdrant_edge.QuantizationSearchParams(rescore=True, oversampling=2.0)
)
"""Of the best 256 by bytes, floats compare twice the requested number again: this finds more than floats alone with the
default of 100, and takes less time. Measured, see docs/measurements/performance.md."""
BATCH = 256  # points per write: bounds how long a waiting reader waits
MIN_INDEXED_POINTS = 512
"""Below, filters read the payload of every point, in 2 µs each; opening the indexes of an empty store takes 100 ms."""


class EmbeddedCollection:
    """A `Collection` in the folder of an embedded store."""

    def __init__(
        self,
        folder: Path,
        name: str,
        operation: Callable[[str], AbstractContextManager[qdrant_edge.EdgeShard]],
        write: Callable[[str], AbstractContextManager[qdrant_edge.EdgeShard]],
        tenant: Tenant,
    ) -> None:
        """`operation` and `write`: open the shard of a name for the length of a block."""
        self._folder, self._name, self._tenant = folder, name, tenant
        self._operation, self._write = operation, write
        self._one_moment: AbstractContextManager[object] = threading.Lock() if name == "documents" else nullcontext()

    def upsert(self, points: Sequence[Point]) -> None:
        for batch in in_batches(points, BATCH):
            check_disk_space(self._folder, RESERVE_TO_FINISH if self._name == "documents" else RESERVE_TO_START)
            edge_points = [self._edge_point(self._tenant.stored(point)) for point in batch]
            mine = self._filter(None)  # never replaces a point of another tenant
            with self._write(self._name) as shard, self._one_moment:
                shard.update(qdrant_edge.UpdateOperation.upsert_points(edge_points, mine))
                _index_payload(shard, KEYWORD_FIELDS[self._name.split("-")[0]])

    def _edge_point(self, point: Point) -> qdrant_edge.Point:
        sparse = bm25_vectors(point.payload, self._name.split("-")[0])
        bm25 = {name: qdrant_edge.SparseVector(*vector) for name, vector in sparse.items()}
        return qdrant_edge.Point(point.id, cast(Any, {**_lists(point), **bm25}), point.payload)

    def delete(self, ids: Sequence[str]) -> None:
        for batch in in_batches(ids, BATCH):
            check_disk_space(self._folder, RESERVE_TO_FINISH)
            delete = qdrant_edge.UpdateOperation.delete_points(cast(Any, batch))
            if self._tenant and (spec := self._tenant.restrict(ids=batch)):
                delete = qdrant_edge.UpdateOperation.delete_points_by_filter(_filter_from_json(spec))
            with self._write(self._name) as shard:
                shard.update(delete)

    def replace_hidden(self, document: str, keep: Sequence[str], points: Sequence[Point]) -> None:
        own = {point.id for point in self.scroll(Compare("document_id", "=", document))}
        self.delete(sorted(own.difference(keep)))
        self.upsert(points)

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        with self._operation(self._name) as shard, self._one_moment:
            records = shard.retrieve(list(map(self._tenant.stored_id, ids)), True, False)
        return self._tenant.own(map(point_from_record, records))

    def search(self, requests: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        queries = [_query_request(request, self._filter(request.where)) for request in requests]
        with self._operation(self._name) as shard:
            results = shard.query_batch(qdrant_edge.QueryBatchRequest(queries))
        found = [[ScoredPoint(str(hit.id), hit.score) for hit in result] for result in results]
        own_id = self._tenant.stored_id
        return [[one._replace(id=own_id(one.id)) for one in hits] for hits in found] if self._tenant else found

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        offset = None
        while True:
            request = qdrant_edge.ScrollRequest(
                offset=offset, limit=BATCH, filter=self._filter(where), with_payload=True, with_vector=vectors
            )
            with self._operation(self._name) as shard:
                records, offset = shard.scroll(request)
            yield from self._tenant.own(map(point_from_record, records))
            if offset is None:
                return

    def count(self, where: Expression | None = None) -> int:
        with self._operation(self._name) as shard:
            return int(shard.count(qdrant_edge.CountRequest(exact=True, filter=self._filter(where))))

    def _filter(self, where: Expression | None) -> qdrant_edge.Filter | None:
        """The filter, restricted to the tenant."""
        spec = self._tenant.restrict(filter_json(where) if where else None)
        return _filter_from_json(spec) if spec else None


def create_shard(place: Path, kind: str, shapes: VectorShapes, tenant: Tenant) -> None:
    """Create an empty shard, whole or not at all. `kind`: `text`, `images` or `documents`."""
    vectors = {name: _vector_params(shapes[name]) for name in STORED_VECTORS[kind] if name in shapes}
    # The engine requires at least one kind of vector, so the register declares a sparse one that is never used.
    sparse = {
        name: qdrant_edge.EdgeSparseVectorParams(modifier=qdrant_edge.Modifier.Idf)
        for name in BM25_FIELDS[kind] or ("unused",)
    }
    # One thread, because handing over a look-up of a fraction of a millisecond takes longer than the look-up.
    config = qdrant_edge.EdgeConfig(vectors=vectors or None, sparse_vectors=sparse, max_search_threads=1)
    draft = place.with_name(f".draft-{place.name}")
    shutil.rmtree(draft, ignore_errors=True)  # left by a process that died here
    shard = qdrant_edge.EdgeShard.create(str(draft), config)
    if tenant:
        index = qdrant_edge.KeywordIndexParams(is_tenant=True)
        shard.update(qdrant_edge.UpdateOperation.create_field_index(TENANT, index))
    shard.close()
    draft.rename(place)
    sync_files([place.parent])


def _index_payload(shard: qdrant_edge.EdgeShard, fields: Sequence[str]) -> None:
    """Create the indexes that a shard lacks, once it is large enough for them."""
    info = shard.info()
    if info.points_count >= MIN_INDEXED_POINTS:
        for field in sorted(set(fields).difference(info.payload_schema)):
            shard.update(qdrant_edge.UpdateOperation.create_field_index(field, qdrant_edge.KeywordIndexParams()))


def stored_shapes(place: Path) -> VectorShapes:
    """The shapes of the vectors in a shard."""
    vectors = json.loads((place / CONFIG_FILE).read_text()).get("vectors") or {}
    return {
        name: VectorShape(vector["size"], vector.get("datatype") == "float16", bool(vector.get("multivector_config")))
        for name, vector in vectors.items()
    }


def _vector_params(shape: VectorShape) -> qdrant_edge.EdgeVectorParams:
    datatype = qdrant_edge.VectorStorageDatatype.Float16 if shape.half else None
    many = qdrant_edge.MultiVectorConfig(qdrant_edge.MultiVectorComparator.MaxSim) if shape.many else None
    return qdrant_edge.EdgeVectorParams(
        size=shape.size,
        distance=qdrant_edge.Distance.Cosine,
        datatype=datatype,
        multivector_config=many,
        quantization_config=None if many else QUANTIZATION,
    )


def _lists(point: Point) -> dict[str, Any]:
    """The vectors of a point; the engine takes several vectors of one name as lists only."""
    return {name: vector.tolist() if vector.ndim > 1 else vector for name, vector in point.vectors.items()}


def _filter_from_json(spec: Json) -> qdrant_edge.Filter:
    clauses: dict[str, Any] = {clause: [_condition_from_json(each) for each in spec[clause]] for clause in spec}
    return qdrant_edge.Filter(**clauses)


def _condition_from_json(spec: Json) -> qdrant_edge.FieldCondition | qdrant_edge.HasIdCondition | qdrant_edge.Filter:
    match spec:
        case {"has_id": ids}:
            return qdrant_edge.HasIdCondition(set(ids))
        case {"key": key, "match": {"value": value}}:
            return qdrant_edge.FieldCondition(key=key, match=qdrant_edge.MatchValue(value))
        case {"key": key, "match": {"substring": part}}:
            return qdrant_edge.FieldCondition(key=key, match=qdrant_edge.MatchSubstring(part))
        case {"key": key, "match": {"any": values}}:
            return qdrant_edge.FieldCondition(key=key, match=qdrant_edge.MatchAny(values))
        case {"key": key, "range": bounds}:
            dates = any(isinstance(bound, str) for bound in bounds.values())
            edge_range = qdrant_edge.RangeDateTime(**bounds) if dates else qdrant_edge.RangeFloat(**bounds)
            return qdrant_edge.FieldCondition(key=key, range=edge_range)
        case {"is_empty": {"key": key}}:
            return qdrant_edge.FieldCondition(key=key, is_empty=True)
    return _filter_from_json(spec)


def _query_request(request: RankedListRequest, where: qdrant_edge.Filter | None) -> qdrant_edge.QueryRequest:
    vector: Any = request.vector  # the engine's type stub only knows lists
    if vector is None:
        vector = qdrant_edge.SparseVector(*query_vector(request.words))
    elif vector.ndim > 1:
        vector = vector.tolist()
    query = qdrant_edge.Query.Nearest(vector, using=request.using)
    if request.first_stage:
        pooled = qdrant_edge.Query.Nearest(vector, using=POOLED_VECTOR)
        first = [qdrant_edge.Prefetch(request.first_stage, query=pooled, filter=where)]
        return qdrant_edge.QueryRequest(limit=request.limit, query=query, prefetches=first, with_payload=False)
    return qdrant_edge.QueryRequest(limit=request.limit, query=query, filter=where, params=RESCORED, with_payload=False)


def point_from_record(record: qdrant_edge.Record) -> Point:
    return Point(str(record.id), record.payload or {}, _vectors(record.vector) if record.vector else {})


def _vectors(named: Any) -> dict[str, Vector]:
    """The vectors of a record, without sparse ones."""
    import numpy as np

    return {
        name: np.asarray(vector, np.float32)
        for name, vector in named.items()
        if not isinstance(vector, qdrant_edge.SparseVector)
    }
