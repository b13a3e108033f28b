"""The switch: replace a document in both collections at once, with one write to the register.

New points are written with the next generation, and readers ignore them. Writing the register entry with that
generation and the retired ids makes the new points count. Only then are the old points deleted. A process may die
between any two steps: readers always see either the complete old version or the complete new one, and the next run
converges.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from diptych.store.points import PointDraft
from diptych.store.register import DocumentRecord, check_edition, is_visible, load_record, write_record
from diptych.store.types import HASH_FIELDS, VECTORS, Collection, Point, Store
from diptych.vectors import Vector
from diptych.where import Compare, In
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
    shown: frozenset[ImageFile] = frozenset()
    """Images of visible points, which the picture store therefore has. Unknown if the document is not complete."""


def plan_update(store: Store, document: str, text: Sequence[PointDraft], images: Sequence[PointDraft]) -> UpdatePlan:
    """Compare the drafts of a document with its points, and delete what an interrupted run left behind."""
    before = load_record(store, document)
    new: list[tuple[PointDraft, ...]] = []
    retired: list[str] = []
    shown: frozenset[ImageFile] = frozenset()
    for collection, drafts in ((store.text, text), (store.images, images)):
        current, stray, visible_images = _point_ids(collection, before, document)
        wanted = {draft.id for draft in drafts}
        collection.delete(sorted(stray - wanted))
        if before and before.status == "complete":
            shown |= visible_images
        new.append(tuple(draft for draft in drafts if draft.id not in current))
        retired += sorted(current - wanted)
    return UpdatePlan(before, (before.generation if before else 0) + 1, new[0], new[1], tuple(retired), shown)


def stage_points(
    collection: Collection, drafts: Sequence[PointDraft], vectors: Mapping[str, Vector], generation: int
) -> None:
    """Write points that stay invisible until their generation is committed. `vectors`: hash -> vector."""
    points = []
    for draft in drafts:
        encoded = {needed.vector: vectors[needed.hash] for needed in draft.required_vectors if needed.hash in vectors}
        points.append(Point(draft.id, draft.stored_payload(generation), encoded))
    collection.upsert(points)


def commit_document(store: Store, record: DocumentRecord, plan: UpdatePlan) -> None:
    """The switch: one register write makes the staged points count and the retired ones not. Deletes the latter."""
    check_edition(store)
    committed = replace(record, generation=plan.generation, retired=plan.retired)
    write_record(store, committed)
    delete_retired_points(store, committed)


def delete_retired_points(store: Store, record: DocumentRecord) -> None:
    """Delete the points that a commit retired, including the commit of a run that died before this step."""
    if record.retired:
        for collection in (store.text, store.images):
            collection.delete(record.retired)
        write_record(store, replace(record, retired=()))


def delete_document(store: Store, record: DocumentRecord) -> None:
    """Remove a document from both collections at once: hide it with one register write, then delete its points."""
    write_record(store, replace(record, deleted=True))
    for collection in (store.text, store.images):
        collection.delete([point.id for point in collection.scroll(Compare("document_id", "=", record.id))])
    store.documents.delete([record.id])


def vectors_of_document(store: Store, document: str) -> dict[str, Vector]:
    """Hash -> vector of all stored points of a document, including points of an interrupted run."""
    mine = Compare("document_id", "=", document)
    points = (point for collection in (store.text, store.images) for point in collection.scroll(mine, vectors=True))
    return {hash: vector for point in points for hash, vector in _vectors_by_hash(point)}


def vectors_by_hash(collection: Collection, name: str, hashes: Sequence[str]) -> dict[str, Vector]:
    """Hash -> vector of the given hashes, wherever a collection stores them; `name`: `text` or `images`."""
    found: dict[str, Vector] = {}
    for field in sorted({HASH_FIELDS[vector] for vector in VECTORS[name]}) if hashes else ():
        for point in collection.scroll(In(field, tuple(hashes)), vectors=True):
            found.update(_vectors_by_hash(point))
    return found


def _vectors_by_hash(point: Point) -> Iterator[tuple[str, Vector]]:
    for name, vector in point.vectors.items():
        yield point.payload[HASH_FIELDS[name]], vector


def _point_ids(
    collection: Collection, before: DocumentRecord | None, document: str
) -> tuple[set[str], set[str], set[ImageFile]]:
    """Ids of a document's points: the visible ones, and strays that were never committed or are retired.

    The third value are the images of the visible ones.
    """
    records = {document: before} if before else {}
    current: set[str] = set()
    stray: set[str] = set()
    images: set[ImageFile] = set()
    for point in collection.scroll(Compare("document_id", "=", document)):
        if not is_visible(point.payload, point.id, records):
            stray.add(point.id)
            continue
        current.add(point.id)
        if "image" in point.payload:
            images.add(ImageFile(**point.payload["image"]))
    return current, stray, images
