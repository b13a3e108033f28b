"""Pictures on a page that is itself one image (a scan, a slide saved as a picture), found in its pixels.

In: the page's layout, its pixels, and the lines that OCR read. Out: the layout with those lines and with patches of
ink, the large ones as rasters and the small ones as drawings (the bars of a chart), so that `find_figures` can treat it
like any other page. Ink is whatever is neither background nor text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from extractors.geometry import area, coverage, height, is_inside, shorter_side, width
from extractors.layout.scans.patches import CELL, Patch, find_patches
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

if TYPE_CHECKING:
    from PIL import Image

# What a patch is: shares of the page unless noted.
_WHOLE_PAGE = 0.92  # the page itself, inside its margins
_MIN_BAND, _MAX_BAND = 0.85, 0.12  # width and height of a band with a title on it
_MAX_SHADOW_INK = 0.65  # share of the cells of the box around a shadow; pictures up to the edge of the page are full
_MAX_ELONGATION = 15.0  # longer side by shorter: rules are no pictures
_TEXT_FILLED, _TEXT_LEADING = 0.75, 0.8  # share of a patch under words; line heights that the words of a line fill
_TEXT_AMONG_RULES, _MAX_RULES_INK = 0.4, 0.25  # the same share, of a patch with so little ink as rules have
_MIN_PICTURE, _MIN_PICTURE_SIDE, _MIN_PICTURE_INK = 0.015, 25.0, 0.08  # the second in points, the third of its cells
_MIN_FLAT_PICTURE = 0.08  # larger than a bar of a chart, even if of one colour
# Print that OCR read in part: share of its ink outside of lines, words of a line of a sentence, and words in all those.
_MAX_UNREAD, _SENTENCE, _MIN_WORDS_IN_SENTENCES = 0.65, 5, 20
# Lines of text that reach into a stamp and out of it, share of such a line on it, and share of its cells.
_MIN_CROSSING, _CROSSED, _MAX_STAMP_INK = 2, 0.25, 0.5
_SHAPE_SEGMENTS = 20  # given to a shape found in pixels: more than any box around text has
_MIN_BAR, _MIN_BAR_INK = 0.001, 0.4  # a bar or a slice of a chart; the second is a share of its cells
_MAX_FRAME_INK = 2.0  # multiples of the ink that a frame of one cell has: more, and it is not empty


def add_scanned_pictures(layout: PageLayout, image: Image.Image, lines: Sequence[Line]) -> PageLayout:
    """`layout` with `lines`, which OCR read, and with the pictures that its pixels show.

    `image` is the whole page; about 72 dpi is enough. On a page without a plain
    background only the lines are added: the page as a whole is the picture.
    """
    pixels = np.asarray(image.convert("RGB"))
    rasters: list[Raster] = []
    drawings: list[Drawing] = []
    words = (*layout.lines, *lines)
    for patch in find_patches(pixels, layout, words):
        box, size = patch.box, area(patch.box)
        frame_ink = 2 * CELL * (width(box) + height(box)) / max(size, 1.0)
        large = size > _MIN_PICTURE * layout.area and shorter_side(box) > _MIN_PICTURE_SIDE
        if _is_no_picture(patch, layout) or _is_title_band(box, layout, words):
            continue
        if patch.framed and patch.ink < _MAX_FRAME_INK * frame_ink:  # around text, or a drawing that is a patch itself
            drawings.append(Drawing(box, items=4, filled=False, stroked=True, rectangle=True))
        elif (
            (share := _text_share(box, words)) > _TEXT_FILLED
            or (share > _TEXT_AMONG_RULES and _is_sparse(patch))
            or (large and _is_print(patch, words))
        ):
            continue
        elif large and patch.ink > _MIN_PICTURE_INK and not (patch.flat and size < _MIN_FLAT_PICTURE * layout.area):
            rasters.append(Raster(box, round(width(box)), round(height(box)), digest="", upright=False))
        elif size > _MIN_BAR * layout.area and patch.ink > _MIN_BAR_INK:
            drawings.append(Drawing(box, _SHAPE_SEGMENTS, filled=True, stroked=False, curved=True))
    drawings = [d for d in drawings if not any(is_inside(d.box, raster.box) for raster in rasters)]
    return replace(
        layout,
        lines=words,
        rasters=(*layout.rasters, *rasters),
        drawings=(*layout.drawings, *drawings),
    )


def _is_no_picture(patch: Patch, layout: PageLayout) -> bool:
    """The whole page, a rule, a band of colour across the page behind its title or footer, or a shadow at one side."""
    x0, y0, x1, y1 = patch.box
    edge = 2 * CELL
    across, down = x0 < edge and x1 > layout.width - edge, y0 < edge and y1 > layout.height - edge
    is_band = across or down
    # The shadow of a book's fold or of a scanner's lid is joined with some of the text beside it.
    at_side = (down and (x0 < edge or x1 > layout.width - edge)) or (
        across and (y0 < edge or y1 > layout.height - edge)
    )
    is_shadow = at_side and patch.ink < _MAX_SHADOW_INK
    elongated = max(width(patch.box), height(patch.box)) > _MAX_ELONGATION * shorter_side(patch.box)
    return area(patch.box) > _WHOLE_PAGE * layout.area or elongated or is_shadow or (patch.flat and is_band)


def _is_title_band(box: Box, layout: PageLayout, lines: Sequence[Line]) -> bool:
    is_band = width(box) > _MIN_BAND * layout.width and height(box) < _MAX_BAND * layout.height
    return is_band and any(line.belongs_to(box) for line in lines)


def _is_sparse(patch: Patch) -> bool:
    """Whether a patch is rules, and perhaps a tab at the edge of the page, without a frame."""
    return not patch.framed and patch.ink < _MAX_RULES_INK


def _is_print(patch: Patch, lines: Sequence[Line]) -> bool:
    """Whether a patch is text of which OCR missed some, or a stamp on text: pictures have labels, and no sentences."""
    sentences = [line for line in lines if len(line.text.split()) >= _SENTENCE]
    inside = sum(len(line.text.split()) for line in sentences if line.belongs_to(patch.box))
    crossing = sum(coverage(line.box, patch.box) > _CROSSED and not line.belongs_to(patch.box) for line in sentences)
    is_text = patch.unread < _MAX_UNREAD and inside >= _MIN_WORDS_IN_SENTENCES
    return is_text or (crossing >= _MIN_CROSSING and not patch.flat and patch.ink < _MAX_STAMP_INK)


def _text_share(box: Box, lines: Sequence[Line]) -> float:
    """The share of the box that rows of words fill; the space between the rows counts as theirs.

    Some scanners write boxes half as high as the letters; screenshots of text, unlike print, have margins.
    """
    x0, y0, x1, y1 = map(round, box)
    filled = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
    for line in lines:
        leading = _TEXT_LEADING * height(line.box)
        left, top, right, bottom = line.box
        top, bottom = top - leading - y0, bottom + leading - y0
        filled[max(0, int(top)) : max(0, int(bottom) + 1), max(0, int(left) - x0) : max(0, int(right) + 1 - x0)] = True
    return float(filled.mean())
