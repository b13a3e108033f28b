"""The switch: replace a document in both collections at once, with one write to the register.

New points are written with the next generation, and readers ignore them. Writing the register entry with that
generation and the retired ids makes the new points count. Only then are the old points deleted. A process may die
between any two steps: readers always see either the complete old version or the complete new one, and the next run
converges.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from diptych.store.points import DocumentDrafts, PointDraft
from diptych.store.register import DocumentRecord, is_visible, locked_record, write_record
from diptych.store.types import HASH_FIELDS, VECTORS, Collection, Point, Store
from diptych.vectors import Vector
from diptych.where import Compare, In, Or
from extractors.types import ImageFile


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """The difference between a document's stored points and its drafts."""

    before: DocumentRecord | None
    generation: int
    text: tuple[PointDraft, ...]
    """Drafts that are not stored yet."""
    images: tuple[PointDraft, ...]
    retired: tuple[str, ...]
    """Ids of visible points that the commit retires."""
    vectors: dict[str, Vector]
    """Hash -> vector of all its stored points, including points of an interrupted run."""
    shown: frozenset[ImageFile] = frozenset()
    """Images of visible points, which the picture store therefore has. Unknown if the document is not complete."""


def plan_update(store: Store, before: DocumentRecord | None, drafts: DocumentDrafts) -> UpdatePlan:
    """Compare the drafts of a document with its points, and delete what an interrupted run left behind.

    `before`: its register entry, as of when it was locked. The points of a document without one are not read: writing
    its new points deletes them.
    """
    if before is None:
        return UpdatePlan(before, 1, tuple(drafts.text), tuple(drafts.images), (), {})
    new: list[tuple[PointDraft, ...]] = []
    retired: list[str] = []
    vectors: dict[str, Vector] = {}
    shown: set[ImageFile] = set()
    for collection, parts in ((store.text, drafts.text), (store.images, drafts.images)):
        stored = list(collection.scroll(Compare("document_id", "=", before.id), vectors=True))
        vectors |= _vectors_by_hash(stored)
        visible = {point.id: point for point in stored if is_visible(point.payload, point.id, {before.id: before})}
        if before.status == "complete":
            shown |= {ImageFile(**one.payload["image"]) for one in visible.values() if "image" in one.payload}
        wanted = {draft.id for draft in parts}
        collection.delete(sorted({point.id for point in stored} - visible.keys() - wanted))
        new.append(tuple(draft for draft in parts if draft.id not in visible))
        retired += sorted(visible.keys() - wanted)
    return UpdatePlan(before, before.generation + 1, new[0], new[1], tuple(retired), vectors, frozenset(shown))


def make_points(drafts: Sequence[PointDraft], vectors: Mapping[str, Vector], generation: int) -> list[Point]:
    """Points that stay invisible until their generation is committed. `vectors`: hash -> vector."""
    points = []
    for draft in drafts:
        encoded = {needed.vector: vectors[needed.hash] for needed in draft.required_vectors if needed.hash in vectors}
        points.append(Point(draft.id, draft.stored_payload(generation), encoded))
    return points


def commit_document(store: Store, record: DocumentRecord, plan: UpdatePlan) -> None:
    """The switch: one register write makes the staged points count and the retired ones not.

    Then deletes the retired points, and ends the lock of the document.
    """
    committed = replace(record, generation=plan.generation, retired=plan.retired)
    write_record(store, committed, replaced=None if plan.retired else plan.generation - 1)
    delete_retired_points(store, committed)


def delete_retired_points(store: Store, record: DocumentRecord) -> None:
    """Delete the points that a commit retired, including the commit of a run that died before this step.

    Then ends the lock of the document.
    """
    if record.retired:
        for collection in (store.text, store.images):
            collection.delete(record.retired)
        write_record(store, replace(record, retired=()), replaced=record.generation)


def delete_document(store: Store, record: DocumentRecord) -> None:
    """Remove a document from both collections at once: hide it with one register write, then delete its points."""
    with locked_record(store, record.id) as current:
        if current:
            write_record(store, replace(current, deleted=True))
            for collection in (store.text, store.images):
                collection.delete([point.id for point in collection.scroll(Compare("document_id", "=", record.id))])
            store.documents.delete([record.id])


def vectors_of_document(store: Store, document: str) -> dict[str, Vector]:
    """Hash -> vector of all stored points of a document, including points of an interrupted run."""
    mine = Compare("document_id", "=", document)
    points = (point for collection in (store.text, store.images) for point in collection.scroll(mine, vectors=True))
    return _vectors_by_hash(points)


def vectors_by_hash(collection: Collection, name: str, hashes: Sequence[str]) -> dict[str, Vector]:
    """Hash -> vector of the given hashes, wherever a collection stores them; `name`: `text` or `images`."""
    fields = sorted({HASH_FIELDS[vector] for vector in VECTORS[name]})
    has_hash = Or(tuple(In(field, tuple(hashes)) for field in fields))
    return _vectors_by_hash(collection.scroll(has_hash, vectors=True)) if hashes else {}


def _vectors_by_hash(points: Iterable[Point]) -> dict[str, Vector]:
    return {point.payload[HASH_FIELDS[name]]: vector for point in points for name, vector in point.vectors.items()}
