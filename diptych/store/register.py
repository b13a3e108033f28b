"""The switch: a document changes in both collections at once, by one write to the documents register.

New points are written with the next generation and nobody sees them; the register point that names the generation
(and the ids that are gone) makes them count; only then are the old points deleted. A process may die between any two
of these steps: a reader sees the old document or the new one, and the next run converges.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter

from diptych.errors import StoreMismatch
from diptych.models.meter import Charge
from diptych.store.points import Draft, Reading
from diptych.store.types import HASHES, NAMESPACE, STORE_ID, VECTORS, Collection, Index, Payload, Point, edition_of
from diptych.vectors import Vector
from diptych.where import Compare, In

Status = Literal["complete", "partial", "failed"]
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
    usage: Mapping[str, Charge] = field(default_factory=dict)
    """What its last ingest asked of paid models, by model; what the ledger knew was not asked."""

    def payload(self) -> Payload:
        stored = _record_type().dump_python(self, mode="json")
        if not self.usage:
            del stored["usage"]  # most documents cost nothing
        return cast(Payload, stored)

    @classmethod
    def of(cls, payload: Payload) -> DocumentRecord:
        return _record_type().validate_python(payload)


@cache
def _record_type() -> TypeAdapter[DocumentRecord]:
    return TypeAdapter(DocumentRecord)


@dataclass(frozen=True, slots=True)
class Plan:
    """What takes a document from what is stored to what it should be."""

    before: DocumentRecord | None
    generation: int
    text: tuple[Draft, ...]
    """The drafts that are not stored yet."""
    images: tuple[Draft, ...]
    gone: tuple[str, ...]
    """Ids that count now and will not."""


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


class Register:
    """What the documents register said at the last moment that it was asked: until the next commit no more is asked.

    For whoever checks, after having used it, that the clock still shows the same moment.
    """

    def __init__(self) -> None:
        self._known: tuple[str, dict[str, DocumentRecord]] = "", {}  # replaced as one, because threads share it

    def at(self, moment: str, index: Index, documents: Set[str]) -> Mapping[str, DocumentRecord]:
        """By id, those of `documents` that exist, and maybe others."""
        known, held = self._known
        if known != moment:
            held = {}
            self._known = moment, held
        if missing := documents - held.keys():
            held.update(records_of(index, missing))
        return held


def visible(payload: Payload, point: str, live: Mapping[str, DocumentRecord]) -> bool:
    """Does a stored point count? Only when its document is live, its generation committed and itself not retired."""
    record = live.get(str(payload.get("document_id")))
    if record is None or record.deleted:
        return False
    return 0 < payload["generation"] <= record.generation and point not in record.retired


def stored_vectors(index: Index, document: str) -> dict[str, Vector]:
    """Hash -> vector, of all that is stored of a document, committed or left by a run that died."""
    mine = Compare("document_id", "=", document)
    points = (point for collection in (index.text, index.images) for point in collection.scroll(mine, vectors=True))
    return {one: vector for point in points for one, vector in _hashed(point)}


def vectors_of(collection: Collection, panel: str, hashes: Sequence[str]) -> dict[str, Vector]:
    """Hash -> vector, of the given hashes, wherever they are stored in a collection; `panel`: `text` or `images`."""
    held: dict[str, Vector] = {}
    for name in sorted({HASHES[vector] for vector in VECTORS[panel]}) if hashes else ():
        for point in collection.scroll(In(name, tuple(hashes)), vectors=True):
            held.update(_hashed(point))
    return held


def _hashed(point: Point) -> Iterator[tuple[str, Vector]]:
    for name, vector in point.vectors.items():
        yield point.payload[HASHES[name]], vector


def plan(index: Index, document: str, text: Sequence[Draft], images: Sequence[Draft]) -> Plan:
    """Compare the drafts of a document with its points, and clear away what a run that died has left."""
    before = record_of(index, document)
    new: list[tuple[Draft, ...]] = []
    gone: list[str] = []
    for collection, drafts in ((index.text, text), (index.images, images)):
        current, stray = _stored(collection, before, document)
        wanted = {draft.id for draft in drafts}
        collection.delete(sorted(stray - wanted))
        new.append(tuple(draft for draft in drafts if draft.id not in current))
        gone += sorted(current - wanted)
    return Plan(before, (before.generation if before else 0) + 1, new[0], new[1], tuple(gone))


def stage(collection: Collection, drafts: Sequence[Draft], vectors: Mapping[str, Vector], generation: int) -> None:
    """Write points that nobody sees before their generation is committed. `vectors`: hash -> vector."""
    points = []
    for draft in drafts:
        held = {need.vector: vectors[need.hash] for need in draft.needs if need.hash in vectors}
        points.append(Point(draft.id, draft.stored(generation), held))
    collection.upsert(points)


def commit(index: Index, record: DocumentRecord, to: Plan) -> None:
    """The switch: one register write, after which the staged points count and the others do not. Then tidy up."""
    check_edition(index)
    committed = replace(record, generation=to.generation, retired=to.gone)
    note(index, committed)
    tidy(index, committed)


def tidy(index: Index, record: DocumentRecord) -> None:
    """Delete the points that a commit retired; also those that a run which died after its commit has left."""
    if record.retired:
        for collection in (index.text, index.images):
            collection.delete(record.retired)
        note(index, replace(record, retired=()))


def delete(index: Index, record: DocumentRecord) -> None:
    """Remove a document from both collections as one switch: it stops counting first, then its points go."""
    note(index, replace(record, deleted=True))
    for collection in (index.text, index.images):
        collection.delete([point.id for point in collection.scroll(Compare("document_id", "=", record.id))])
    index.documents.delete([record.id])


def bind(index: Index, reading: Reading) -> None:
    """Bind a new store to how its texts are read; refuse one that is read otherwise."""
    known = next(iter(index.documents.retrieve([STORE_ID])), None)
    if known is None:
        index.documents.upsert([Point(STORE_ID, {"edition": index.edition, "reading": asdict(reading)})])
    elif (built := Reading(**known.payload["reading"])) != reading:
        raise StoreMismatch(
            f"the store was built with {built}, the settings name {reading}; `diptych reindex` builds it anew from "
            f"what is stored, or set DIPTYCH_ENCODER, DIPTYCH_IMAGE_ENCODER and DIPTYCH_LANGUAGE back"
        )


def check_edition(index: Index) -> None:
    """Raises `StoreMismatch` when the store was reindexed since it was opened."""
    if edition_of(index.documents.retrieve([STORE_ID])) != index.edition:
        raise StoreMismatch("the store was reindexed meanwhile; run again to go on with its new edition")


def _stored(collection: Collection, before: DocumentRecord | None, document: str) -> tuple[set[str], set[str]]:
    """Ids of a document's points: those that count now, and strays that nobody ever saw or that are retired."""
    live = {document: before} if before else {}
    current: set[str] = set()
    stray: set[str] = set()
    for point in collection.scroll(Compare("document_id", "=", document)):
        (current if visible(point.payload, point.id, live) else stray).add(point.id)
    return current, stray


def local(uri: str) -> str:
    """The path of a `file:` URI, its fragment kept; any other URI as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote(parts.path) + (f"#{unquote(parts.fragment)}" if parts.fragment else "")
