"""Keep the documents of several tenants apart in one store.

Every point carries its tenant, and everything that is read, counted or deleted is restricted to it here, below all
filters: no filter and no id that a request names can reach the points of another tenant.
"""

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from diptych.errors import StoreError
from diptych.store.filters import Json
from diptych.store.types import Payload, Point

TENANT = "tenant"
"""Payload field with the tenant. It is not among the user's own fields."""
FOLDER = "tenants"
"""Folder in an embedded store, and in a picture store, that holds what belongs to each tenant alone."""
TENANT_REQUIRED = "holds the documents of several tenants; set DIPTYCH_TENANT"
TENANT_REFUSED = "holds documents without a tenant; unset DIPTYCH_TENANT, or use another store"
WITHOUT_TENANT: Json = {"must": [{"is_empty": {"key": TENANT}}]}


@dataclass(frozen=True, slots=True)
class Tenant:
    """A name, or the empty string in a store that is not shared."""

    name: str = ""

    def __bool__(self) -> bool:
        return bool(self.name)

    def stored_id(self, id: str) -> str:
        """The id under which a point is stored, and back: equal ids of different tenants are different points."""
        if not self:
            return id
        try:
            number = uuid.UUID(str(id)).int
        except ValueError as error:
            raise StoreError(f"{id}: is not the id of a point") from error
        mask = hashlib.blake2b(self.name.encode(), digest_size=16).digest()
        return str(uuid.UUID(int=number ^ int.from_bytes(mask, "big")))

    def stored(self, point: Point) -> Point:
        if not self:
            return point
        return replace(point, id=self.stored_id(point.id), payload={**point.payload, TENANT: self.name})

    def own(self, points: Iterable[Point]) -> list[Point]:
        """Those of the stored points that belong to the tenant, as they were written."""
        if not self:
            return list(points)
        mine = (point for point in points if point.payload.get(TENANT) == self.name)
        return [
            replace(point, id=self.stored_id(point.id), payload=self.own_payload(point.payload) or {}) for point in mine
        ]

    def own_payload(self, payload: Payload | None) -> Payload | None:
        """The payload of a stored point as it was written."""
        return {name: value for name, value in payload.items() if name != TENANT} if self and payload else payload

    def restrict(self, spec: Json | None = None, ids: Iterable[str] | None = None) -> Json | None:
        """A filter that also requires the tenant, and one of these ids; None if it would require nothing."""
        must: list[Json] = [{"has_id": list(map(self.stored_id, ids))}] if ids is not None else []
        must += [{"key": TENANT, "match": {"value": self.name}}] if self else []
        must += [spec] if spec else []
        return {"must": must} if must else None


NO_TENANT = Tenant()
