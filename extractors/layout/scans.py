"""Pictures on a page that is itself one image (a scan, a slide saved as a picture), found in its pixels.

In: the page's layout, its pixels, and the lines that OCR read. Out: the layout with those lines and with patches of
ink, the large ones as rasters and the small ones as drawings (the bars of a chart), so that `find_figures` can treat it
like any other page. Ink is whatever is neither background nor text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from extractors.geometry import area, expand_box, height, is_inside, shorter_side, width
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

if TYPE_CHECKING:
    from PIL import Image

# Background: a colour in 16 levels a channel.
_COLOURS = 4096  # more levels would count noise as colours
_MIN_EDGE_SHARE, _MIN_EDGE_COLOUR_ON_PAGE = 0.8, 0.3  # shares of the page's edge and of the page that the colour covers
_EDGE_DEPTH = 50  # the edge is one fiftieth of the shorter side deep
_MIN_BACKGROUND = 0.15  # share of the page below which no colour is its background
_GRADIENT_STEP, _SEEDS = (
    3,
    24,
)  # levels between neighbours in a gradient; points on every side from which it is followed
_CONTRAST = 28  # levels of 256 by which ink differs from the background in some channel
_LINE_MARGIN = 0.12  # height of a line by which its ink reaches out of its box

# Patches: ink counted in cells, so that dots and gaps of print do not matter.
_CELL = 3.0  # points
_MIN_CELL_INK = 0.04  # share of a cell's pixels
_REACH = 2  # cells across which ink hangs together
_MIN_PATCH_CELLS = 4  # less is dust
_FRAME_DEPTH, _MIN_FRAMED = 2, 0.7  # cells within which a frame runs; share of every side it covers
_MIN_PART_CELLS = 8  # side of one of several pictures beside each other, also at the finer cut in pixels
_MIN_PART_INK = 0.5  # share of such a part, unless it is framed
_MIN_CARD, _MIN_CARD_AREA = 0.85, 0.5  # shares of the page's width and area from which ink is a card with a background
_MAX_PRINT_CELLS, _MAX_PRINT_INK = 8, 0.45  # height of two rows of print; share of its pixels: letters leave more white
_MAX_GUTTER_INK, _MIN_GUTTER = 0.01, 2  # share of a strip between two pictures; its pixels

# A patch of few colours is a bar, or two of them, not a photo. Shares of its pixels.
_TWO_COLOURS, _FOUR_SHADES = 0.7, 0.82  # covered by its two, or with shades of one colour as one, four commonest
_SHADES = np.uint8(0xE0)  # bits of a channel that tell colours from shades
_MIN_FLAT_INK = 0.4  # share of cells: emptier patches are drawings on the background

# What a patch is. Shares of the page unless noted.
_WHOLE_PAGE = 0.92  # the page itself, inside its margins
_MAX_ELONGATION = 15.0  # longer side by shorter: rules are no pictures
_TEXT_FILLED, _TEXT_LEADING = 0.75, 0.8  # share of a patch under words; line heights that the words of a line fill
_MIN_PICTURE, _MIN_PICTURE_SIDE, _MIN_PICTURE_INK = 0.015, 25.0, 0.08  # the second in points, the third of its cells
_MIN_FLAT_PICTURE = 0.08  # larger than a bar of a chart, even if of one colour
_SHAPE_SEGMENTS = 20  # given to a shape found in pixels: more than any box around text has
_MIN_BAR, _MIN_BAR_INK = 0.001, 0.4  # a bar or a slice of a chart; the second is a share of its cells
_MAX_FRAME_INK = 2.0  # multiples of the ink that a frame of one cell has: more, and it is not empty

_PixelBox = tuple[int, int, int, int]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Patch:
    box: Box  # in points
    ink: float  # share of its cells that hold ink
    framed: bool  # ink runs along all four sides
    flat: bool  # it has few colours


def add_scanned_pictures(layout: PageLayout, image: Image.Image, lines: Sequence[Line]) -> PageLayout:
    """`layout` with `lines`, which OCR read, and with the pictures that its pixels show.

    `image` is the whole page; about 72 dpi is enough. On a page without a plain
    background only the lines are added: the page as a whole is the picture.
    """
    pixels = np.asarray(image.convert("RGB"))
    rasters: list[Raster] = []
    drawings: list[Drawing] = []
    words = (*layout.lines, *lines)
    for patch in _find_patches(pixels, layout, words):
        box, size = patch.box, area(patch.box)
        frame_ink = 2 * _CELL * (width(box) + height(box)) / max(size, 1.0)
        large = size > _MIN_PICTURE * layout.area and shorter_side(box) > _MIN_PICTURE_SIDE
        if _is_no_picture(patch, layout):
            continue
        if patch.framed and patch.ink < _MAX_FRAME_INK * frame_ink:  # around text, or a drawing that is a patch itself
            drawings.append(Drawing(box, items=4, filled=False, stroked=True, rectangle=True))
        elif _is_text(box, words):
            continue
        elif large and patch.ink > _MIN_PICTURE_INK and not (patch.flat and size < _MIN_FLAT_PICTURE * layout.area):
            rasters.append(Raster(box, round(width(box)), round(height(box)), digest="", upright=False))
        elif size > _MIN_BAR * layout.area and patch.ink > _MIN_BAR_INK:
            drawings.append(Drawing(box, items=_SHAPE_SEGMENTS, filled=True, stroked=False, curved=True))
    drawings = [d for d in drawings if not any(is_inside(d.box, raster.box) for raster in rasters)]
    return replace(
        layout,
        lines=words,
        rasters=(*layout.rasters, *rasters),
        drawings=(*layout.drawings, *drawings),
    )


def _is_no_picture(patch: _Patch, layout: PageLayout) -> bool:
    """The whole page, a rule, or a band of colour across the page behind its title or footer."""
    x0, y0, x1, y1 = patch.box
    edge = 2 * _CELL
    is_band = (x0 < edge and x1 > layout.width - edge) or (y0 < edge and y1 > layout.height - edge)
    elongated = max(width(patch.box), height(patch.box)) > _MAX_ELONGATION * shorter_side(patch.box)
    return area(patch.box) > _WHOLE_PAGE * layout.area or elongated or (patch.flat and is_band)


def _is_text(box: Box, lines: Sequence[Line]) -> bool:
    """Whether words fill the box: print that is larger than its lines' boxes.

    Some scanners write boxes half as high as the letters; screenshots of text, unlike this, have margins.
    """
    x0, y0, x1, y1 = map(round, box)
    filled = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
    for line in lines:
        leading = _TEXT_LEADING * height(line.box)
        left, top, right, bottom = line.box
        top, bottom = top - leading - y0, bottom + leading - y0
        filled[max(0, int(top)) : max(0, int(bottom) + 1), max(0, int(left) - x0) : max(0, int(right) + 1 - x0)] = True
    return float(filled.mean()) > _TEXT_FILLED


def _find_ink(pixels: NDArray[np.uint8]) -> _Mask | None:
    """Where the pixels differ from the background; None when no colour is frequent enough to be the background.

    The background is the colour of the page's edge if much of the page has it: on a dark slide with a large white card
    it is the dark. Otherwise it is the most frequent colour: the edges of a scan may be black.
    """
    codes = _colour_codes(pixels)
    counts = np.bincount(codes.ravel(), minlength=_COLOURS)
    rim = max(1, min(codes.shape) // _EDGE_DEPTH)
    edge = np.concatenate([part.ravel() for part in (codes[:rim], codes[-rim:], codes[:, :rim], codes[:, -rim:])])
    edge_counts = np.bincount(edge, minlength=_COLOURS)
    best = int(edge_counts.argmax())
    if edge_counts[best] < _MIN_EDGE_SHARE * edge.size or counts[best] < _MIN_EDGE_COLOUR_ON_PAGE * codes.size:
        best = int(counts.argmax())
    if counts[best] < _MIN_EDGE_COLOUR_ON_PAGE * codes.size:
        reached = _reach_from_edge(pixels)
        if reached is not None:
            return ~reached
    if counts[best] < _MIN_BACKGROUND * codes.size:
        return None
    background = np.median(pixels[codes == best], axis=0).astype(np.int16)
    return np.asarray(np.abs(pixels.astype(np.int16) - background).max(axis=2) > _CONTRAST)


def _reach_from_edge(pixels: NDArray[np.uint8]) -> _Mask | None:
    """The background that changes gradually, as a gradient does; None when the page has no such background."""
    import cv2

    height, width = pixels.shape[:2]
    smooth = cv2.medianBlur(np.ascontiguousarray(pixels), 5)
    reached = np.zeros((height + 2, width + 2), np.uint8)
    step = (_GRADIENT_STEP,) * 3
    xs, ys = np.linspace(0, width - 1, _SEEDS, dtype=int), np.linspace(0, height - 1, _SEEDS, dtype=int)
    for x, y in [*((x, y) for x in xs for y in (0, height - 1)), *((x, y) for y in ys for x in (0, width - 1))]:
        if not reached[y + 1, x + 1]:
            cv2.floodFill(smooth, reached, (int(x), int(y)), 0, step, step, 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    mask = reached[1:-1, 1:-1] > 0
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return mask if edge.mean() > _MIN_EDGE_SHARE and mask.mean() > _MIN_EDGE_COLOUR_ON_PAGE else None


def _colour_codes(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    levels = (pixels >> 4).astype(np.int32)
    return np.asarray((levels[..., 0] << 8) | (levels[..., 1] << 4) | levels[..., 2])


def _is_flat(pixels: NDArray[np.uint8]) -> bool:
    def share(colours: NDArray[np.uint8], commonest: int) -> float:
        counts = np.bincount(_colour_codes(colours).ravel(), minlength=_COLOURS)
        return float(np.sort(counts)[-commonest:].sum() / counts.sum())

    return share(pixels, 2) > _TWO_COLOURS or share(pixels & _SHADES, 4) > _FOUR_SHADES


def _find_patches(pixels: NDArray[np.uint8], layout: PageLayout, lines: Sequence[Line]) -> Iterator[_Patch]:
    """Connected ink outside of the lines; pictures side by side, and those on a card, are patches of their own."""
    across, down = pixels.shape[1] / layout.width, pixels.shape[0] / layout.height  # pixels a point
    words = np.zeros(pixels.shape[:2], bool)
    for line in lines:
        x0, y0, x1, y1 = expand_box(line.box, _LINE_MARGIN * height(line.box))
        words[max(0, int(y0 * down)) : int(y1 * down) + 1, max(0, int(x0 * across)) : int(x1 * across) + 1] = True
    size = max(1, round(_CELL * across))
    for (x0, y0, x1, y1), filled, framed in _find_parts(pixels, words, size):
        flat = filled > _MIN_FLAT_INK and _is_flat(pixels[y0:y1, x0:x1])
        yield _Patch((x0 / across, y0 / down, x1 / across, y1 / down), filled, framed, flat)


def _find_parts(pixels: NDArray[np.uint8], words: _Mask, size: int) -> Iterator[tuple[_PixelBox, float, bool]]:
    """Box, share of ink and frame of the connected ink; on a card as wide as the page, of the ink on the card."""
    ink = _find_ink(pixels)
    if ink is None:
        return
    ink &= ~words
    columns = ink.shape[1]
    for (left, top, right, bottom), part in _connected_parts(_ink_share(ink, size) > _MIN_CELL_INK):
        pixel_box = (left * size, top * size, right * size, bottom * size)
        for x0, y0, x1, y1 in _cut_at_gutters(ink, pixel_box, _MIN_PART_CELLS * size):
            if _MIN_CARD * columns < x1 - x0 < columns and (x1 - x0) * (y1 - y0) > _MIN_CARD_AREA * ink.size:
                inner = list(_find_parts(pixels[y0:y1, x0:x1], words[y0:y1, x0:x1], size))
                yield from (
                    ((a + x0, b + y0, c + x0, d + y0), filled, framed) for (a, b, c, d), filled, framed in inner
                )
                if inner:
                    continue
            framed = _is_framed(part)
            if framed or not _is_print(ink[y0:y1, x0:x1], size):
                yield (x0, y0, x1, y1), float(part.mean()), framed


def _is_print(ink: _Mask, size: int) -> bool:
    """Whether a strip is a row or two of words that OCR missed; a bar of a chart is filled."""
    rows, columns = ink.shape
    return rows <= min(columns, _MAX_PRINT_CELLS * size) and float(ink.mean()) < _MAX_PRINT_INK


def _ink_share(ink: _Mask, size: int) -> NDArray[np.float32]:
    rows, columns = ink.shape[0] // size, ink.shape[1] // size
    cells = ink[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _connected_parts(cells: _Mask) -> Iterator[tuple[_PixelBox, _Mask]]:
    """Boxes and cells of the groups of cells at most `_REACH` apart, divided where pictures are side by side."""
    import cv2

    mask = cells.astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (2 * _REACH + 1, 2 * _REACH + 1))
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, cross), connectivity=4)
    for number, (x, y, columns, rows, _) in enumerate(boxes.tolist()[1:], 1):
        own = cells[y : y + rows, x : x + columns] & (numbers[y : y + rows, x : x + columns] == number)
        ys, xs = np.nonzero(own)
        if len(xs) < _MIN_PATCH_CELLS:
            continue
        x0, y0, x1, y1 = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
        for left, top, right, bottom in _split_pictures(own[y0:y1, x0:x1], x0, y0):
            yield (x + left, y + top, x + right, y + bottom), own[top:bottom, left:right]


def _split_pictures(cells: _Mask, x: int = 0, y: int = 0) -> list[_PixelBox]:
    """The parts that straight blank strips divide, if each is full or framed, else the whole; offset by `x` and `y`."""
    rows, columns = cells.shape
    for axis in (0, 1):
        spans = _true_spans(np.asarray(cells.any(axis=axis)))
        boxes = [(start, 0, end, rows) if axis == 0 else (0, start, columns, end) for start, end in spans]
        parts = [cells[y0:y1, x0:x1] for x0, y0, x1, y1 in boxes]
        if len(parts) > 1 and all(
            min(part.shape) > _MIN_PART_CELLS and (part.mean() > _MIN_PART_INK or _is_framed(part)) for part in parts
        ):
            return [
                piece
                for (x0, y0, _, _), part in zip(boxes, parts, strict=True)
                for piece in _split_pictures(part, x + x0, y + y0)
            ]
    return [(x, y, x + columns, y + rows)]


def _cut_at_gutters(ink: _Mask, box: _PixelBox, min_side: int) -> list[_PixelBox]:
    """The parts of a pixel box between gutters too narrow for the cells, if each is full of ink, else the whole.

    Parts less than `min_side` pixels wide or high are titles between pictures, and are dropped.
    """
    x0, y0, x1, y1 = box
    for axis in (1, 0):
        blank = ink[y0:y1, x0:x1].mean(axis=axis) < _MAX_GUTTER_INK
        spans = [(start, end) for start, end in _true_spans(~blank) if end - start >= min_side]
        if len(spans) < 2 or any(after[0] - before[1] < _MIN_GUTTER for before, after in pairwise(spans)):
            continue
        parts = [(x0 + a, y0, x0 + b, y1) if axis == 0 else (x0, y0 + a, x1, y0 + b) for a, b in spans]
        if all(
            right - left >= min_side
            and (ink[top:bottom, left:right].mean() > _MIN_PART_INK or _is_framed(ink[top:bottom, left:right]))
            for left, top, right, bottom in parts
        ):
            return [piece for part in parts for piece in _cut_at_gutters(ink, part, min_side)]
    return [box]


def _true_spans(mask: _Mask) -> list[tuple[int, int]]:
    """Start and end of every run of true values."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist()]


def _is_framed(cells: _Mask) -> bool:
    depth = _FRAME_DEPTH
    sides = (cells[:depth], cells[-depth:], cells[:, :depth].T, cells[:, -depth:].T)
    return all(side.any(axis=0).mean() > _MIN_FRAMED for side in sides)
