"""Claims and the counts of runs in an object store, without locks: every file has one writer, or is created once."""

import json
import os
import threading
import time
import uuid

from pydantic import BaseModel

from diptych.models.claims import HOST, Claim, Claims
from diptych.models.counts import KEPT_DAYS, Funds, ProcessCounts
from diptych.object_store import ObjectStore
from diptych.prices import Usage


class ObjectClaims(Claims):
    """One file per claimed key, which is created by whoever claims it first.

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


class ObjectCounts(ProcessCounts):
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
