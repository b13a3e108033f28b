"""One collection on a Qdrant server. Every write waits until it is applied; temporary failures are retried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qdrant_client import QdrantClient, models

from diptych.errors import StoreError
from diptych.store.bm25 import query_vector
from diptych.store.filters import filter_json
from diptych.store.server.failures import WRITES_DROPPED, is_missing, retried
from diptych.store.server.indexes import MAX_VALUES, PayloadIndexes, index_types
from diptych.store.server.options import ServerOptions, check_vectors, is_quantized, vector_shapes
from diptych.store.server.points import delete_operation, equality, point_from_record, point_struct, sparse_vector
from diptych.store.tenant import TENANT, TENANT_REFUSED, TENANT_REQUIRED, WITHOUT_TENANT
from diptych.store.types import (
    BM25_FIELDS,
    POOLED_VECTOR,
    STORED_VECTORS,
    Point,
    RankedListRequest,
    ScoredPoint,
    VectorShapes,
    collection_name,
    in_batches,
)
from diptych.where import Expression

BATCH = 128  # points per request: some hundred KB with vectors and payload
REGISTER_BATCH = 1000  # points of the register per request: about 1 KB each
PAGES_BATCH = 2  # pages per request: 3 to 9 MB each, and servers refuse more than 32
READ_BACK = 100  # of so many writes of points, a process reads back the first: each would cost a request more
T = TypeVar("T")


class ServerCollection:
    """A `Collection` on a server. `kind`: `text`, `images`, `pages` or `documents`."""

    def __init__(self, client: QdrantClient, kind: str, edition: int, options: ServerOptions) -> None:
        self._client, self._kind, self._options, self._tenant = client, kind, options, options.tenant
        self.name = f"{options.prefix}-{collection_name(kind, edition)}"
        self._batch = {"documents": REGISTER_BATCH, "pages": PAGES_BATCH}.get(kind, BATCH)
        self._writes = 0
        self._indexes = PayloadIndexes(kind, lambda: index_types(self._info()), self._create_index, self._values)

    def prepare(self, shapes: VectorShapes) -> None:
        """Create the collection unless it exists, and the payload indexes that an interrupted creation left out.

        What the options change is applied; the server then rebuilds its segments by itself.

        Raises `StoreError` if a collection of this name exists and cannot be one of ours.
        """
        info = self._info()
        if info is None:
            self._create(shapes)
        else:
            check_vectors(info.config.params, self._kind, self.name)
            self._check_tenant(info)
            self._update(info.config.params)
        if self._tenant and (info is None or TENANT not in info.payload_schema):
            keyword = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
            self.retry(lambda: self._client.create_payload_index(self.name, TENANT, keyword))
        self._indexes.prepare(index_types(info), self.scroll() if info and info.points_count else ())

    def _info(self) -> models.CollectionInfo | None:
        try:
            return self._existing()
        except StoreError as error:
            if is_missing(error):
                return None
            raise

    def _existing(self) -> models.CollectionInfo:
        return self.retry(lambda: self._client.get_collection(self.name))

    def _create(self, shapes: VectorShapes) -> None:
        options = self._options
        vectors = {name: options.vector_params(shapes[name]) for name in STORED_VECTORS[self._kind] if name in shapes}
        bm25 = {name: models.SparseVectorParams(modifier=models.Modifier.IDF) for name in BM25_FIELDS[self._kind]}
        try:
            self.retry(
                lambda: self._client.create_collection(
                    self.name,
                    vectors_config=vectors,
                    sparse_vectors_config=bm25,
                    # Only within a shard are several points of the register read as of one moment.
                    shard_number=1 if self._kind == "documents" else options.shards,
                    replication_factor=options.replicas,
                    write_consistency_factor=options.replicas // 2 + 1,
                    on_disk_payload=options.payload_on_disk,
                )
            )
        except StoreError:
            if not self.exists():  # if it does, another process created it at the same time
                raise
        self.params = models.CollectionParams(vectors=vectors, on_disk_payload=options.payload_on_disk)

    def _update(self, params: models.CollectionParams) -> None:
        self.params = params
        if changes := self._options.changes(params):
            self.retry(lambda: self._client.update_collection(self.name, **changes))
            self.params = self._existing().config.params

    def _check_tenant(self, info: models.CollectionInfo) -> None:
        """Documents with and without a tenant are never kept together: without one, nothing would be restricted."""
        if TENANT in info.payload_schema and not self._tenant:
            raise StoreError(f"{self.name}: {TENANT_REQUIRED}")
        shared = TENANT in info.payload_schema or not (self._tenant and info.points_count)
        if not shared and self._has_points(models.Filter.model_validate(WITHOUT_TENANT)):
            raise StoreError(f"{self.name}: {TENANT_REFUSED}, such as DIPTYCH_COLLECTIONS=shared")

    def _mine(self, chosen: models.Filter | None = None) -> models.Filter | None:
        """A filter that also requires the tenant."""
        if not self._tenant:
            return chosen
        own = models.FieldCondition(key=TENANT, match=models.MatchValue(value=self._tenant.name))
        return models.Filter(must=[own, chosen] if chosen else [own])

    def _create_index(self, key: str, type_: models.PayloadSchemaType) -> None:
        self.retry(lambda: self._client.create_payload_index(self.name, key, type_))

    def _values(self, key: str) -> list[str]:
        """The distinct values of a payload field with a keyword index; at most `MAX_VALUES`."""
        strict = self._existing().config.strict_mode_config
        limit = min(MAX_VALUES, (strict and strict.enabled and strict.max_query_limit) or MAX_VALUES)
        # Not exact, which strict mode may forbid: only the counts are estimates.
        response = self.retry(lambda: self._client.facet(self.name, key, self._mine(), limit=limit, exact=False))
        if len(response.hits) == limit < MAX_VALUES:
            raise StoreError(
                f"{self.name}: the server's strict mode lists only {limit} values of {key}. Compare the field with =, "
                f"or raise max_query_limit"
            )
        return [str(hit.value) for hit in response.hits]

    @property
    def shapes(self) -> VectorShapes:
        """Of the stored vectors."""
        return vector_shapes(self.params)

    def is_optimized(self) -> bool:
        """Whether the server has built all search structures."""
        info = self._existing()
        return info.status == models.CollectionStatus.GREEN and info.optimizer_status == "ok"

    def exists(self) -> bool:
        return self._info() is not None

    def drop(self) -> bool:
        """Delete the collection, or what a tenant has in it. Returns whether there was any."""
        if existed := self.exists():
            if mine := self._mine():
                existed = self._has_points(mine)
                self._apply(delete_operation(mine))
                if not existed or self._has_points():  # of other tenants
                    return existed
            self.retry(lambda: self._client.delete_collection(self.name))
        return existed

    def upsert(self, points: Sequence[Point]) -> None:
        self._indexes.add_columns(points)
        for batch in in_batches(points, self._batch):
            self._write(batch)

    def insert(self, point: Point) -> None:
        """Write a point unless its id exists; reading it back shows whose point was first."""
        self._apply(self._upsert_operation([point], models.UpdateMode.INSERT_ONLY))

    def _write(self, points: Sequence[Point], *before: models.UpdateOperation) -> None:
        """Write points after other operations. Raises `StoreError` if the server turns out to drop them."""
        self._apply(*before, *([self._upsert_operation(points)] if points else []))
        is_read_back = points and self._kind != "documents" and self._writes % READ_BACK == 0
        if is_read_back and len(self.retrieve([point.id for point in points])) < len(points):
            raise StoreError(f"{self.name}: {WRITES_DROPPED}")
        self._writes += bool(points)  # not before, so that what other threads write meanwhile is read back as well

    def _upsert_operation(
        self, points: Sequence[Point], mode: models.UpdateMode | None = None, condition: models.Filter | None = None
    ) -> models.UpsertOperation:
        structs = [point_struct(self._tenant.stored(point), self._kind) for point in points]
        mine = self._mine(condition)  # never replaces a point of another tenant
        return models.UpsertOperation(upsert=models.PointsList(points=structs, update_mode=mode, update_filter=mine))

    def replace_hidden(self, document: str, keep: Sequence[str], points: Sequence[Point]) -> None:
        own = models.FieldCondition(key="document_id", match=models.MatchValue(value=document))
        others = models.Filter(must=[own], must_not=[self._has_id(keep)])
        self._indexes.add_columns(points)
        self._write(points, delete_operation(self._mine(others) or others))

    def write_and_release(self, points: Sequence[Point], document: str, replaced: int, lease: Point) -> None:
        """Write register points and delete a lease, as `Store.write_and_unlock` describes."""
        is_other = models.Filter(must_not=[self._has_id([document])])
        is_replaced = models.FieldCondition(key="generation", match=models.MatchValue(value=replaced))
        release = delete_operation(equality(self._tenant.stored(lease)))
        self._apply(self._upsert_operation(points, condition=models.Filter(should=[is_other, is_replaced])), release)

    def delete(self, ids: Sequence[str]) -> None:
        for batch in in_batches(ids, BATCH):
            if mine := self._mine():
                self._apply(delete_operation(models.Filter(must=[mine, self._has_id(batch)])))
            else:
                self._apply(models.DeleteOperation(delete=models.PointIdsList(points=list(batch))))

    def _has_id(self, ids: Sequence[str]) -> models.HasIdCondition:
        return models.HasIdCondition(has_id=list(map(self._tenant.stored_id, ids)))

    def delete_if_equal(self, point: Point) -> None:
        """Delete a point if the strings in its payload are still these."""
        self._apply(delete_operation(equality(self._tenant.stored(point))))

    def _apply(self, *operations: models.UpdateOperation) -> None:
        """Apply operations one after the other, in one request."""
        ordering = self._options.ordering
        results = self.retry(
            lambda: self._client.batch_update_points(self.name, operations, wait=True, ordering=ordering)
        )
        answered = [result.status for result in results]
        if answered != [models.UpdateStatus.COMPLETED] * len(operations):
            raise StoreError(f"{self.name}: the server did not confirm a write ({', '.join(answered)}); run again")

    def find(self, ids: Sequence[str]) -> list[Point] | None:
        """As `retrieve`; None if the collection does not exist."""
        try:
            return self.retrieve(ids)
        except StoreError as error:
            if is_missing(error):
                return None
            raise

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        # A scroll, unlike a retrieve, reads all points between two writes.
        points: list[Point] = []
        for batch in in_batches(ids, REGISTER_BATCH):
            chosen = self._mine(models.Filter(must=[self._has_id(batch)]))
            points += self._tenant.own(map(point_from_record, self._scroll_page(chosen, False, None, len(batch))[0]))
        return points

    def search(self, requests: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        queries = [self._query_request(request) for request in requests]
        own, consistency = self._tenant, self._options.consistency
        results = self.retry(lambda: self._client.query_batch_points(self.name, queries, consistency=consistency))
        return [
            [ScoredPoint(own.stored_id(str(hit.id)), hit.score, own.own_payload(hit.payload)) for hit in result.points]
            for result in results
        ]

    def _query_request(self, request: RankedListRequest) -> models.QueryRequest:
        vector = sparse_vector(query_vector(request.words)) if request.vector is None else request.vector.tolist()
        where, query = self._filter(request.where), models.NearestQuery(nearest=vector)
        quantized = request.vector is not None and is_quantized(self.params)
        first = models.Prefetch(query=query, using=POOLED_VECTOR, filter=where, limit=request.first_stage)
        return models.QueryRequest(
            prefetch=first if request.first_stage else None,
            query=query,
            using=request.using,
            filter=where,
            params=self._options.search_params() if quantized else None,
            limit=request.limit,
            with_payload=True,
        )

    def _filter(self, where: Expression | None) -> models.Filter | None:
        chosen = models.Filter.model_validate(self._indexes.rewrite(filter_json(where))) if where else None
        return self._mine(chosen)

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        offset: Any = None
        while True:
            records, offset = self._scroll_page(self._filter(where), vectors, offset, self._batch)
            yield from self._tenant.own(map(point_from_record, records))
            if offset is None:
                return

    def _scroll_page(
        self, chosen: models.Filter | None, vectors: bool, offset: Any, limit: int
    ) -> tuple[list[models.Record], Any]:
        return self.retry(
            lambda: self._client.scroll(
                self.name,
                chosen,
                limit,
                offset=offset,
                with_payload=True,
                with_vectors=vectors,
                consistency=self._options.consistency,
            )
        )

    def _has_points(self, chosen: models.Filter | None = None) -> bool:
        return bool(self._scroll_page(chosen, False, None, 1)[0])  # strict mode may forbid exact counts

    def count(self, where: Expression | None = None) -> int:
        return self.retry(lambda: self._client.count(self.name, self._filter(where), exact=True)).count

    def retry(self, call: Callable[[], T]) -> T:
        """The result of a request, retried while the failure is temporary and the deadline allows."""
        return retried(call, self.name, self._options.seconds)
