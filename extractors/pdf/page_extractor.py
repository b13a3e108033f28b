"""Extracting one PDF page: its paragraphs, tables and pictures. What fails on a page becomes a problem of that page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import coverage, rotate_box
from extractors.layout.captions import Caption
from extractors.layout.drawn_bullets import drawn_bullets
from extractors.layout.figures.figure_text import text_in_figures
from extractors.layout.figures.figures import Figure, PageFigures, find_figures
from extractors.layout.furniture import Furniture
from extractors.layout.tables.tables import Table, find_tables
from extractors.ocr.preparation import slope_back
from extractors.ocr.recognition import recognise_words
from extractors.page import Line, PageLayout
from extractors.pdf.annotations import PageNote
from extractors.pdf.crops import is_graphic, save_figure, save_page_image
from extractors.pdf.outlined_letters import count_outlined_letters
from extractors.pdf.text_layer import ReadablePage, make_readable
from extractors.pictures.store import image_path
from extractors.table_grid import change_texts, grid_from_rows
from extractors.text.cleaning import clean_text
from extractors.text.direction import as_left_to_right
from extractors.text.order_check import is_order_uncertain
from extractors.text.page_numbers import page_number_candidates
from extractors.text.paragraphs import Paragraph, hyphens_at_ends, read_paragraphs
from extractors.text.reading_order import order_rows
from extractors.text.rows import group_by_height
from extractors.timing import StageTimer
from extractors.types import Box, ImageFile, Options, Picture, Problem

if TYPE_CHECKING:
    from PIL import Image

MIN_FIGURE_WORDS = 5  # a figure with images and fewer words of text is read by OCR: most of its words are pixels
MIN_FIGURE_OUTLINES = 20  # letters drawn as outlines, if a figure has fewer words of text: most words are shapes
MAX_FIGURES_READ, MAX_PIXELS_READ = 3, 12_000_000  # by OCR, per page and per figure: each takes some tenths of a second
MIN_LANDSCAPE_RATIO = 1.2
MIN_SAME = 0.7  # share of a figure and of what an alternative text describes that they have in common


@dataclass(slots=True)
class PageParts:
    """The parts of one page. Heading paths and referring sentences are added when all pages are known."""

    number: int
    paragraphs: list[Paragraph] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    matched_captions: int = 0
    unmatched_captions: tuple[Caption, ...] = ()
    ocr: bool = False
    uncertain: bool = False  # True when the reading order is uncertain
    flagged: bool = False  # True when the page looks visual but has no figures
    landscape: bool = False
    page_numbers: frozenset[int] = frozenset()  # candidates for the printed page number
    hyphens: frozenset[str] = frozenset()  # what stands at the ends of lines with a hyphen, as in "Trypano-"
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    annotations: list[PageNote] = field(default_factory=list)  # not cached: they are no part of the page's content


@dataclass(frozen=True, slots=True)
class PageContext:
    """What the extraction of every page of a document needs."""

    options: Options
    pictures: Path  # folder of the picture store
    furniture: Furniture
    ocr_engine: str | None
    timer: StageTimer


def extract_page(page: Any, layout: PageLayout, context: PageContext, carried: Sequence[Caption]) -> PageParts:
    """Extract one `pymupdf.Page`; `carried` are the captions without a figure on the page before."""
    parts = PageParts(layout.number, notes=[f"page {layout.number}: {note}" for note in layout.notes])
    with context.timer.stage("ocr"):
        readable = make_readable(page, layout, context.options)
    layout, parts.ocr = readable.layout, readable.ocr
    if readable.note:
        parts.notes.append(f"page {layout.number}: {readable.note}")
    if readable.problem:
        parts.problems.append(Problem(readable.problem, layout.number))
    parts.landscape = layout.width > MIN_LANDSCAPE_RATIO * layout.height
    parts.page_numbers = page_number_candidates(layout)
    parts.hyphens = hyphens_at_ends(clean_text(line.text) for line in layout.lines)
    running = context.furniture.running_lines(layout)
    with context.timer.stage("tables"):
        content = replace(layout, lines=tuple(line for i, line in enumerate(layout.lines) if i not in running))
        tables = [replace(table, grid=change_texts(table.grid, _clean_cell)) for table in find_tables(content)]
    with context.timer.stage("figures"):
        found = find_figures(layout, [table.box for table in tables], context.furniture, carried)
    parts.unmatched_captions, parts.flagged = found.unmatched, found.flagged
    parts.matched_captions = sum(bool(figure.caption) for figure in found.figures)
    with context.timer.stage("passages"):
        parts.tables = _captioned_tables(tables, found, layout)
        parts.paragraphs = _paragraphs(layout, found, running, parts.tables, context.furniture.body_size)
        parts.uncertain = is_order_uncertain(parts.paragraphs, layout.lines)
    with context.timer.stage("render"):
        _add_figures(page, readable, found, context, parts)
        wanted = context.options.page_images
        if wanted == "all" or (wanted == "visual" and (found.visual or found.flagged)):
            _add_page_image(page, layout, context, parts)
    if readable.angle or readable.skew:
        _turn_boxes_back(parts, readable)
    return parts


def _turn_boxes_back(parts: PageParts, readable: ReadablePage) -> None:
    """Give boxes in coordinates of the page as displayed; the reading order and images stay upright."""
    layout, angle = readable.layout, (360 - readable.angle) % 360

    def turn(box: Box) -> Box:
        return rotate_box(_on_upright_page(box, readable), angle, layout.width, layout.height)

    parts.paragraphs = [replace(part, box=turn(part.box)) for part in parts.paragraphs]
    parts.tables = [replace(part, box=turn(part.box)) for part in parts.tables]
    parts.pictures = [replace(part, box=turn(part.box)) if part.box else part for part in parts.pictures]


def _on_upright_page(box: Box, readable: ReadablePage) -> Box:
    """The box around what stands level in a box of the layout."""
    size = readable.layout.width, readable.layout.height
    return slope_back(box, readable.skew, size) if readable.skew else box


def _lines_in(layout: PageLayout, box: Box) -> list[Line]:
    return [line for line in layout.lines if line.visible and line.belongs_to(box)]


def _text(lines: Sequence[Line]) -> str:
    """The lines in reading order as one string."""
    columns = order_rows(as_left_to_right(lines)[0])
    return " ".join(text for column in columns for row in column if (text := clean_text(row.text)))


def _paragraphs(
    layout: PageLayout, found: PageFigures, running: frozenset[int], tables: Sequence[Table], body_size: float
) -> list[Paragraph]:
    """The text outside of figures and tables, without running lines and captions that belong to a figure."""
    unmatched = frozenset().union(*(caption.lines for caption in found.unmatched))  # stay text, or they would be lost
    uncaptioned = [figure for figure in found.figures if figure.kind == "figure" and not figure.caption]
    labels = found.inside - text_in_figures(layout, found.inside, uncaptioned, body_size)
    skipped = running | labels | (found.caption_lines - unmatched)
    lines = [
        line
        for index, line in enumerate(layout.lines)
        if index not in skipped and line.visible and not any(line.belongs_to(table.box) for table in tables)
    ]
    return read_paragraphs(lines + drawn_bullets(layout, lines), layout.number)


def _captioned_tables(tables: Sequence[Table], found: PageFigures, layout: PageLayout) -> list[Table]:
    """The tables with their captions, and captioned regions without recognised cells, cut into rows of lines.

    An exhibit or figure may be a table as well.
    """
    captioned = []
    for figure in found.figures:
        table = next((table for table in tables if table.box == figure.box), None)
        if table is None and figure.kind == "table":
            table = _table_of_lines(figure, layout)
        if table:
            by_ocr = any(line.ocr and line.belongs_to(table.box) for line in layout.lines)
            caption = clean_text(f"{figure.caption} {table.title}")
            captioned.append(replace(table, label=figure.label, caption=caption, ocr=by_ocr))
    return captioned


def _clean_cell(text: str) -> str:
    return clean_text(text.replace("\u00ad ", ""))  # soft hyphens stand at the ends of its lines


def _table_of_lines(figure: Figure, layout: PageLayout) -> Table | None:
    levels = group_by_height(_lines_in(layout, figure.box))
    grid = grid_from_rows([[clean_text(line.text) for line in level] for level in levels], header_rows=1)
    return Table(figure.box, grid, has_header=False) if grid.rows > 1 and grid.columns > 1 else None


def _add_figures(page: Any, readable: ReadablePage, found: PageFigures, context: PageContext, parts: PageParts) -> None:
    layout, figures_read = readable.layout, 0
    for figure in found.figures:
        drawn = replace(figure, box=_on_upright_page(figure.box, readable))
        try:
            image, pixels = save_figure(page, drawn, context.options.dpi, context.pictures)
        except ExtractionError as error:
            parts.problems.append(Problem(f"a {figure.kind} could not be drawn: {error}", layout.number))
            continue
        lines = _lines_in(layout, figure.box)
        words, by_ocr = _text(lines), any(line.ocr for line in lines)
        few_words = figure.rasters and len(words.split()) < MIN_FIGURE_WORDS
        outlined = count_outlined_letters(layout.drawings, figure.box)
        lacks_words = few_words or outlined > max(MIN_FIGURE_OUTLINES, len(words))
        if lacks_words and not (parts.ocr or readable.problem) and figures_read < MAX_FIGURES_READ:
            with context.timer.stage("ocr"):
                read = _read_figure(image, pixels, context, parts)
            figures_read += read is not None
            if read:
                words, by_ocr = f"{words} {read}".strip(), True
        caption = clean_text(figure.caption) or _alternative_text(figure, layout)
        parts.pictures.append(
            Picture(figure.kind, layout.number, image, figure.box, figure.label, caption, words, ocr=by_ocr)
        )


def _alternative_text(figure: Figure, layout: PageLayout) -> str:
    """What the file's structure tags say of a figure."""
    return next((text for box, text in layout.alternative_texts if _is_same(box, figure.box)), "")


def _is_same(box: Box, other: Box) -> bool:
    return min(coverage(box, other), coverage(other, box)) > MIN_SAME


def _read_figure(image: ImageFile, pixels: Image.Image | None, context: PageContext, parts: PageParts) -> str | None:
    """The words in the pixels of a chart, screenshot or diagram; None when it is not read."""
    if context.ocr_engine != "tesseract" or image.width * image.height > MAX_PIXELS_READ:
        return None
    from PIL import Image

    with nullcontext(pixels) if pixels else Image.open(image_path(image, context.pictures)) as drawing:
        if not is_graphic(drawing):
            return None
        try:
            return clean_text(recognise_words(drawing, context.options))
        except ExtractionError as error:
            parts.notes.append(f"page {parts.number}: OCR of a figure failed, so its words are missing: {error}")
            return ""


def _add_page_image(page: Any, layout: PageLayout, context: PageContext, parts: PageParts) -> None:
    try:
        image = save_page_image(page, context.options.dpi, context.pictures)
    except ExtractionError as error:
        parts.problems.append(Problem(str(error), layout.number))
        return
    lines = [line for line in layout.lines if line.visible]
    by_ocr = any(line.ocr for line in lines)
    parts.pictures.append(Picture("page", layout.number, image, layout.box, words=_text(lines), ocr=by_ocr))
