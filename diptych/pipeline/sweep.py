"""Remove points, pictures and editions that no live document needs, and find documents that lack points."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from diptych.picture_store import PictureStore
from diptych.store.picture_binding import find_other_users
from diptych.store.register import (
    DocumentRecord,
    is_visible,
    list_records,
    load_records,
    locked_record,
    write_record,
)
from diptych.store.sections import section_number
from diptych.store.types import PAGE_WORDS, Collection, Point, Store, in_batches
from diptych.where import Compare
from extractors.pictures.store import image_path
from extractors.types import ImageFile, Problem

PICTURE_GRACE_SECONDS = 3600.0
"""Age at which an unused picture is removed: a running ingest writes pictures before it commits."""
PAGE_CACHE_SECONDS = 60 * 86_400
"""Age at which a cached page that was not used again is removed."""
BATCH = 256
LOST = "the store has lost"
"""Begins the problem of a document that lacks points."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Numbers of what was removed."""

    points: int
    pictures: int
    editions: int
    incomplete: tuple[str, ...] = ()
    """Names of documents that lack parts which were stored: the next ingest stores them again."""
    kept: str = ""
    """Why unused pictures are not removed."""


def sweep_store(store: Store, pictures: PictureStore) -> SweepReport:
    """Remove what no live document needs. Safe during an ingest: it waits for the lock of each document it touches.

    A server may lose points that it has confirmed, as after a power cut, or while something in front of it answers in
    its place. Documents that lack some are marked as partial and transient.
    """
    points = 0
    strays: dict[str, list[tuple[Collection, str]]] = defaultdict(list)
    inventory = _Inventory()
    for collection in (store.text, store.images):
        for batch in in_batches(collection.scroll(), BATCH):
            records = load_records(store, {point.payload["document_id"] for point in batch})
            inventory.add(batch, records)
            for point in batch:
                if not is_visible(point.payload, point.id, records):
                    strays[point.payload["document_id"]].append((collection, point.id))
    for document, found in strays.items():
        with locked_record(store, document) as record:
            points += _remove_points(record, found)
    store.documents.delete([point.id for point in store.documents.scroll() if point.payload.get("deleted")])
    editions = sum([store.drop_edition(edition) for edition in range(1, store.edition)])
    lacking = [record for record in list_records(store) if inventory.missing(record)]
    incomplete = tuple(record.name for record in lacking if _mark_incomplete(store, record.id))
    kept = find_other_users(store, pictures)
    return SweepReport(points, 0 if kept else _remove_pictures(store, pictures), editions, incomplete, kept)


@dataclass(slots=True)
class _Stored:
    """What is stored of a document, and counts."""

    passages: int = 0
    pictures: int = 0
    with_passages: set[int] = field(default_factory=set)
    """Pages, or sections, with passages; each has a point with its words."""
    with_words: set[int] = field(default_factory=set)
    """Pages, or sections, whose words are stored."""


class _Inventory:
    """What is stored of each document."""

    def __init__(self) -> None:
        self._documents: dict[str, _Stored] = defaultdict(_Stored)

    def add(self, points: Iterable[Point], records: Mapping[str, DocumentRecord]) -> None:
        for point in points:
            if is_visible(point.payload, point.id, records):
                stored = self._documents[point.payload["document_id"]]
                if PAGE_WORDS in point.payload:
                    stored.with_words.add(section_number(point.payload))
                elif point.payload["modality"] == "text":
                    stored.passages += 1
                    stored.with_passages.add(section_number(point.payload))
                else:
                    stored.pictures += 1

    def missing(self, record: DocumentRecord) -> str:
        """`2 of 12 passages`: what is missing of a document; empty if nothing is."""
        stored = self._documents.get(record.id, _Stored())
        pages = stored.with_passages
        counts = (
            (record.passages - stored.passages, record.passages, "{} of {} passages"),
            (record.pictures - stored.pictures, record.pictures, "{} of {} pictures"),
            (len(pages - stored.with_words), len(pages), "the words of {} of {} pages"),
        )
        return " and ".join(what.format(missing, committed) for missing, committed, what in counts if missing > 0)


def _mark_incomplete(store: Store, document: str) -> bool:
    """Register what a document lacks, now that it is locked. Returns whether it lacks anything."""
    with locked_record(store, document) as record:
        if record is None or record.deleted:
            return False
        own, inventory = Compare("document_id", "=", document), _Inventory()
        for collection in (store.text, store.images):
            inventory.add(collection.scroll(own), {document: record})
        if lost := inventory.missing(record):
            problems = [one for one in record.problems if not one["reason"].startswith(LOST)]
            problems.append(asdict(Problem(f"{LOST} {lost}; ingest it again")))
            status = "partial" if record.status == "complete" else record.status
            write_record(store, replace(record, status=status, transient=True, problems=tuple(problems)))
        return bool(lost)


def _remove_points(record: DocumentRecord | None, found: Sequence[tuple[Collection, str]]) -> int:
    """Delete those of the invisible points that are still invisible, now that the document is locked."""
    records = {record.id: record} if record else {}
    removed = 0
    for collection, identity in found:
        for point in collection.retrieve([identity]):
            if not is_visible(point.payload, point.id, records):
                collection.delete([identity])
                removed += 1
    return removed


def _remove_pictures(store: Store, pictures: PictureStore) -> int:
    start = time.time()  # what an ingest writes from now on is spared, however long this takes
    folder = pictures.folder
    needed = {image_path(ImageFile(**point.payload["image"]), folder) for point in store.images.scroll()}
    before = start - PICTURE_GRACE_SECONDS
    removed = pictures.delete((path for path in pictures.find_old(before) if path not in needed), before)
    for page in folder.glob("pages/??/*"):
        if page.stat().st_mtime < start - PAGE_CACHE_SECONDS:
            page.unlink(missing_ok=True)
    return removed
