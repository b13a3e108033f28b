"""The pages that LibreOffice makes of a file: where its blocks are on them, and what only they show."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path

from extractors.blocks.types import Content, Heading, Image, Table, Text
from extractors.geometry import coverage, height, width
from extractors.pdf.crops import save_crop_of_file
from extractors.pdf.extractor import extract as extract_pdf
from extractors.pdf.render import pymupdf
from extractors.pictures.store import image_path
from extractors.sheets.chart_images import draw_charts
from extractors.text.cleaning import bare_letters
from extractors.types import Box, Options, Picture, Source
from extractors.word.types import Drawing, WordContent

KEY_LENGTH, MIN_KEY_LENGTH = 60, 8
"""Letters at the start of a block that are looked for on the pages, and fewest that say where it is."""
MAX_JUMP = 12_000
"""Letters, about four pages, that may lie between two blocks; more is another place with the same words."""
MAX_UNSURE_SHARE = 0.1
"""Share of the blocks that may not be found on the pages before the report says so."""
MAX_OFF, MAX_OFF_SHARE = 2.0, 0.03
"""Points, and share of its size, by which an image may be larger or smaller on its page than the file says."""
SAME_PLACE = 0.7
"""Share of a figure that an image covers when both are the same."""
MIN_SHARED_WORDS = 0.3
"""Share of a drawing's words that the figure of a page must have, to be that drawing."""


@dataclass(frozen=True, slots=True)
class Place:
    page: int
    box: Box


@dataclass(frozen=True, slots=True)
class RenderedPages:
    pdf: Path
    letters: tuple[str, ...]
    """The letters and digits of each page in reading order."""
    images: tuple[Place, ...]
    """Where the pages show images, in order."""
    figures: tuple[Picture, ...]
    page_images: tuple[Picture, ...]


def read_pages(pdf: Path, source: Source, options: Options, pictures: Path) -> RenderedPages:
    """Read the PDF that was made of a file. Raises `ExtractionError` when that is impossible."""
    # Its own images are read from the file; the pages of LibreOffice's PDF have text and need no OCR.
    plain = replace(options, ocr="off", pages=None)
    extraction = extract_pdf(replace(source, path=pdf, passwords=()), plain, pictures)
    with pymupdf().open(pdf) as document:
        letters = tuple(bare_letters(page.get_text()) for page in document)
        images = tuple(Place(n, one["bbox"]) for n, page in enumerate(document, 1) for one in page.get_image_info())
    figures = tuple(one for one in extraction.pictures if one.kind == "figure")
    page_images = tuple(one for one in extraction.pictures if one.kind == "page")
    return RenderedPages(pdf, letters, images, figures, page_images)


def place_on_pages(
    blocks: Sequence[WordContent], pages: RenderedPages, pictures: Path, dpi: int
) -> tuple[list[Content], tuple[str, ...]]:
    """Return the blocks with their pages, drawings cut from them, and notes about what is uncertain or missing."""
    placed, unsure = _assign_pages(blocks, pages.letters)
    free_places, free_figures, missing = list(pages.images), list(pages.figures), 0
    for at, block in enumerate(placed):
        if isinstance(block, Image) and (place := _take_place(block, free_places)):
            placed[at] = replace(block, page=place.page, box=place.box)
            free_figures = [one for one in free_figures if not _shows_place(one, place)]
    for at, block in enumerate(placed):
        if isinstance(block, Drawing) and (found := _draw(block, pages.pdf, free_places, free_figures, pictures, dpi)):
            placed[at] = found
        elif isinstance(block, Drawing) and block.chart is None:
            missing += 1
    result = without_drawings(_draw_charts(placed, dpi))
    notes = []
    if unsure > MAX_UNSURE_SHARE * len(placed):
        notes.append(f"the page of {unsure} of {len(placed)} paragraphs, tables and images is uncertain")
    if missing:
        notes.append(f"{missing} drawings were not found on the rendered pages, so they have no picture")
    return result, tuple(notes)


def _draw(
    block: Drawing, pdf: Path, places: list[Place], figures: list[Picture], pictures: Path, dpi: int
) -> Image | None:
    """Cut a drawing from its page: where an image of its size is, else as a figure with its words."""
    if not block.words and (place := _take_place(block, places)):
        image, page, box, words = save_crop_of_file(pdf, place.page, place.box, pictures, dpi=dpi), *astuple(place), ""
    elif figure := _find_drawing(block, figures):
        figures.remove(figure)
        image, page, box, words = figure.image, figure.page, figure.box, figure.words
    else:
        return None
    read = image_path(image, pictures).read_bytes
    return Image(read, alt=block.alt, words=block.words or words, box=box, page=page)


def _draw_charts(blocks: Sequence[WordContent], dpi: int) -> list[WordContent]:
    """The blocks with the charts that were not found on the pages, drawn by themselves."""
    charts = [(at, block) for at, block in enumerate(blocks) if isinstance(block, Drawing) and block.chart is not None]
    drawn = list(blocks)
    for (at, block), data in zip(
        charts, draw_charts([one.chart for _, one in charts], dpi) if charts else (), strict=False
    ):
        drawn[at] = Image(partial(bytes, data), alt=block.alt, words=block.words, page=block.page)
    return drawn


def without_drawings(blocks: Sequence[WordContent]) -> list[Content]:
    """Return blocks with the words of drawings as text."""
    plain: list[Content] = []
    for block in blocks:
        if not isinstance(block, Drawing):
            plain.append(block)
        elif block.words and block.chart is None:  # the table of a chart has its words
            plain += [Text(line, page=block.page) for line in block.words.splitlines()]
    return plain


def _assign_pages(blocks: Sequence[WordContent], pages: Sequence[str]) -> tuple[list[WordContent], int]:
    """The blocks with the pages on which they begin, in order, and the number of those that were not found."""
    letters = "".join(pages)
    ends = list(accumulate(map(len, pages)))
    cursor, page, unsure = 0, 1, 0
    placed: list[WordContent] = []
    waiting: list[int] = []
    for block in blocks:
        key = bare_letters(_text(block))[:KEY_LENGTH]
        at = letters.find(key, cursor, cursor + MAX_JUMP) if len(key) >= MIN_KEY_LENGTH else -1
        if at < 0 and len(key) >= MIN_KEY_LENGTH:
            at = letters.find(key[: KEY_LENGTH // 2], cursor, cursor + MAX_JUMP)
        if at >= 0:
            cursor = at + len(key)
            page = min(bisect_right(ends, at) + 1, len(pages))
        elif len(key) >= MIN_KEY_LENGTH and not _is_beside_text(block):
            unsure += 1
        elif isinstance(block, Heading):
            waiting.append(len(placed))
        placed.append(replace(block, page=page))
        if at >= 0:
            for heading in waiting:  # too short to be looked for, so on the page of what they are above
                placed[heading] = replace(placed[heading], page=page)
            waiting = []
    return placed, unsure


def _text(block: WordContent) -> str:
    if isinstance(block, Table):
        cells = (cell if isinstance(cell, str) else cell.text for row in block.rows for cell in row)
        return next((text for text in cells if len(bare_letters(text)) >= MIN_KEY_LENGTH), "")
    if isinstance(block, Image):
        return ""
    return block.words if isinstance(block, Drawing) else block.text


def _is_beside_text(block: WordContent) -> bool:
    """True for what stands elsewhere on the page or is not printed: notes, comments, drawings, numbered headings."""
    if isinstance(block, Text):
        return block.kind == "notes" or block.marker.startswith("[")
    return isinstance(block, Drawing | Heading)


def _take_place(block: Image | Drawing, free: list[Place]) -> Place | None:
    """Remove from `free` and return the place of an image: the next one of its size."""
    if block.size is None:
        return None
    for place in free:
        sides = zip(block.size, (width(place.box), height(place.box)), strict=True)
        if 0 <= place.page - block.page <= 1 and all(abs(a - b) <= max(MAX_OFF, MAX_OFF_SHARE * a) for a, b in sides):
            free.remove(place)
            return place
    return None


def _shows_place(figure: Picture, place: Place) -> bool:
    """True for a figure that is that image, unlike one that the image is a part of."""
    return figure.page == place.page and figure.box is not None and coverage(figure.box, place.box) > SAME_PLACE


def _find_drawing(block: Drawing, figures: Sequence[Picture]) -> Picture | None:
    """The figure near the place of a drawing that shares most words with it; of drawings without words, the first."""
    words = frozenset(block.words.lower().split())

    def shared(figure: Picture) -> float:
        own = set(figure.words.lower().split())
        return len(words & own) / len(words) if words else float(not own)

    near = [figure for figure in figures if 0 <= figure.page - block.page <= 1 and shared(figure) >= MIN_SHARED_WORDS]
    return max(near, key=shared, default=None)
