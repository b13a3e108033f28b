"""The ledger in an object store: one file per paid answer, so that machines share it without locks.

    1/captions/<key>.json    a caption
    1/vectors/<key>          a vector, little-endian float32
    1/batches/<hash>.json    a batch whose results have not been fetched yet
    claims/, runs/           what processes that work at the same time must know of each other

`1` is the format. A file is created once and never changed; of two processes that record the same answer, the first one
counts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from diptych.errors import StoreError
from diptych.models.counts import RunCounts
from diptych.models.ledger import Ledger, LedgerCaption, ModelSpending, OpenBatch
from diptych.models.object_claims import ObjectClaims, ObjectCounts
from diptych.object_store import ObjectStore
from diptych.picture_store import PictureStore
from diptych.prices import Usage
from diptych.vectors import Vector, vector_from_bytes, vector_to_bytes

FOLDER = "ledger"
FORMAT = "1"
SAMPLE = 200
"""Captions from which the usual cost of a caption is estimated."""

T = TypeVar("T")
_CAPTION, _BATCH = TypeAdapter(LedgerCaption), TypeAdapter(OpenBatch)


def open_ledger(pictures: PictureStore) -> Ledger:
    """The ledger that lies beside the pictures."""
    return ObjectLedger(pictures.objects.child(FOLDER)) if pictures.objects else Ledger(pictures.folder)


class ObjectLedger(Ledger):
    """A `Ledger` in an object store. Every method raises `StoreError`."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self.claims = ObjectClaims(objects.child("claims"))

    def counts(self, run: str) -> RunCounts:
        return ObjectCounts(self._objects.child("runs"), run)

    def exists(self) -> bool:
        return bool(self._keys("captions") or self._keys("vectors"))

    def captions(self, keys: Sequence[str]) -> dict[str, LedgerCaption]:
        return self._read("captions", keys, ".json", _CAPTION)

    def add_captions(self, captions: Mapping[str, LedgerCaption]) -> None:
        entries = {f"{FORMAT}/captions/{key}.json": _to_json(caption) for key, caption in captions.items()}
        self._objects.create(entries)

    def find_captions(self, contents: Set[tuple[str, str, str]]) -> dict[str, LedgerCaption]:
        found = self.captions(sorted(self._keys("captions"))) if contents else {}
        return {key: one for key, one in found.items() if (one.model, one.text, one.refusal) in contents}

    def vector_keys(self) -> set[str]:
        return self._keys("vectors")

    def vectors(self, keys: Sequence[str]) -> dict[str, Vector]:
        found = self._get("vectors", keys, "")
        return {key: vector_from_bytes(data) for key, data in found.items() if not len(data) % 4}

    def add_vectors(self, vectors: Mapping[str, Vector]) -> None:
        entries = {f"{FORMAT}/vectors/{key}": vector_to_bytes(one) for key, one in vectors.items()}
        self._objects.create(entries)

    def add_batch(self, batch: OpenBatch) -> None:
        self._objects.create({_batch_name(batch.id): _to_json(batch)})

    def open_batches(self, model: str) -> list[OpenBatch]:
        batches = self._read("batches", sorted(self._keys("batches")), ".json", _BATCH).values()
        return sorted((batch for batch in batches if batch.model == model), key=lambda batch: (batch.at, batch.id))

    def close_batch(self, batch: str) -> None:
        self._objects.delete([_batch_name(batch)])

    def spending(self) -> list[ModelSpending]:
        """Like `Ledger.spending`, but of at most `SAMPLE` captions."""
        keys = sorted(self._keys("captions"))[:SAMPLE]  # hashes, so the first ones are a fair sample
        sums: dict[tuple[str, bool], ModelSpending] = {}
        for one in self.captions(keys).values():
            group = one.model, one.usage.batched
            known = sums.get(group, ModelSpending(one.model, 0, Usage(batched=one.usage.batched), 0.0, 0))
            sums[group] = ModelSpending(
                one.model,
                known.captions + 1,
                known.usage + one.usage,
                known.price + (one.price or 0.0),
                known.unpriced + (one.price is None),
            )
        return [sums[group] for group in sorted(sums)]

    def _keys(self, kind: str) -> set[str]:
        return {PurePosixPath(name).stem for name in self._objects.list(f"{FORMAT}/{kind}")}

    def _get(self, kind: str, keys: Iterable[str], suffix: str) -> dict[str, bytes]:
        names = {f"{FORMAT}/{kind}/{key}{suffix}": key for key in keys}
        if names:
            self._objects.check_writable()  # before an answer is bought that could not be recorded
        return {names[name]: content for name, content in self._objects.get(names).items()}

    def _read(self, kind: str, keys: Iterable[str], suffix: str, form: TypeAdapter[T]) -> dict[str, T]:
        entries: dict[str, T] = {}
        for key, content in self._get(kind, keys, suffix).items():
            try:
                entries[key] = form.validate_json(content)
            except ValidationError as error:
                raise StoreError(
                    f"{self._objects.url}/{FORMAT}/{kind}/{key}{suffix}: this entry of the ledger is damaged; restore "
                    f"or delete it, then run again"
                ) from error
        return entries


def _batch_name(batch: str) -> str:
    return f"{FORMAT}/batches/{hashlib.sha256(batch.encode()).hexdigest()}.json"


def _to_json(entry: LedgerCaption | OpenBatch) -> bytes:
    return json.dumps(asdict(entry), ensure_ascii=False, default=list).encode()
