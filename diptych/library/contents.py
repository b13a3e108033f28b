"""What the store has of documents: their parts in reading order, and images of their pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from diptych.answering.evidence import draw_place
from diptych.errors import QueryError
from diptych.library.runtime import Runtime
from diptych.search.similar import load_payload
from diptych.store.names import PART_FIELDS, NameCache, resolve_names, select_documents
from diptych.store.register import DocumentRecord, list_records, register_version, visible_points
from diptych.store.types import INDEXED, Point
from diptych.where import And, Compare, Expression, comparisons
from extractors.geometry import horizontal_overlap, merge_boxes, width
from extractors.pdf.crops import PREVIEW_DPI
from extractors.pictures.store import image_path
from extractors.types import Box, ImageFile

MIN_WIDE = 0.6
"""Share of a page's width from which a part ends the columns above it."""
MIN_SHARED = 0.5
"""Share of the narrower of two parts that both cover, if they are in one column."""
WHOLE_PAGE = (0.0, 0.0, 14400.0, 14400.0)
"""The largest page that PDF allows, in points; what is drawn ends at the edges of the page."""
WHOLE_KINDS = ("page", "slide")
"""Pictures that show a whole page."""


@dataclass(frozen=True, slots=True)
class Part:
    """A passage or a picture as it is stored."""

    id: str
    """The id of its hits."""
    modality: str
    kind: str
    page: int
    folio: int | None
    """The printed page number, if it differs from `page`."""
    bbox: list[float] | None
    heading: tuple[str, ...]
    label: str
    text: str
    """Of a picture: the words inside it."""
    caption: str
    image: str | None
    """Path of the image file."""
    context: tuple[str, ...]
    """Sentences of the document that refer to a picture."""
    mentions: tuple[str, ...]
    """Labels of the figures and tables that a passage refers to."""
    model_caption: str
    """What a vision model says about a picture; not words of the document."""


@dataclass(frozen=True, slots=True)
class DocumentContents:
    """A document, or a page of it."""

    record: DocumentRecord
    parts: tuple[Part, ...]
    """Page by page; on a page column by column, as far as their places show it."""


@dataclass(frozen=True, slots=True)
class PageImage:
    """The image of a page, with the size of the page in points: boxes are measured on it."""

    path: str
    width: float
    height: float


class Contents:
    """`Diptych.contents`. Thread-safe. In every method, only what matches the filter `where` counts as stored."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: tuple[str, Expression | None, list[DocumentRecord]] = "", None, []
        """The documents that match a filter, in a version of the register; replaced as one value."""

    def documents(self, where: Expression | None = None) -> list[DocumentRecord]:
        """The documents with parts that match `where`, or all of them, sorted by name."""
        store = self._runtime.existing()
        version = register_version(store)
        known_version, known_where, records = self._known
        if (known_version, known_where) != (version, where):
            records = list_records(store)
            if where:
                matching = {point.payload["document_id"] for point in self._points(where)}
                records = [record for record in records if record.id in matching]
            self._known = version, where, records
        return records

    def document(self, name: str, where: Expression | None = None) -> DocumentContents:
        """A document by its id, its name, or the end of its name. Raises `QueryError` if it is unknown or ambiguous."""
        record = self._find(name, where)
        return DocumentContents(record, self._parts(Compare("document_id", "=", record.id), where))

    def page(self, name: str, page: int, where: Expression | None = None) -> DocumentContents:
        """The parts on a page. Raises `QueryError` as `document` does, and if there is no such page."""
        record = self._find(name, where)
        if not 1 <= page <= max(record.pages, 1):
            raise QueryError(f"{record.name}: has no page {page}; its pages are 1 to {max(record.pages, 1)}")
        return DocumentContents(record, self._load(self._parts(_on_page(record.id, page), where)))

    def part(self, hit_id: str, where: Expression | None = None) -> DocumentContents:
        """The part with the id of a hit. Raises `QueryError` if there is none."""
        if payload := load_payload(hit_id, self._runtime.existing()):
            parts = self._parts(_on_page(payload["document_id"], payload["page"]), where)
            if found := [part for part in parts if part.id == hit_id]:
                return DocumentContents(self._find(payload["document_id"], None), self._load(found))
        raise QueryError(f"{hit_id[:80]}: no hit has this id; search again, because ids change with their documents")

    def page_image(self, page: DocumentContents, number: int, where: Expression | None = None) -> PageImage | None:
        """The image of a page: the stored one among its parts, or else drawn from the file.

        None if the file has changed since it was ingested, is not on this machine or is not a PDF file, and if `where`
        excludes parts of pages.
        """
        whole = next((one for one in page.parts if one.image and one.kind in WHOLE_KINDS), None)
        if whole and whole.image and Path(whole.image).is_file():
            return PageImage(whole.image, *_box(whole)[2:])
        if where and {one.field for one in comparisons(where)} & set(PART_FIELDS):
            return None
        runtime = self._runtime
        drawn = draw_place(page.record, number, WHOLE_PAGE, runtime.workers(), runtime.pictures)
        if drawn is None:
            return None
        points = 72 / PREVIEW_DPI
        return PageImage(str(image_path(drawn, runtime.pictures)), drawn.width * points, drawn.height * points)

    def _find(self, name: str, where: Expression | None) -> DocumentRecord:
        """Names of documents that do not match `where` are unknown, so that nobody learns that they exist."""
        records = self.documents(where)
        if known := next((record for record in records if record.id == name), None):
            return known
        found = select_documents(name, records)
        if not found:
            raise QueryError(f"{name[:200]}: no such document in the store")
        if len(found.documents) > 1:
            one = found.documents[0].name
            raise QueryError(f"{name} is a {found.kind} of {len(found.documents)} documents; name one, such as {one}")
        return found.documents[0]

    def _parts(self, place: Expression, where: Expression | None) -> tuple[Part, ...]:
        points = self._points(And((place, where)) if where else place)
        return in_reading_order(_part(point, self._runtime.pictures) for point in points)

    def _points(self, where: Expression) -> Iterator[Point]:
        """The visible passages and pictures that match a filter, in no particular order."""
        store = self._runtime.existing()
        resolved = resolve_names(where, NameCache(), store)
        for collection in (store.text, store.images):
            yield from (point for point in visible_points(store, collection, resolved) if INDEXED in point.payload)

    def _load(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        """The parts with their image files at hand."""
        loaded = tuple(parts)
        self._runtime.picture_store.load(Path(part.image) for part in loaded if part.image)
        return loaded


def in_reading_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts page by page. On a page, columns are read one after the other; a wide part ends the columns above it."""
    ordered: list[Part] = []
    for _, group in groupby(sorted(parts, key=lambda part: (part.page, *_box(part)[1::-1], part.id)), lambda p: p.page):
        on_page, columns = list(group), list[list[Part]]()
        page_width = width(merge_boxes(map(_box, on_page)))
        for part in on_page:
            if width(_box(part)) >= MIN_WIDE * page_width:
                ordered += [*_join_columns(columns), part]
                columns = []
            else:
                _add_to_column(part, columns)
        ordered += _join_columns(columns)
    return tuple(ordered)


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
    """Parts without a place, such as photos, come first."""
    x0, y0, x1, y1 = part.bbox or (0.0, 0.0, 0.0, 0.0)
    return x0, y0, x1, y1


def _on_page(document: str, page: int) -> Expression:
    return And((Compare("document_id", "=", document), Compare("page", "=", page)))


def _part(point: Point, pictures: Path) -> Part:
    payload = point.payload
    image = payload.get("image")
    return Part(
        id=point.id,
        modality=payload["modality"],
        kind=payload["kind"],
        page=payload["page"],
        folio=max(payload.get("folio", 0), 0) or None,
        bbox=payload["bbox"],
        heading=tuple(payload["heading"]),
        label=payload["label"],
        text=payload.get("text") or payload.get("words", ""),
        caption=payload["caption"],
        image=str(image_path(ImageFile(**image), pictures)) if image else None,
        context=tuple(payload.get("context", ())),
        mentions=tuple(payload.get("mentions", ())),
        model_caption=payload.get("model_caption", ""),
    )
