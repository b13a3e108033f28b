"""One PDF page -> its paragraphs, tables and pictures. What fails on a page is a `Problem` of that page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from extractors.errors import ExtractionError
from extractors.geometry import coverage
from extractors.layout.captions import Caption
from extractors.layout.figures import Figure, PageFigures, find_figures
from extractors.layout.furniture import Furniture
from extractors.layout.tables import find_tables
from extractors.ocr import recognition as ocr
from extractors.page import Line, PageLayout
from extractors.pdf import crops
from extractors.pdf import ocr_pages as unread
from extractors.pdf import page_reader as pages
from extractors.pdf.ocr_pages import Legible
from extractors.pictures.store import image_path
from extractors.text import page_numbers as folios
from extractors.text import paragraphs
from extractors.text import reading_order as reading
from extractors.text import repair as legible
from extractors.text.paragraphs import Paragraph
from extractors.timing import StageTimer
from extractors.types import Box, ImageFile, Options, Picture, Problem

_FEW_WORDS = 5
"""Fewer words over an embedded image are not all that it says."""
_PICTURES_READ = 3
"""Most pictures of one page whose pixels are searched for words: each costs some tenths of a second."""
_PROSE_WORDS = 20
_READ_PIXELS = 12_000_000
_FULLY = 0.6
"""Share of a line that must lie in a table or figure to belong to it."""


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table as found: cells, where it stands, what is printed about it."""

    rows: tuple[tuple[str, ...], ...]
    box: Box
    label: str = ""
    caption: str = ""
    ocr: bool = False


@dataclass(slots=True)
class PageParts:
    """What one page gave. Pictures have neither heading nor context yet, which the whole document tells."""

    number: int
    paragraphs: list[Paragraph] = field(default_factory=list)
    tables: list[TablePart] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    unmatched: tuple[Caption, ...] = ()
    matched: int = 0
    ocr: bool = False
    flagged: bool = False
    landscape: bool = False
    pictures_read: int = 0
    folios: frozenset[int] = frozenset()
    """Numbers at its head or foot: one of them may be the page number that is printed on it."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every page of one document is worked on with."""

    options: Options
    pictures: Path
    furniture: Furniture
    engine: str | None
    """The OCR engine at hand."""
    clock: StageTimer


def work(page: Any, layout: PageLayout, desk: Desk, carried: Sequence[Caption]) -> PageParts:
    """Take one page apart; `carried` are the captions that the page before could not match."""
    parts = PageParts(layout.number, notes=[f"page {layout.number}: {note}" for note in layout.notes])
    with desk.clock.stage("ocr"):
        read = unread.legibly(page, layout, desk.options)
    layout, parts.ocr = read.layout, read.ocr
    parts.landscape = layout.width > 1.2 * layout.height
    parts.folios = folios.candidates(layout)
    if read.problem:
        parts.problems.append(Problem(read.problem, layout.number))
    with desk.clock.stage("tables"):
        grids = [TablePart(_repaired(table.rows), table.box) for table in find_tables(layout)]
    with desk.clock.stage("figures"):
        found = find_figures(layout, [grid.box for grid in grids], desk.furniture, carried)
        running = desk.furniture.running_lines(layout)
    parts.unmatched, parts.flagged = found.unmatched, found.flagged
    parts.matched = sum(bool(figure.caption) for figure in found.figures)
    with desk.clock.stage("passages"):
        parts.tables = _with_captions(grids, found, layout)
        parts.paragraphs = _paragraphs(layout, found, running, parts.tables)
    with desk.clock.stage("render"):
        _pictures(page, layout, found, desk, parts)
    return _turned_back(parts, read) if read.angle else parts


def _turned_back(parts: PageParts, read: Legible) -> PageParts:
    """Boxes on the page as it is displayed; order and pixels stay upright."""
    layout, angle = read.layout, read.angle
    parts.paragraphs = [replace(part, box=unread.back(part.box, angle, layout)) for part in parts.paragraphs]
    parts.tables = [replace(part, box=unread.back(part.box, angle, layout)) for part in parts.tables]
    parts.pictures = [
        replace(part, box=unread.back(part.box, angle, layout)) if part.box else part for part in parts.pictures
    ]
    return parts


# --- text ---------------------------------------------------------------------------------------------------------


def _paragraphs(
    layout: PageLayout, found: PageFigures, running: frozenset[int], grids: Sequence[TablePart]
) -> list[Paragraph]:
    """The text that is neither running line nor caption, and lies in no figure and no table."""
    # A caption that found no figure stays text, lest its words be lost.
    spoken = found.caption_lines - frozenset().union(*(caption.lines for caption in found.unmatched))
    inside = found.inside - _prose(layout, found.inside)
    left = [
        line
        for index, line in enumerate(layout.lines)
        if index not in running
        and index not in inside
        and index not in spoken
        and line.visible
        and not any(coverage(line.box, table.box) > _FULLY for table in grids)
    ]
    return paragraphs.build_paragraphs(reading.flows(left), layout.number)


def _prose(layout: PageLayout, inside: frozenset[int]) -> frozenset[int]:
    """Lines in figures that are sentences, set in lines of some length: to be read as text, too."""
    blocks: dict[int, list[int]] = {}
    for index in inside:
        blocks.setdefault(layout.lines[index].block, []).append(index)
    found: set[int] = set()
    for block in blocks.values():
        block.sort(key=lambda index: layout.lines[index].box[1])
        long = [index for index in block if _wordy(layout.lines[index].text)]
        if sum(len(layout.lines[index].text.split()) for index in long) < _PROSE_WORDS:
            continue
        found.update(long)
        for above, index in pairwise(block):  # the short last line of a paragraph
            a, b = layout.lines[above], layout.lines[index]
            if above in found and abs(a.box[0] - b.box[0]) < a.size and b.box[1] - a.box[3] < a.size:
                found.add(index)
    return frozenset(found)


def _wordy(text: str) -> bool:
    words = text.split()
    return len(words) >= 6 and sum(word.strip(".,;:()").islower() for word in words) >= 0.5 * len(words)


def _with_captions(grids: Sequence[TablePart], found: PageFigures, layout: PageLayout) -> list[TablePart]:
    """Tables with the captions they were given, and captioned regions whose grid was not recognised, row by row."""
    made = []
    for figure in found.figures:
        if figure.kind != "table":
            continue
        grid = next((grid for grid in grids if grid.box == figure.box), None) or _rough(figure, layout)
        if grid:
            by_ocr = any(line.ocr for line in layout.lines if coverage(line.box, grid.box) > _FULLY)
            made.append(replace(grid, label=figure.label, caption=legible.repair(figure.caption), ocr=by_ocr))
    return made


def _repaired(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(legible.repair(cell) for cell in row) for row in rows)


def _rough(figure: Figure, layout: PageLayout) -> TablePart | None:
    """The lines of a table without a recognised grid, one row a level."""
    inside = [line for line in layout.lines if line.visible and coverage(line.box, figure.box) > _FULLY]
    rows = [tuple(legible.repair(line.text) for line in row) for row in reading.levels(inside)]
    width = max(map(len, rows), default=0)
    if len(rows) < 2 or width < 2:
        return None
    return TablePart(tuple(row + ("",) * (width - len(row)) for row in rows), figure.box)


def _words(lines: Sequence[Line]) -> str:
    """The text of lines in reading order, as one string."""
    return " ".join(text for flow in reading.flows(lines) for row in flow if (text := legible.repair(row.text)))


# --- pictures -----------------------------------------------------------------------------------------------------


def _pictures(page: Any, layout: PageLayout, found: PageFigures, desk: Desk, parts: PageParts) -> None:
    options = desk.options
    for figure in found.figures:
        try:
            image = crops.save_figure(page, figure, options.dpi, desk.pictures)
        except ExtractionError as error:
            parts.problems.append(Problem(f"a {figure.kind} could not be drawn: {error}", layout.number))
            continue
        inside = [line for line in layout.lines if line.visible and coverage(line.box, figure.box) > _FULLY]
        words, read = _words(inside), any(line.ocr for line in inside)
        if figure.rasters and len(words.split()) < _FEW_WORDS and not parts.ocr:
            with desk.clock.stage("ocr"):
                more = _printed_in(image, desk, parts)
            words, read = (f"{words} {more}".strip(), True) if more else (words, read)
        parts.pictures.append(
            Picture(
                kind=figure.kind,
                page=layout.number,
                image=image,
                box=figure.box,
                label=figure.label,
                caption=legible.repair(figure.caption),
                words=words,
                ocr=read,
            )
        )
    if options.page_images == "all" or (options.page_images == "visual" and (found.visual or found.flagged)):
        _page_image(page, layout, desk, parts)


def _page_image(page: Any, layout: PageLayout, desk: Desk, parts: PageParts) -> None:
    try:
        image = crops.save_page_image(page, desk.options.dpi, desk.pictures)
    except ExtractionError as error:
        parts.problems.append(Problem(str(error), layout.number))
        return
    shown = [line for line in layout.lines if line.visible]
    box = (0.0, 0.0, layout.width, layout.height)
    parts.pictures.append(
        Picture("page", layout.number, image, box, words=_words(shown), ocr=any(line.ocr for line in shown))
    )


def _printed_in(image: ImageFile, desk: Desk, parts: PageParts) -> str:
    """The words in the pixels of a chart, a screenshot or a diagram; photographs are not searched for any."""
    if desk.engine != "tesseract" or parts.pictures_read >= _PICTURES_READ:
        return ""
    from PIL import Image

    with Image.open(image_path(image, desk.pictures)) as file:
        if file.width * file.height > _READ_PIXELS or not crops.is_drawn(file):
            return ""
        parts.pictures_read += 1
        try:
            return legible.repair(ocr.recognise_words(file, desk.options))
        except ExtractionError as error:
            parts.notes.append(f"page {parts.number}: the words in a picture could not be read: {error}")
            return ""


def read(page: Any, number: int) -> PageLayout:
    return pages.read_page(page, number)
