"""One collection on a Qdrant server: every write waits until it is applied, what fails for a moment is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from qdrant_client import QdrantClient
from qdrant_client import models as q
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from diptych.errors import StoreError
from diptych.settings import Settings, VectorType
from diptych.store.filters import translate
from diptych.store.types import KEYWORD_FIELDS, Point, RankedListRequest, ScoredPoint, VectorShape, VectorShapes
from diptych.where import Expression

BATCH = 128  # points a request: some hundred KB with vectors and payload
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds
API_KEY_VARIABLE = "DIPTYCH_QDRANT_API_KEY"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How the collections lie on the server."""

    prefix: str
    """What their names begin with."""
    seconds: float
    """Deadline of a request, retries included."""
    vectors: VectorType = "float32"
    shards: int = 1
    replicas: int = 1

    @classmethod
    def of(cls, settings: Settings) -> ServerOptions:
        return cls(settings.collections, settings.server_seconds, settings.vectors, settings.shards, settings.replicas)

    @property
    def reads(self) -> q.ReadConsistencyType | None:
        """With replicas the register must not be read from one that lags behind."""
        return q.ReadConsistencyType.MAJORITY if self.replicas > 1 else None

    @property
    def ordering(self) -> q.WriteOrdering:
        return q.WriteOrdering.STRONG if self.replicas > 1 else q.WriteOrdering.WEAK

    def vector(self, shape: VectorShape) -> q.VectorParams:
        datatype = q.Datatype.FLOAT16 if shape.half else None
        int8 = q.ScalarQuantization(scalar=q.ScalarQuantizationConfig(type=q.ScalarType.INT8, always_ram=True))
        return q.VectorParams(
            size=shape.size,
            distance=q.Distance.COSINE,
            datatype=datatype,
            quantization_config=int8 if self.vectors == "int8" else None,
        )


class ServerCollection:
    """One collection of a server."""

    def __init__(self, client: QdrantClient, name: str, layout: ServerOptions) -> None:
        self._client, self._name, self._layout = client, name, layout

    def ensure(self, shapes: VectorShapes, texts: Sequence[str]) -> None:
        """Make the collection with its payload indexes, unless it is there."""
        if self.is_there():
            return
        vectors = {name: self._layout.vector(shape) for name, shape in shapes.items()}
        self._try(
            lambda: self._client.create_collection(
                self._name,
                vectors_config=vectors,
                shard_number=self._layout.shards,
                replication_factor=self._layout.replicas,
                write_consistency_factor=self._layout.replicas // 2 + 1,
            )
        )
        for field in texts:
            self._index(
                field, q.TextIndexParams(type=q.TextIndexType.TEXT, scoring=True)
            )  # stems: see diptych.store.terms
        for key in KEYWORD_FIELDS:
            self._index(key, q.PayloadSchemaType.KEYWORD)

    def is_there(self) -> bool:
        return self._try(lambda: self._client.collection_exists(self._name))

    def remove(self) -> bool:
        """Whether it was there."""
        there = self.is_there()
        if there:
            self._try(lambda: self._client.delete_collection(self._name))
        return there

    def _index(self, field: str, kind: q.TextIndexParams | q.PayloadSchemaType) -> None:
        self._try(lambda: self._client.create_payload_index(self._name, field, kind))

    def upsert(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = [
                q.PointStruct(id=p.id, vector={n: v.tolist() for n, v in p.vectors.items()}, payload=p.payload)
                for p in points[start : start + BATCH]
            ]
            self._upsert(batch)

    def insert(self, point: Point) -> None:
        """Write a point unless there is one of its id; what is there then tells who was first."""
        self._upsert([q.PointStruct(id=point.id, vector={}, payload=point.payload)], q.UpdateMode.INSERT_ONLY)

    def _upsert(self, points: list[q.PointStruct], mode: q.UpdateMode | None = None) -> None:
        ordering = self._layout.ordering
        self._write(lambda: self._client.upsert(self._name, points, wait=True, ordering=ordering, update_mode=mode))

    def delete(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            self._delete(q.PointIdsList(points=list(ids[start : start + BATCH])))

    def discard(self, point: Point) -> None:
        """Delete a point if its payload is still this one."""
        same = [
            q.FieldCondition(key=k, match=q.MatchValue(value=v)) for k, v in point.payload.items() if type(v) is str
        ]
        self._delete(q.FilterSelector(filter=q.Filter(must=[q.HasIdCondition(has_id=[point.id]), *same])))

    def _delete(self, chosen: q.PointIdsList | q.FilterSelector) -> None:
        ordering = self._layout.ordering
        self._write(lambda: self._client.delete(self._name, chosen, wait=True, ordering=ordering))

    def retrieve(self, ids: Sequence[str]) -> list[Point]:
        found = self._try(
            lambda: self._client.retrieve(self._name, list(ids), with_payload=True, consistency=self._layout.reads)
        )
        return [_point(record) for record in found]

    def search(self, lookups: Sequence[RankedListRequest]) -> list[list[ScoredPoint]]:
        requests = [_request(lookup) for lookup in lookups]
        answers = self._try(
            lambda: self._client.query_batch_points(self._name, requests, consistency=self._layout.reads)
        )
        return [[ScoredPoint(str(hit.id), hit.score) for hit in answer.points] for answer in answers]

    def scroll(self, where: Expression | None = None, *, vectors: bool = False) -> Iterator[Point]:
        after: Any = None
        while True:
            records, after = self._page(where, vectors, after)
            yield from map(_point, records)
            if after is None:
                return

    def _page(self, where: Expression | None, vectors: bool, after: Any) -> tuple[list[q.Record], Any]:
        return self._try(
            lambda: self._client.scroll(
                self._name,
                translate(where, ServerDialect()),
                BATCH,
                offset=after,
                with_payload=True,
                with_vectors=vectors,
                consistency=self._layout.reads,
            )
        )

    def count(self, where: Expression | None = None) -> int:
        chosen = translate(where, ServerDialect())
        return int(self._try(lambda: self._client.count(self._name, chosen, exact=True)).count)

    def _write(self, call: Callable[[], q.UpdateResult]) -> None:
        result = self._try(call)
        if result.status != q.UpdateStatus.COMPLETED:
            raise StoreError(f"{self._name}: the server did not confirm a write ({result.status}); run again")

    def _try(self, call: Callable[[], T]) -> T:
        """The answer of a request, tried again while the failure may pass and the deadline allows."""
        deadline, pause = time.monotonic() + self._layout.seconds, FIRST_PAUSE
        while True:
            try:
                return call()
            except (ApiException, ResourceExhaustedResponse, ValueError) as error:
                wait = max(pause * random.uniform(0.75, 1.25), getattr(error, "retry_after_s", 0))
                if not _passing(error) or time.monotonic() + wait > deadline:
                    raise StoreError(f"{self._name}: {_sentence(error)}") from error
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


class ServerDialect:
    """Filters in qdrant-client's words."""

    def all_of(self, conditions: Sequence[Any]) -> q.Filter:
        return q.Filter(must=list(conditions))

    def any_of(self, conditions: Sequence[Any]) -> q.Filter:
        return q.Filter(should=list(conditions))

    def none_of(self, conditions: Sequence[Any]) -> q.Filter:
        return q.Filter(must_not=list(conditions))

    def equal(self, key: str, value: str) -> q.FieldCondition:
        return q.FieldCondition(key=key, match=q.MatchValue(value=value))

    def among(self, key: str, values: Sequence[str]) -> q.FieldCondition:
        return q.FieldCondition(key=key, match=q.MatchAny(any=list(values)))

    def number(self, key: str, bounds: dict[str, float]) -> q.FieldCondition:
        return q.FieldCondition(key=key, range=q.Range(**bounds))

    def date(self, key: str, bounds: dict[str, str]) -> q.FieldCondition:
        return q.FieldCondition(key=key, range=q.DatetimeRange.model_validate(bounds))

    def empty(self, key: str) -> q.IsEmptyCondition:
        return q.IsEmptyCondition(is_empty=q.PayloadField(key=key))


def _request(lookup: RankedListRequest) -> q.QueryRequest:
    query: q.NearestQuery | q.TextQuery = q.TextQuery(text=lookup.words)
    if lookup.vector is not None:
        query = q.NearestQuery(nearest=lookup.vector.tolist())
    return q.QueryRequest(
        query=query,
        using=lookup.using,
        filter=translate(lookup.where, ServerDialect()),
        limit=lookup.limit,
        with_payload=False,
    )


def _point(record: q.Record) -> Point:
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors = {name: np.asarray(vector, np.float32) for name, vector in named.items()}
    return Point(str(record.id), record.payload or {}, vectors)


def _passing(error: Exception) -> bool:
    """May the failure pass by itself? Time-outs, lost connections, 429 and 5xx."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code in (408, 429) or (error.status_code or 0) >= 500
    return isinstance(error, ResponseHandlingException | ResourceExhaustedResponse)


def _sentence(error: Exception) -> str:
    if isinstance(error, UnexpectedResponse) and error.status_code in (401, 403):
        return f"the server refuses the key (HTTP {error.status_code}); set {API_KEY_VARIABLE}"
    if isinstance(error, ResponseHandlingException):
        return f"the server cannot be reached ({error}); is it running, and is --store its URL?"
    return str(error).replace("\n", " ")[:300]
