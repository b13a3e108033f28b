"""The switch: a document changes in both collections at once, by one write to the documents register.

New points are written with the next generation and nobody sees them; the register point that names the generation
(and the ids that are gone) makes them count; only then are the old points deleted. A process may die between any two
of these steps: a reader sees the old document or the new one, and the next run converges.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal, cast

import numpy as np
from pydantic import TypeAdapter

from diptych.errors import StoreMismatch
from diptych.index import Collection, Index, Payload, Point, Vector
from diptych.points import NAMESPACE, Draft
from diptych.where import Compare

Status = Literal["complete", "partial", "failed"]
STORE_ID = str(uuid.uuid5(NAMESPACE, "store"))
"""A register point that is not a document: what the store was built with."""
CLOCK_ID = str(uuid.uuid5(NAMESPACE, "clock"))
"""A register point that is not a document: another value after every write to the register."""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document in the register."""

    id: str
    uri: str
    name: str
    sha256: str = ""
    fingerprint: str = ""
    """Of the pipeline that made the points."""
    generation: int = 0
    """Points above it are not yet committed; 0: nothing is visible."""
    retired: tuple[str, ...] = ()
    """Ids that no longer count though they may still be stored."""
    deleted: bool = False
    """On its way out: nothing of it counts, whatever is still stored."""
    status: Status = "complete"
    error: str = ""
    transient: bool = False
    """Whether the failure may pass by itself."""
    title: str = ""
    pages: int = 0
    passages: int = 0
    pictures: int = 0
    problems: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    updated_at: str = ""
    """ISO 8601, UTC."""
    fields: Mapping[str, Any] = field(default_factory=dict)

    def payload(self) -> Payload:
        return cast(Payload, _record_type().dump_python(self, mode="json"))

    @classmethod
    def of(cls, payload: Payload) -> DocumentRecord:
        return _record_type().validate_python(payload)


@cache
def _record_type() -> TypeAdapter[DocumentRecord]:
    return TypeAdapter(DocumentRecord)


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit did."""

    added: int
    kept: int
    removed: int


def record_of(index: Index, document: str) -> DocumentRecord | None:
    """The register's entry for a document id."""
    return records_of(index, [document]).get(document)


def records_of(index: Index, documents: Iterable[str]) -> dict[str, DocumentRecord]:
    return {point.id: DocumentRecord.of(point.payload) for point in index.documents.retrieve(sorted(set(documents)))}


def records(index: Index) -> list[DocumentRecord]:
    """All documents, by name."""
    found = [DocumentRecord.of(point.payload) for point in index.documents.scroll() if "uri" in point.payload]
    return sorted((record for record in found if not record.deleted), key=lambda record: (record.name, record.uri))


def note(index: Index, record: DocumentRecord) -> None:
    """Write a register entry, and with it the clock, in one write."""
    index.documents.upsert([Point(CLOCK_ID, {"moment": uuid.uuid4().hex}), Point(record.id, record.payload())])


def clock(index: Index) -> str:
    """The same at two moments: no document was committed in between."""
    return str(next((point.payload["moment"] for point in index.documents.retrieve([CLOCK_ID])), ""))


def visible(payload: Payload, point: str, live: Mapping[str, DocumentRecord]) -> bool:
    """Does a stored point count? Only when its document is live, its generation committed and itself not retired."""
    record = live.get(str(payload.get("document_id")))
    if record is None or record.deleted:
        return False
    return 0 < payload["generation"] <= record.generation and point not in record.retired


def stored_vectors(index: Index, document: str) -> dict[str, Mapping[str, Vector]]:
    """Content hash -> vectors, of all that is stored of a document, committed or left by a run that died."""
    held: dict[str, Mapping[str, Vector]] = {}
    for collection in (index.text, index.images):
        for point in collection.scroll(Compare("document_id", "=", document), vectors=True):
            if point.vectors:
                held[point.payload["content_hash"]] = point.vectors
    return held


def commit(
    index: Index,
    record: DocumentRecord,
    text: Sequence[Draft],
    images: Sequence[Draft],
    vectors: Mapping[str, Mapping[str, Vector]],
) -> Change:
    """Replace the document by these drafts, in both collections, as one switch.

    `record` is the entry to be; its generation and retired ids are set here. `vectors`: draft id -> vectors by name.
    """
    before = record_of(index, record.id)
    generation = (before.generation if before else 0) + 1
    gone: list[str] = []
    added = kept = 0
    for collection, drafts in ((index.text, text), (index.images, images)):
        current, stray = _stored(collection, before, record.id)
        wanted = {draft.id for draft in drafts}
        new = [draft for draft in drafts if draft.id not in current]
        collection.delete(sorted(stray - wanted))  # of a run that died before its commit
        collection.upsert([_point(draft, generation, vectors) for draft in new])
        gone += sorted(current - wanted)
        added, kept = added + len(new), kept + len(drafts) - len(new)
    committed = replace(record, generation=generation, retired=tuple(gone))
    note(index, committed)  # the switch
    for collection in (index.text, index.images):
        collection.delete(gone)
    if gone:
        note(index, replace(committed, retired=()))
    return Change(added, kept, len(gone))


def delete(index: Index, record: DocumentRecord) -> None:
    """Remove a document from both collections as one switch: it stops counting first, then its points go."""
    note(index, replace(record, deleted=True))
    for collection in (index.text, index.images):
        collection.delete([point.id for point in collection.scroll(Compare("document_id", "=", record.id))])
    index.documents.delete([record.id])


def check_encoders(index: Index, encoders: Mapping[str, str]) -> None:
    """Bind a new store to its encoders (collection -> fingerprint); refuse one that was built with others."""
    known = next(iter(index.documents.retrieve([STORE_ID])), None)
    if known is None:
        index.documents.upsert([Point(STORE_ID, {"encoders": dict(encoders), "format": 1})])
    elif known.payload["encoders"] != dict(encoders):
        built = ", ".join(f"{name}: {value}" for name, value in sorted(known.payload["encoders"].items()))
        asked = ", ".join(f"{name}: {value}" for name, value in sorted(encoders.items()))
        raise StoreMismatch(
            f"the store was built with the encoders ({built}), the settings name ({asked}); "
            "set DIPTYCH_ENCODER back, or ingest into a new --store"
        )


def _stored(collection: Collection, before: DocumentRecord | None, document: str) -> tuple[set[str], set[str]]:
    """Ids of a document's points: those that count now, and strays that nobody ever saw or that are retired."""
    live = {document: before} if before else {}
    current: set[str] = set()
    stray: set[str] = set()
    for point in collection.scroll(Compare("document_id", "=", document)):
        (current if visible(point.payload, point.id, live) else stray).add(point.id)
    return current, stray


def _point(draft: Draft, generation: int, vectors: Mapping[str, Mapping[str, Vector]]) -> Point:
    held = {name: np.asarray(vector, np.float32) for name, vector in vectors.get(draft.id, {}).items()}
    return Point(draft.id, {**draft.payload, "generation": generation}, held)
