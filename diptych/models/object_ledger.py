"""The ledger in an object store: one file per paid answer, so that machines share it without locks.

    1/captions/<key>.json    a caption
    1/vectors/<key>          a vector, little-endian float32
    1/batches/<hash>.json    a batch whose results have not been fetched yet
    1/unusable/<key>.txt     why an answer of a batch is no caption, until a run has reported it
    claims/, runs/           what processes that work at the same time must know of each other

`1` is the format. The file of an answer is created once and never changed; of two processes that record the same
answer, the first one counts.
"""

import hashlib
import json
import os
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from diptych.errors import StoreError
from diptych.models.claims import HOST, Claim, Claims
from diptych.models.counts import KEPT_DAYS, Counts, Funds
from diptych.models.ledger import Ledger, LedgerCaption, OpenBatch
from diptych.object_store import ObjectStore
from diptych.picture_store import PictureStore
from diptych.prices import Usage
from diptych.vectors import Vector, vector_from_bytes, vector_to_bytes

FOLDER = "ledger"
FORMAT = "1"

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

    def counts(self, run: str) -> Counts:
        return ObjectCounts(self._objects.child("runs"), run)

    def captions(self, keys: Sequence[str]) -> dict[str, LedgerCaption]:
        return self._read("captions", keys, ".json", _CAPTION)

    def add_captions(self, captions: Mapping[str, LedgerCaption]) -> None:
        entries = {f"{FORMAT}/captions/{key}.json": _to_json(caption) for key, caption in captions.items()}
        self._objects.create(entries)

    def add_unusable(self, key: str, reason: str) -> None:
        self._objects.put({f"{FORMAT}/unusable/{key}.txt": reason.encode()})

    def unusable(self, keys: Sequence[str]) -> dict[str, str]:
        known = self._keys("unusable") & set(keys) if keys else set()  # one request instead of one per key
        return {key: reason.decode() for key, reason in self._get("unusable", sorted(known), ".txt").items()}

    def forget_unusable(self, keys: Collection[str]) -> None:
        self._objects.delete([f"{FORMAT}/unusable/{key}.txt" for key in keys])

    def find_captions(self, contents: Set[tuple[str, str, str]]) -> dict[str, LedgerCaption]:
        found = self.captions(sorted(self._keys("captions"))) if contents else {}
        return {key: one for key, one in found.items() if (one.model, one.text, one.refusal) in contents}

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


class ObjectClaims(Claims):
    """Claims without locks: one file per claimed key, which is created by whoever claims it first.

    The claim of a dead process is taken over by whoever first creates a file that is named after key and process.
    """

    def __init__(self, objects: ObjectStore) -> None:
        super().__init__()
        self._objects = objects
        self._renewals = 0
        self._files: dict[str, list[str]] = {}
        """Key -> files of a claim of this process; the claim comes first."""

    def _insert(self, keys: set[str]) -> set[str]:
        mine = {key: [key] for key in self._objects.create(dict.fromkeys(sorted(keys), self._content()))}
        claims = {key: _parse(content) for key, content in self._objects.get(sorted(keys - mine.keys())).items()}
        for key, claim in claims.items():
            successor = f"{key}.{claim[0]}"
            if self._is_free(key, claim) and self._objects.create({successor: b""}):
                self._objects.put({key: self._content()})
                mine[key] = [key, successor]
        with self._lock:
            self._files |= mine
        return set(mine)

    def _delete(self, keys: set[str]) -> None:
        with self._lock:
            files = [name for key in keys for name in self._files.pop(key, ())]
        self._objects.delete(files)

    def _renew_all(self) -> None:
        self._renewals += 1
        with self._lock:  # a claim that ends in between must not be written again
            self._objects.put(dict.fromkeys(self._files, self._content()))

    def _content(self) -> bytes:
        return json.dumps([self._owner, self._renewals, HOST, os.getpid()]).encode()


def _parse(content: bytes) -> Claim:
    owner, renewals, host, pid = json.loads(content)
    return owner, renewals, host, pid


class _Share(BaseModel):
    """What one process of a run has used and reserved."""

    spent: float = 0.0
    reserved: float = 0.0
    usage: list[tuple[str, Usage]] = []


class ObjectCounts(Counts):
    """`Counts` of all processes of a run. Each process writes a file of its own.

    A process reserves by writing its file, and then reads those of the others. So a budget is never exceeded; where two
    processes reserve the last of it at once, neither may get it.
    """

    def __init__(self, objects: ObjectStore, run: str) -> None:
        super().__init__()
        self._objects, self._folder = objects, run
        self._own_name = f"{run}/{uuid.uuid4().hex}.json"
        self._writing = threading.Lock()

    def begin(self) -> bool:
        old = time.time() - KEPT_DAYS * 86_400
        self._objects.delete([name for name, at in self._objects.list().items() if at < old])
        return bool(self._objects.create({f"{self._folder}/begun": b""}))

    def reserve(self, usd: float, budget: float | None) -> Funds | None:
        super().reserve(usd, None)
        self._write()
        funds = self._all_funds()
        if budget is None or funds.spent + funds.reserved <= budget:
            return None
        self.release(usd)
        return Funds(funds.spent, funds.reserved - usd)

    def release(self, usd: float) -> None:
        super().release(usd)
        self._write()

    def add(self, model: str, usage: Usage, usd: float) -> None:
        super().add(model, usage, usd)
        self._write()

    def spent(self) -> float:
        return self._all_funds().spent

    def usage(self) -> dict[tuple[str, bool], Usage]:
        sums: dict[tuple[str, bool], Usage] = {}
        for model, used in (entry for share in self._shares() for entry in share.usage):
            key = model, used.batched
            sums[key] = sums[key] + used if key in sums else used
        return sums

    def _write(self) -> None:
        with self._writing:
            usage = [(model, used) for (model, _), used in super().usage().items()]
            share = _Share(spent=self._funds.spent, reserved=self._funds.reserved, usage=usage)
            self._objects.put({self._own_name: share.model_dump_json().encode()})

    def _all_funds(self) -> Funds:
        shares = self._shares()
        return Funds(sum(share.spent for share in shares), sum(share.reserved for share in shares))

    def _shares(self) -> list[_Share]:
        names = [name for name in self._objects.list(self._folder) if name.endswith(".json")]
        return [_Share.model_validate_json(content) for content in self._objects.get(names).values()]
