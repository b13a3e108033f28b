"""Pages whose text is not there, not true or not upright: which they are, and how their words are got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from extractors.errors import ExtractionError
from extractors.geometry import area, coverage, rotate_box
from extractors.layout.marks import background_images
from extractors.layout.scans import add_scanned_pictures
from extractors.ocr import recognition as ocr
from extractors.page import Line, PageLayout
from extractors.pdf import page_reader as pages
from extractors.pdf import render
from extractors.text import repair as legible
from extractors.types import Box, Options

if TYPE_CHECKING:
    from PIL import Image

_FEW_WORDS = 25
"""A page number, a header, a logo's name: beside a large picture they are not the page's text."""
_MUCH_IMAGE = 0.35
"""Share of a page that images cover where its words may be in them."""
_MANY_CURVES = 150
"""Paths that may be letters drawn as outlines."""
_SIDEWAYS = 0.8
_SEEN_DPI = 72


@dataclass(frozen=True, slots=True)
class Legible:
    """A page whose lines are what a reader sees, and which stands upright."""

    layout: PageLayout
    angle: int = 0
    """Degrees clockwise by which the page was turned for reading, as its own rotation does not tell."""
    ocr: bool = False
    """True when words were read from pixels here."""
    problem: str = ""


def legibly(page: Any, layout: PageLayout, options: Options) -> Legible:
    """`layout` with the text layer judged, OCR where it fails, and sideways pages turned (also the `page` itself)."""
    lines, trusted = _judged(layout.lines)
    layout = replace(layout, lines=lines)
    if trusted and not _wants_ocr(layout):
        if angle := _sideways(lines):
            layout = _turn(page, angle, layout.number)
            layout = replace(layout, lines=_judged(layout.lines)[0])
        if any(line.ocr for line in lines) and _is_scan(layout):
            layout = add_scanned_pictures(
                replace(layout, lines=()), _pixels(render.render_page(page, _SEEN_DPI)), layout.lines
            )
        return Legible(layout, angle)
    if options.ocr == "off":
        return Legible(layout)
    return _by_ocr(page, layout, options, trusted)


def _judged(lines: Sequence[Line]) -> tuple[tuple[Line, ...], bool]:
    """The lines that count, and whether they can be trusted.

    An unseen layer is a scanner's OCR where nothing else says the words; beside visible text it only repeats them.
    """
    seen = _once([line for line in lines if line.visible])
    unseen = tuple(line for line in lines if not line.visible)
    if _letters(unseen) > 2 * _letters(seen):
        if legible.is_text((line.text for line in unseen), strict=True):
            return (*seen, *(replace(line, visible=True, ocr=True) for line in unseen)), True
        return seen, False
    return seen, legible.is_text(line.text for line in seen)


def _once(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Text that is drawn twice, for a shadow or to look bold, once."""
    kept: dict[str, list[Line]] = {}
    once = []
    for line in lines:
        twins = kept.setdefault(line.text, [])
        if not any(coverage(line.box, twin.box) > 0.6 for twin in twins):
            twins.append(line)
            once.append(line)
    return tuple(once)


def _letters(lines: Sequence[Line]) -> int:
    return sum(len(line.text) for line in lines)


def _wants_ocr(layout: PageLayout) -> bool:
    """Few words, and enough ink that may hold more."""
    words = sum(len(line.text.split()) for line in layout.lines)
    if words >= _FEW_WORDS:
        return False
    page = layout.width * layout.height
    inked = sum(area(raster.box) for raster in layout.rasters)
    if inked > _MUCH_IMAGE * page:
        return True
    drawn = sum(drawing.curved for drawing in layout.drawings)
    return words == 0 and (inked > 0.03 * page or drawn > _MANY_CURVES)


def _is_scan(layout: PageLayout) -> bool:
    """Whether the page is one image, or strips of one."""
    return bool(background_images(layout))


# --- turning ------------------------------------------------------------------------------------------------------


def _sideways(lines: Sequence[Line]) -> int:
    """By how much the page must be turned for most of its text to run from left to right."""
    runs: Counter[int] = Counter()
    for line in lines:
        runs[line.angle] += len(line.text)
    angle, letters = runs.most_common(1)[0] if runs else (0, 0)
    return (360 - angle) % 360 if letters > max(80, _SIDEWAYS * runs.total()) else 0


def _turn(page: Any, angle: int, number: int) -> PageLayout:
    page.set_rotation((page.rotation + angle) % 360)
    return pages.read_page(page, number)


def back(box: Box, angle: int, layout: PageLayout) -> Box:
    """A box of the turned page `layout`, on the page as it is displayed."""
    return rotate_box(box, (360 - angle) % 360, layout.width, layout.height)


# --- reading pixels -----------------------------------------------------------------------------------------------


def _by_ocr(page: Any, layout: PageLayout, options: Options, trusted: bool) -> Legible:
    try:
        dpi = min(300.0, 72 * ocr.OCR_LONG_SIDE / max(layout.width, layout.height, 1.0))
        image = render.render_page(page, dpi)
        read = ocr.recognise_page(image, options)
    except ExtractionError as error:
        return Legible(layout, problem=f"its words could not be read: {error}")
    scale = layout.width / image.width
    kept = layout.lines
    if not trusted and _letters(read.lines) < 0.3 * _letters(kept):
        return Legible(layout)  # pixels say even less: code, formulas, a language without its data
    if read.angle:
        layout = _turn(page, read.angle, layout.number)
        kept = _judged(layout.lines)[0]
        image = image.rotate(-read.angle, expand=True)
    lines = [_scaled(line, scale) for line in read.lines]
    if trusted:
        lines = [line for line in lines if not any(coverage(line.box, known.box) > 0.3 for known in kept)]
    kept = kept if trusted else ()
    if not lines:
        return Legible(replace(layout, lines=kept), read.angle)
    layout = replace(layout, lines=kept)
    if _is_scan(layout):
        layout = add_scanned_pictures(layout, _pixels(_reduced(image, _SEEN_DPI / dpi)), lines)
    else:
        layout = replace(layout, lines=(*kept, *lines))
    return Legible(layout, read.angle, ocr=True)


def _scaled(line: Line, scale: float) -> Line:
    x0, y0, x1, y1 = (edge * scale for edge in line.box)
    # A block's number must not meet that of a line which the file holds.
    return replace(line, box=(x0, y0, x1, y1), size=line.size * scale, block=line.block + 100_000)


def _reduced(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def _pixels(image: Image.Image) -> Any:
    import numpy as np

    return np.asarray(image.convert("RGB"))
