"""Remove points, pictures and editions that no live document needs."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from diptych.picture_store import PictureStore
from diptych.store.register import DocumentRecord, is_visible, load_records, locked_record
from diptych.store.types import Collection, Store, in_batches
from extractors.pictures.store import image_path
from extractors.types import ImageFile

PICTURE_GRACE_SECONDS = 3600.0
"""Age at which an unused picture is removed: a running ingest writes pictures before it commits."""
PAGE_CACHE_SECONDS = 60 * 86_400
"""Age at which a cached page that was not used again is removed."""
BATCH = 256


@dataclass(frozen=True, slots=True)
class SweepReport:
    """Numbers of what was removed."""

    points: int
    pictures: int
    editions: int


def sweep_store(store: Store, pictures: PictureStore) -> SweepReport:
    """Remove what no live document needs. Safe during an ingest: it waits for the lock of each document it touches."""
    points = 0
    strays: dict[str, list[tuple[Collection, str]]] = defaultdict(list)
    for collection in (store.text, store.images):
        for batch in in_batches(collection.scroll(), BATCH):
            records = load_records(store, {point.payload["document_id"] for point in batch})
            for point in batch:
                if not is_visible(point.payload, point.id, records):
                    strays[point.payload["document_id"]].append((collection, point.id))
    for document, found in strays.items():
        with locked_record(store, document) as record:
            points += _remove_points(record, found)
    store.documents.delete([point.id for point in store.documents.scroll() if point.payload.get("deleted")])
    editions = sum([store.drop_edition(edition) for edition in range(1, store.edition)])
    return SweepReport(points, _remove_pictures(store, pictures), editions)


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
