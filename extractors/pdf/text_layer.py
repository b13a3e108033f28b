"""Making a page readable: judging its text layer, reading missing text by OCR, turning sideways pages.

A scanner's invisible text layer is its OCR. It counts where the page has no other text; beside visible text it only
repeats it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import area, coverage
from extractors.layout.edge_lines import in_margin
from extractors.layout.marks import background_images
from extractors.layout.scans.scans import add_scanned_pictures
from extractors.ocr.preparation import LONG_SIDE, straighten
from extractors.ocr.recognition import OcrResult, recognise_page
from extractors.page import Drawing, Line, PageLayout
from extractors.pdf.outlined_letters import count_outlined_letters, without_outlined_letters
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import render_page
from extractors.scripts import UNSPACED
from extractors.text.cleaning import is_readable
from extractors.types import Options

if TYPE_CHECKING:
    from PIL import Image

MIN_WORDS = 25  # fewer words beside a large image are a page number, a header or a logo, not the page's text
MIN_IMAGE_SHARE = 0.35  # share of the page covered by images that may hold its words
MIN_IMAGE_SHARE_WITHOUT_WORDS = 0.03  # the same for a page without any words
MIN_LETTERS, MIN_OUTLINES = 100, 150  # letters of text, and letters drawn as outlines, that may be the text of the page
# Hidden letters, and segments of curves for each of them, from which words are drawn: pen strokes have 50, outlines 10.
MIN_DRAWN_LETTERS, MIN_SEGMENTS_PER_LETTER = 50, 5
MAX_DUPLICATE_OVERLAP = 0.6  # share of a line covered by an equal one, drawn twice for a shadow or to look bold
MIN_PART = 4  # characters of a line that may be a copy of a part of another: fewer may be an index set over it
ROW_HEIGHT = 12.0  # points, by more than which no line stands beside its copy
MAX_KNOWN_OVERLAP = 0.3  # share of a line read by OCR that a line of the text layer covers; more is the same text
# If OCR reads fewer letters than this share of an unreadable layer's, the layer stays: it is code, formulas, or a
# language that OCR has no data for. The second is for a readable layer under handwriting.
MIN_OCR_SHARE, MIN_OCR_SHARE_OF_READABLE = 0.3, 0.8
NO_FONT = "a font of its text is missing, so that nothing says what it is; save the file with its fonts, or get it anew"
MIN_CODES = 0.25  # share of the bytes of a text that are zero, if they are numbers of glyphs
MIN_SIDEWAYS_SHARE = 0.8  # share of the letters that must run in one other direction to turn the page
MIN_SIDEWAYS_LETTERS = 80  # and their number; axis labels have fewer
MAX_OCR_DPI, PICTURES_DPI = 450.0, 72  # resolution of OCR, and of the search for pictures in a scan
# Height in pixels of the lines of small print, below which it is read again in finer resolution, and at which Tesseract
# reads best; pixels of the longer side up to which that is affordable.
MIN_LETTER_HEIGHT, LETTER_HEIGHT, MAX_LONG_SIDE = 13.0, 20.0, 4500

_UNSPACED = re.compile(rf"[{UNSPACED}]")


@dataclass(frozen=True, slots=True)
class ReadablePage:
    """An upright page whose lines are what a reader sees."""

    layout: PageLayout
    angle: int = 0  # degrees clockwise by which the page was turned, in addition to its own rotation
    skew: float = 0.0  # degrees clockwise by which what the layout has level slopes on the page
    ocr: bool = False  # True when words were read from pixels now, not by the scanner
    problem: str = ""
    note: str = ""


def make_readable(page: Any, layout: PageLayout, options: Options) -> ReadablePage:
    """Judge the text layer, run OCR where it fails, and turn a sideways page (also the `pymupdf.Page` itself)."""
    lines = tuple(line for line in layout.lines if not _are_codes(line.text))
    if len(lines) < len(layout.lines):  # the page shows other letters, so that OCR cannot read it either
        return replace(_as_it_is(page, replace(layout, lines=lines)), problem=NO_FONT)
    lines, trusted = _select_lines(layout.lines)
    layout = replace(layout, lines=lines)
    if trusted and _has_drawn_words(layout):
        min_share = MIN_OCR_SHARE_OF_READABLE
    elif not trusted or _needs_ocr(layout):
        min_share = 0.0 if trusted else MIN_OCR_SHARE
    else:
        return _as_it_is(page, layout)
    return ReadablePage(layout) if options.ocr == "off" else _read_by_ocr(page, layout, options, min_share)


def _are_codes(text: str) -> bool:
    """Whether a text is the numbers of glyphs in a font that the file lacks, of two bytes each."""
    return text.count("\0") > MIN_CODES * len(text)


def _as_it_is(page: Any, layout: PageLayout) -> ReadablePage:
    """A page whose text layer counts, upright, and with the pictures of a scan."""
    lines = layout.lines
    if angle := _sideways_angle(lines):
        layout = _turn_page(page, angle, layout.number)
    if any(line.ocr for line in lines) and background_images(layout):
        layout = add_scanned_pictures(replace(layout, lines=()), render_page(page, PICTURES_DPI), layout.lines)
    return ReadablePage(layout, angle)


def _select_lines(lines: Sequence[Line]) -> tuple[tuple[Line, ...], bool]:
    """The lines that count, and whether their text can be trusted."""
    visible = _drop_duplicates([line for line in lines if line.visible])
    hidden = [line for line in lines if not line.visible]
    if _letters(hidden) <= 2 * _letters(visible):
        return visible, is_readable(line.text for line in visible)
    if is_readable((line.text for line in hidden), strict=True):
        return (*visible, *(replace(line, visible=True, ocr=True) for line in hidden)), True
    return visible, False


def _drop_duplicates(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines without copies, which may be drawn in parts."""
    by_row: dict[int, list[Line]] = {}
    copies = set[int]()
    for index, line in sorted(enumerate(lines), key=lambda item: -len(item[1].text)):
        row = round((line.box[1] + line.box[3]) / 2 / ROW_HEIGHT)
        near = (other for n in (row - 1, row, row + 1) for other in by_row.get(n, ()))
        if any(_is_copy(line, other) for other in near):
            copies.add(index)
        else:
            by_row.setdefault(row, []).append(line)
    return tuple(line for index, line in enumerate(lines) if index not in copies)


def _is_copy(line: Line, other: Line) -> bool:
    is_part = len(line.text) >= MIN_PART and line.text.strip() in other.text
    return (is_part or line.text == other.text) and coverage(line.box, other.box) > MAX_DUPLICATE_OVERLAP


def _letters(lines: Sequence[Line]) -> int:
    return sum(len(line.text) for line in lines)


def _needs_ocr(layout: PageLayout) -> bool:
    if _letters(layout.lines) < MIN_LETTERS and count_outlined_letters(layout.drawings) > MIN_OUTLINES:
        return True
    words = sum(_count_words(line.text) for line in layout.lines)
    if words >= MIN_WORDS:
        return False
    images = sum(area(raster.box) for raster in layout.rasters)
    if images > MIN_IMAGE_SHARE * layout.area:
        return True
    return words == 0 and images > MIN_IMAGE_SHARE_WITHOUT_WORDS * layout.area


def _count_words(text: str) -> float:
    """The words of a text; two characters of Chinese or Japanese, which have no spaces, count as one."""
    others, unspaced = _UNSPACED.subn(" ", text)
    return len(others.split()) + unspaced / 2


def _has_drawn_words(layout: PageLayout) -> bool:
    """Whether hidden text stands for pen strokes: programs for notes recognise it while one writes, and not well."""
    is_hidden = _letters(layout.lines) >= MIN_DRAWN_LETTERS and all(line.ocr for line in layout.lines)
    segments = sum(drawing.items for drawing in layout.drawings if drawing.curved) if is_hidden else 0
    return segments > MIN_SEGMENTS_PER_LETTER * _letters(layout.lines)


def _sideways_angle(lines: Sequence[Line]) -> int:
    """Degrees clockwise by which the page must be turned for most of its text to run from left to right."""
    letters: Counter[int] = Counter()
    for line in lines:
        letters[0 if line.vertical else line.angle] += len(line.text)
    angle, count = letters.most_common(1)[0] if letters else (0, 0)
    return -angle % 360 if count > max(MIN_SIDEWAYS_LETTERS, MIN_SIDEWAYS_SHARE * letters.total()) else 0


def _turn_page(page: Any, angle: int, number: int) -> PageLayout:
    page.set_rotation((page.rotation + angle) % 360)
    layout = read_page(page, number)
    return replace(layout, lines=_select_lines(layout.lines)[0])


def _read_by_ocr(page: Any, layout: PageLayout, options: Options, min_share: float) -> ReadablePage:
    """Read the page's pixels. They replace a text layer of which they hold the `min_share`; with 0, it stays."""
    try:
        image, result = _recognise(page, layout, options)
    except ExtractionError as error:
        return ReadablePage(layout, problem=f"OCR failed, so the words of this page are missing: {error}")
    if _letters(result.lines) < min_share * _letters(layout.lines):
        return ReadablePage(layout)
    is_drawn = _has_drawn_words(layout)
    scale = layout.width / image.width
    if result.angle:
        layout = _turn_page(page, result.angle, layout.number)
        image = image.rotate(-result.angle, expand=True)
    if result.skew:
        image = straighten(image, result.skew)
    known = () if min_share else layout.lines
    layout = replace(layout, lines=known)
    lines = [
        line
        for line in (_in_points(line, scale) for line in result.lines)
        if not any(coverage(line.box, other.box) > MAX_KNOWN_OVERLAP for other in known)
    ]
    if not lines:
        return ReadablePage(layout, result.angle, note=result.note)
    layout = replace(layout, drawings=without_outlined_letters(layout.drawings, lines))
    layout = _draw_rules(layout, result, scale)
    if result.rule_ink:
        image = _erase_ink(image, result.rule_ink)
    if is_drawn:
        layout = replace(layout, rasters=(), drawings=())  # strokes and the paper; its pictures are in its pixels
    if is_drawn or _is_scan(layout, lines):
        factor = PICTURES_DPI * scale / 72
        size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
        layout = add_scanned_pictures(layout, image.resize(size), lines)
    else:
        layout = replace(layout, lines=(*known, *lines))
    return ReadablePage(layout, result.angle, result.skew, ocr=True, note=result.note)


def _is_scan(layout: PageLayout, lines: Sequence[Line]) -> bool:
    """Whether an image fills the page, and is no backdrop with pictures and more text on it than OCR reads beside them.

    What is in the margins, as a page number or a stamp, is printed on scans as well.
    """
    backgrounds = background_images(layout)
    pictures = [raster.box for raster in layout.rasters if raster not in backgrounds]
    shown = [line for line in lines if not any(map(line.belongs_to, pictures))]
    printed = [line for line in layout.lines if not in_margin(line.box, layout)]
    is_backdrop = bool(pictures) and _letters(shown) < _letters(printed)
    return bool(backgrounds) and not is_backdrop


def _draw_rules(layout: PageLayout, result: OcrResult, scale: float) -> PageLayout:
    """The layout with the rules that OCR found, as a page drawn by a program has them."""
    rules = []
    for rule in result.rules:
        x0, y0, x1, y1 = (edge * scale for edge in rule)
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        box = (x0, y, x1, y) if x1 - x0 > y1 - y0 else (x, y0, x, y1)
        rules.append(Drawing(box, items=1, filled=False, stroked=True, rectangle=True))
    return replace(layout, drawings=(*layout.drawings, *rules))


def _erase_ink(image: Image.Image, ink: Image.Image) -> Image.Image:
    """A copy of the image with what is white in `ink` in its median colour, the paper."""
    from PIL import ImageStat

    erased = image.convert("RGB").copy()
    erased.paste(tuple(map(int, ImageStat.Stat(erased).median)), mask=ink.resize(erased.size))
    return erased


def _recognise(page: Any, layout: PageLayout, options: Options) -> tuple[Image.Image, OcrResult]:
    """The page as an image, and what OCR reads in it; small print is read in finer resolution."""
    longer = max(layout.width, layout.height, 1.0)
    image = render_page(page, min(MAX_OCR_DPI, 72 * LONG_SIDE / longer))
    result = recognise_page(image, options)
    if 0 < result.letter_height < MIN_LETTER_HEIGHT:
        long_side = round(min(MAX_LONG_SIDE, LONG_SIDE * LETTER_HEIGHT / result.letter_height))
        image, angle = render_page(page, min(MAX_OCR_DPI, 72 * long_side / longer)), result.angle
        result = recognise_page(image.rotate(-angle, expand=True) if angle else image, options, long_side)
        result = replace(result, angle=(result.angle + angle) % 360)
    return image, result


def _in_points(line: Line, scale: float) -> Line:
    x0, y0, x1, y1 = (edge * scale for edge in line.box)
    # The number of a block must not equal that of a block in the file.
    return replace(line, box=(x0, y0, x1, y1), size=line.size * scale, block=line.block + 100_000)
