"""The stored passages and pictures of documents, in reading order, and the images of their pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.store.register import load_records
from diptych.store.types import PAGE_WORDS, Payload, Point, Store
from diptych.store.visible_points import visible_points
from diptych.where import Expression, In, all_of
from extractors.errors import ExtractionError
from extractors.geometry import horizontal_overlap, merge_boxes, width
from extractors.pictures.store import image_path
from extractors.types import WHOLE_KINDS, Box, ImageFile, PageImage

if TYPE_CHECKING:
    from extractors.sandbox.sandbox import Sandbox

MIN_WIDE = 0.6
"""Share of a page's width from which a part ends the columns above it."""
MIN_SHARED = 0.5
"""Share of the narrower of two parts that both cover, if they are in one column."""


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
    table: Mapping[str, Any] | None = None
    """The grid of a table, as in `Hit.table`."""


def load_parts(store: Store, documents: Collection[str] | None, where: Expression | None = None) -> list[Part]:
    """The parts of documents, given by their ids, that match a filter: by document, page and place on the page.

    `documents`: None stands for all. `where`: with ids instead of the names of documents.
    """
    where = where if documents is None else all_of(In("document_id", tuple(documents)), where)
    points = visible_points(store, [store.text, store.images], where)
    parts = [_make_part(point) for point in points if PAGE_WORDS not in point.payload]
    return in_reading_order(parts)


def in_reading_order(parts: Iterable[Part]) -> list[Part]:
    """Parts by document and page. On a page, columns are read one after the other; a wide part ends those above it.

    The store does not keep the order of the extractor: ids of points are hashes.
    """
    ordered: list[Part] = []
    for _, group in groupby(sorted(parts, key=_from_top), lambda part: (part.document, part.page)):
        on_page, columns = list(group), list[list[Part]]()
        page_width = width(merge_boxes(map(_box, on_page)))
        for part in on_page:
            if part.bbox is None or width(_box(part)) >= MIN_WIDE * page_width:
                ordered += [*_join_columns(columns), part]
                columns = []
            else:
                _add_to_column(part, columns)
        ordered += _join_columns(columns)
    return ordered


def _from_top(part: Part) -> tuple[object, ...]:
    """Images of whole pages come first, parts without a box last."""
    x0, y0, _, _ = _box(part)
    return part.document, part.page, part.bbox is None, part.kind not in WHOLE_KINDS, y0, x0, part.id


def _add_to_column(part: Part, columns: list[list[Part]]) -> None:
    for column in columns:
        if horizontal_overlap(_box(part), merge_boxes(map(_box, column))) >= MIN_SHARED:
            column.append(part)
            return
    columns.append([part])


def _join_columns(columns: Iterable[list[Part]]) -> Iterator[Part]:
    for column in sorted(columns, key=lambda column: _box(column[0])[0]):
        yield from column


def _box(part: Part) -> Box:
    x0, y0, x1, y1 = part.bbox or (0.0, 0.0, 0.0, 0.0)
    return x0, y0, x1, y1


def load_page_image(
    document: str, page: int, parts: Iterable[Part], store: Store, sandbox: Sandbox, pictures: Path
) -> PageImage | None:
    """An image of a page: the stored one, or else of a PDF file, which is drawn in a worker and kept until a sweep.

    `parts`: those of the page. None if the file is not a PDF on this machine, or changed since it was ingested.
    """
    from diptych.answering.evidence import unchanged_pdf

    for part in parts:
        if part.kind in WHOLE_KINDS and part.image and part.bbox and image_path(part.image, pictures).exists():
            return PageImage(part.image, part.bbox[2], part.bbox[3])
    record = load_records(store, [document]).get(document)
    path = unchanged_pdf(record) if record else None
    try:
        return sandbox.page_image(path, page, pictures) if path else None
    except ExtractionError:
        return None


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
        table=payload.get("table"),
    )
