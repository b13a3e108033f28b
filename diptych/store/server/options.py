"""How collections are stored on a server: vectors, quantisation, memory and disk, shards and replicas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, assert_never

from qdrant_client import models

from diptych.errors import StoreError
from diptych.settings import Settings
from diptych.storage_settings import Quantization
from diptych.store.tenant import NO_TENANT, Tenant
from diptych.store.types import STORED_VECTORS, VectorShape


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How collections are stored on the server and how it is asked. None: as the store has it."""

    prefix: str
    """Of the collections' names."""
    seconds: float
    """Deadline of a request, including retries."""
    shards: int = 1
    replicas: int = 1
    quantization: Quantization | None = None
    oversampling: float = 0
    """Candidates by quantised vectors for each hit by the full ones; 0: full vectors are not read."""
    vectors_on_disk: bool | None = None
    payload_on_disk: bool | None = None
    aliases: str | None = None
    """Prefix of the aliases for other programs; None: there are none."""
    tenant: Tenant = NO_TENANT

    @classmethod
    def of(cls, settings: Settings) -> ServerOptions:
        return cls(
            prefix=settings.collections,
            seconds=settings.server_seconds,
            shards=settings.shards,
            replicas=settings.replicas,
            quantization=settings.quantization,
            oversampling=settings.oversampling if settings.rescore else 0,
            vectors_on_disk=settings.vectors_on_disk,
            payload_on_disk=settings.payload_on_disk,
            aliases=settings.aliases + (f"{settings.tenant}-" if settings.tenant else ""),
            tenant=Tenant(settings.tenant),
        )

    @property
    def consistency(self) -> models.ReadConsistencyType | None:
        """With replicas, the register must not be read from one that lags behind."""
        return models.ReadConsistencyType.MAJORITY if self.replicas > 1 else None

    @property
    def ordering(self) -> models.WriteOrdering:
        return models.WriteOrdering.STRONG if self.replicas > 1 else models.WriteOrdering.WEAK

    def vector_params(self, shape: VectorShape) -> models.VectorParams:
        return models.VectorParams(
            size=shape.size,
            distance=models.Distance.COSINE,
            datatype=models.Datatype.FLOAT16 if shape.half else None,
            on_disk=self.vectors_on_disk,
            quantization_config=None if shape.many else _quantization_config(self.quantization or "none"),
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
            if shape.many
            else None,
        )

    def search_params(self) -> models.SearchParams:
        """For the vectors of a collection that is quantised."""
        rescore = self.oversampling > 0
        return models.SearchParams(
            quantization=models.QuantizationSearchParams(
                rescore=rescore, oversampling=self.oversampling if rescore else None
            )
        )

    def changes(self, params: models.CollectionParams) -> dict[str, Any]:
        """Arguments of `update_collection` that bring an existing collection to these options; empty if it has them."""
        changes: dict[str, Any] = {}
        vectors: dict[str, models.VectorParamsDiff] = {}
        for name, stored in _dense(params).items():
            diff = models.VectorParamsDiff()
            if self.quantization not in (None, _quantization(stored)) and not stored.multivector_config:
                diff.quantization_config = _quantization_config(self.quantization) or models.Disabled.DISABLED
            if self.vectors_on_disk not in (None, bool(stored.on_disk)):
                diff.on_disk = self.vectors_on_disk
            if diff != models.VectorParamsDiff():
                vectors[name] = diff
        if vectors:
            changes["vectors_config"] = vectors
        if self.payload_on_disk not in (None, bool(params.on_disk_payload)):
            changes["collection_params"] = models.CollectionParamsDiff(on_disk_payload=self.payload_on_disk)
        return changes

    def inherit(self, params: models.CollectionParams) -> ServerOptions:
        """These options for the next edition of a collection: what they leave open is kept."""
        stored = next(iter(_dense(params).values()))
        return replace(
            self,
            quantization=self.quantization or _quantization(stored),
            vectors_on_disk=stored.on_disk if self.vectors_on_disk is None else self.vectors_on_disk,
            payload_on_disk=params.on_disk_payload if self.payload_on_disk is None else self.payload_on_disk,
        )


def check_vectors(params: models.CollectionParams, kind: str, name: str) -> None:
    """Raises `StoreError` if a collection cannot be one of a store."""
    missing = [f"no vector {vector!r}" for vector in STORED_VECTORS[kind][:1] if vector not in _dense(params)]
    if missing or (kind == "documents" and (params.vectors or params.sparse_vectors)):
        raise StoreError(
            f"{name}: this collection has {(missing or ['vectors'])[0]}, so it does not belong to a store. "
            f"Delete it, or set another prefix with DIPTYCH_COLLECTIONS"
        )


def is_quantized(params: models.CollectionParams) -> bool:
    return any(_quantization(vector) != "none" for vector in _dense(params).values())


def vector_shapes(params: models.CollectionParams) -> dict[str, VectorShape]:
    """The shapes of the vectors of a collection."""
    half = models.Datatype.FLOAT16
    return {
        name: VectorShape(vector.size, vector.datatype == half, vector.multivector_config is not None)
        for name, vector in _dense(params).items()
    }


def _dense(params: models.CollectionParams) -> dict[str, models.VectorParams]:
    return params.vectors if isinstance(params.vectors, dict) else {}


def _quantization(vector: models.VectorParams) -> Quantization:
    """The setting that a stored vector corresponds to."""
    match vector.quantization_config:
        case models.ScalarQuantization():
            return "scalar"
        case models.BinaryQuantization():
            return "binary"
        case models.TurboQuantization():
            return "turbo"
    return "none"


def _quantization_config(quantization: Quantization | None) -> Any:
    """Quantised vectors are always kept in memory: that is what they are for."""
    match quantization:
        case "none" | None:
            return None
        case "scalar":
            int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
            return models.ScalarQuantization(scalar=int8)
        case "binary":
            return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
        case "turbo":
            return models.TurboQuantization(turbo=models.TurboQuantQuantizationConfig(always_ram=True))
    assert_never(quantization)
