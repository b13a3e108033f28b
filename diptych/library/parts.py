"""The stored passages and pictures of documents, in reading order, and the images of their pages."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diptych.store.register import is_visible, load_records, local_path, visible_points
from diptych.store.types import PAGE_WORDS, Payload, Point, Store
from diptych.where import Expression, In, all_of
from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from extractors.types import ImageFile, PageImage

COLUMN_SHARE = 0.6
"""A part wider than this share of the page spans its columns."""


@dataclass(frozen=True, slots=True)
class Part:
    """A passage or a picture of a document."""

    id: str
    """That of its hits."""
    document_id: str
    document: str
    modality: str
    kind: str
    page: int
    folio: int | None
    """The printed page number, if it differs from `page`."""
    bbox: list[float] | None
    title: str
    heading: tuple[str, ...]
    label: str
    text: str
    """Of a passage; of a picture, the words in it."""
    caption: str
    model_caption: str
    mentions: tuple[str, ...]
    """Labels of the figures and tables that a passage refers to."""
    context: tuple[str, ...]
    """Sentences that refer to a picture."""
    image: ImageFile | None
    fields: Mapping[str, Any]


def load_parts(store: Store, documents: Collection[str], where: Expression | None = None) -> list[Part]:
    """The parts of documents, given by their ids, that match a filter: by document, page and place on the page."""
    where = all_of(In("document_id", tuple(documents)), where)
    points = [point for collection in (store.text, store.images) for point in visible_points(store, collection, where)]
    parts = [_make_part(point) for point in points if PAGE_WORDS not in point.payload]
    widths: dict[tuple[str, int], float] = {}
    for part in parts:
        place = part.document_id, part.page
        widths[place] = max(widths.get(place, 0.0), part.bbox[2] if part.bbox else 0.0)
    return sorted(parts, key=lambda part: _reading_order(part, widths[part.document_id, part.page]))


def find_document(store: Store, part: str) -> str | None:
    """The id of the document that a part belongs to; None if no part has this id."""
    try:
        uuid.UUID(part)
    except ValueError:
        return None
    for collection in (store.text, store.images):
        for point in collection.retrieve([part]):
            document = str(point.payload["document_id"])
            return document if is_visible(point.payload, part, load_records(store, [document])) else None
    return None


def load_page_image(
    document: str, page: int, parts: Iterable[Part], store: Store, sandbox: Sandbox, pictures: Path
) -> PageImage | None:
    """An image of a page: the stored one, or else of a PDF file, which is drawn in a worker and kept until a sweep.

    `parts`: those of the page. None if the file is not a PDF on this machine, or changed since it was ingested.
    """
    for part in parts:
        if part.kind in ("page", "slide") and part.image and part.bbox and image_path(part.image, pictures).exists():
            return PageImage(part.image, part.bbox[2], part.bbox[3])
    record = load_records(store, [document]).get(document)
    path = Path(local_path(record.uri)) if record else Path()
    if record is None or path.suffix.lower() != ".pdf":
        return None
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != record.sha256:
                return None
        return sandbox.page_image(path, page, pictures)
    except (OSError, ExtractionError):
        return None


def _reading_order(part: Part, width: float) -> tuple[object, ...]:
    """Parts without a box last; the left column of a page before the right one, if they are not as wide as the page.

    The store does not keep the order of the extractor: ids of points are hashes.
    """
    if part.bbox is None:
        return part.document, part.page, 2, 0, 0.0, 0.0, part.id
    x0, y0, x1, _ = part.bbox
    whole = part.kind in ("page", "slide")
    column = 0 if x1 - x0 > COLUMN_SHARE * width or (x0 + x1) / 2 < width / 2 else 1
    return part.document, part.page, 0 if whole else 1, column, y0, x0, part.id


def _make_part(point: Point) -> Part:
    payload: Payload = point.payload
    image = payload.get("image")
    return Part(
        id=point.id,
        document_id=payload["document_id"],
        document=payload["document"],
        modality=payload["modality"],
        kind=payload["kind"],
        page=payload["page"],
        folio=max(payload.get("folio", 0), 0) or None,
        bbox=payload["bbox"],
        title=payload["title"],
        heading=tuple(payload["heading"]),
        label=payload["label"],
        text=payload.get("text") or payload.get("words", ""),
        caption=payload["caption"],
        model_caption=payload.get("model_caption", ""),
        mentions=tuple(payload.get("mentions", ())),
        context=tuple(payload.get("context", ())),
        image=ImageFile(**image) if image else None,
        fields=payload["fields"],
    )
