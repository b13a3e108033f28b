"""Points, and operations on them, as the client of a Qdrant server has them."""

from typing import Any

import numpy as np
from qdrant_client import models

from diptych.store.bm25 import SparseVector, bm25_vectors
from diptych.store.types import Point


def point_struct(point: Point, kind: str) -> models.PointStruct:
    """A point to write to the collection `kind`."""
    vectors: dict[str, Any] = {name: vector.tolist() for name, vector in point.vectors.items()}
    for name, vector in bm25_vectors(point.payload, kind).items():
        vectors[name] = sparse_vector(vector)
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def sparse_vector(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices, values=vector.values)


def point_from_record(record: models.Record) -> Point:
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors = {
        name: np.asarray(vector, np.float32)
        for name, vector in named.items()
        if not isinstance(vector, models.SparseVector)
    }
    return Point(str(record.id), record.payload or {}, vectors)


def equality(point: Point) -> models.Filter:
    """Finds a point if the strings in its payload are still these."""
    same = [
        models.FieldCondition(key=key, match=models.MatchValue(value=value))
        for key, value in point.payload.items()
        if isinstance(value, str)
    ]
    return models.Filter(must=[models.HasIdCondition(has_id=[point.id]), *same])


def delete_operation(chosen: models.Filter) -> models.DeleteOperation:
    return models.DeleteOperation(delete=models.FilterSelector(filter=chosen))
