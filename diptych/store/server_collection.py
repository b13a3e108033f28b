"""One collection on a Qdrant server. Every write waits until it is applied; temporary failures are retried."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException

from diptych.errors import StoreError
from diptych.store.bm25 import query_vector
from diptych.store.filters import filter_json
from diptych.store.server_failures import explain_failure, is_missing, is_temporary
from diptych.store.server_indexes import MAX_VALUES, PayloadIndexes
from diptych.store.server_options import ServerOptions, is_quantized, vector_shapes
from diptych.store.server_points import point_from_record, point_struct, sparse_vector
from diptych.store.types import (
    BM25_FIELDS,
    VECTORS,
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
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.25, 8.0
T = TypeVar("T")


class ServerCollection:
    """A `Collection` on a server. `kind`: `text`, `images` or `documents`."""

    def __init__(self, client: QdrantClient, kind: str, edition: int, options: ServerOptions) -> None:
        self._client, self._kind, self._options = client, kind, options
        self.name = f"{options.prefix}-{collection_name(kind, edition)}"
        self._batch = REGISTER_BATCH if kind == "documents" else BATCH
        self._indexes = PayloadIndexes(kind, lambda: _index_types(self._info()), self._create_index, self._values)

    def prepare(self, shapes: VectorShapes) -> None:
        """Create the collection unless it exists, and the payload indexes that an interrupted creation left out.

        What the options change is applied; the server then rebuilds its segments by itself.

        Raises `StoreError` if a collection of this name exists and cannot be one of ours.
        """
        info = self._info()
        if info is None:
            self._create(shapes)
        else:
            self._check_vectors(info.config.params)
            self._update(info.config.params)
        self._indexes.prepare(_index_types(info), self.scroll() if info and info.points_count else ())

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
        vectors = {name: options.vector_params(shapes[name]) for name in VECTORS[self._kind] if name in shapes}
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

    def _check_vectors(self, params: models.CollectionParams) -> None:
        vectors = params.vectors if isinstance(params.vectors, dict) else {}
        missing = [f"no vector {name!r}" for name in VECTORS[self._kind][:1] if name not in vectors]
        if missing or (self._kind == "documents" and (params.vectors or params.sparse_vectors)):
            raise StoreError(
                f"{self.name}: this collection has {(missing or ['vectors'])[0]}, so it does not belong to a store. "
                f"Delete it, or set another prefix with DIPTYCH_COLLECTIONS"
            )

    def _create_index(self, key: str, type_: models.PayloadSchemaType) -> None:
        self.retry(lambda: self._client.create_payload_index(self.name, key, type_))

    def _values(self, key: str) -> list[str]:
        """The distinct values of a payload field with a keyword index; at most `MAX_VALUES`."""
        strict = self._existing().config.strict_mode_config
        limit = min(MAX_VALUES, (strict and strict.enabled and strict.max_query_limit) or MAX_VALUES)
        # Not exact, which strict mode may forbid: only the counts are estimates.
        response = self.retry(lambda: self._client.facet(self.name, key, limit=limit, exact=False))
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
        """Delete the collection. Returns whether it existed."""
        existed = self.exists()
        if existed:
            self.retry(lambda: self._client.delete_collection(self.name))
        return existed

    def upsert(self, points: Sequence[Point]) -> None:
        self._indexes.add_columns(points)
        for batch in in_batches(points, BATCH):
            self._upsert(batch)

    def insert(self, point: Point) -> None:
        """Write a point unless its id exists; reading it back shows whose point was first."""
        self._upsert([point], models.UpdateMode.INSERT_ONLY)

    def _upsert(self, points: Sequence[Point], mode: models.UpdateMode | None = None) -> None:
        self._apply(self._upsert_operation(points, mode=mode))

    def _upsert_operation(
        self,
        points: Sequence[Point],
        mode: models.UpdateMode | None = None,
        condition: models.Filter | None = None,
    ) -> models.UpsertOperation:
        structs = [point_struct(point, self._kind) for point in points]
        return models.UpsertOperation(
            upsert=models.PointsList(points=structs, update_mode=mode, update_filter=condition)
        )

    def replace_hidden(self, document: str, keep: Sequence[str], points: Sequence[Point]) -> None:
        own = models.FieldCondition(key="document_id", match=models.MatchValue(value=document))
        others = models.Filter(must=[own], must_not=[models.HasIdCondition(has_id=list(keep))])
        self._indexes.add_columns(points)
        self._apply(_delete_operation(others), *([self._upsert_operation(points)] if points else []))

    def write_and_release(self, points: Sequence[Point], document: str, replaced: int, lease: Point | None) -> None:
        """Write register points and delete a lease, as `Store.write_and_unlock` describes."""
        is_other = models.Filter(must_not=[models.HasIdCondition(has_id=[document])])
        is_replaced = models.FieldCondition(key="generation", match=models.MatchValue(value=replaced))
        condition = models.Filter(should=[is_other, is_replaced])
        release = [_delete_operation(_equality(lease))] if lease else []
        self._apply(self._upsert_operation(points, condition=condition), *release)

    def delete(self, ids: Sequence[str]) -> None:
        for batch in in_batches(ids, BATCH):
            self._apply(models.DeleteOperation(delete=models.PointIdsList(points=list(batch))))

    def delete_if_equal(self, point: Point) -> None:
        """Delete a point if the strings in its payload are still these."""
        self._apply(_delete_operation(_equality(point)))

    def _apply(self, *operations: models.UpdateOperation) -> None:
        """Apply operations one after the other, in one request."""
        ordering = self._options.ordering
        results = self.retry(
            lambda: self._client.batch_update_points(self.name, operations, wait=True, ordering=ordering)
        )
        for result in results:
            if result.status != models.UpdateStatus.COMPLETED:
                raise StoreError(f"{self.name}: the server did not confirm a write ({result.status}); run again")

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
            chosen = models.Filter(must=[models.HasIdCondition(has_id=list(batch))])
            records, _ = self._scroll_page(chosen, False, None, len(batch))
            points += map(point_from_record, records)
        return points

    def search(self, requests: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        queries = [self._query_request(request) for request in requests]
        consistency = self._options.consistency
        results = self.retry(lambda: self._client.query_batch_points(self.name, queries, consistency=consistency))
        return [[ScoredPoint(str(hit.id), hit.score, hit.payload) for hit in result.points] for result in results]

    def _query_request(self, request: RankedListRequest) -> models.QueryRequest:
        vector = sparse_vector(query_vector(request.words)) if request.vector is None else request.vector.tolist()
        where = self._filter(request.where)
        query = models.NearestQuery(nearest=vector)
        quantized = request.vector is not None and is_quantized(self.params)
        return models.QueryRequest(
            query=query,
            using=request.using,
            filter=where,
            params=self._options.search_params() if quantized else None,
            limit=request.limit,
            with_payload=True,
        )

    def _filter(self, where: Expression | None) -> models.Filter | None:
        return models.Filter.model_validate(self._indexes.rewrite(filter_json(where))) if where else None

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        offset: Any = None
        while True:
            records, offset = self._scroll_page(self._filter(where), vectors, offset, self._batch)
            yield from map(point_from_record, records)
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

    def count(self, where: Expression | None = None) -> int:
        return self.retry(lambda: self._client.count(self.name, self._filter(where), exact=True)).count

    def retry(self, call: Callable[[], T]) -> T:
        """The result of a request, retried while the failure is temporary and the deadline allows."""
        deadline, pause = time.monotonic() + self._options.seconds, FIRST_PAUSE_SECONDS
        while True:
            try:
                return call()
            except (ApiException, ResourceExhaustedResponse, ValueError) as error:
                wait = max(pause * random.uniform(0.75, 1.25), getattr(error, "retry_after_s", 0))
                if not is_temporary(error) or time.monotonic() + wait > deadline:
                    raise StoreError(f"{self.name}: {explain_failure(error)}") from error
            time.sleep(wait)
            pause = min(2 * pause, MAX_PAUSE_SECONDS)


def _index_types(info: models.CollectionInfo | None) -> dict[str, models.PayloadSchemaType]:
    return {key: index.data_type for key, index in info.payload_schema.items()} if info else {}


def _equality(point: Point) -> models.Filter:
    """Finds a point if the strings in its payload are still these."""
    same = [
        models.FieldCondition(key=key, match=models.MatchValue(value=value))
        for key, value in point.payload.items()
        if isinstance(value, str)
    ]
    return models.Filter(must=[models.HasIdCondition(has_id=[point.id]), *same])


def _delete_operation(chosen: models.Filter) -> models.DeleteOperation:
    return models.DeleteOperation(delete=models.FilterSelector(filter=chosen))
