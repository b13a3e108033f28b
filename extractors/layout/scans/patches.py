"""Patches of ink on a scanned page: photos, bars, drawings and frames, apart from the words.

In: the pixels of a page and its lines. Out: `Patch`es, each connected ink. Pictures side by side, and those on a card,
are patches of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extractors.geometry import expand_box, height
from extractors.layout.scans.ink import Mask, find_ink, is_flat
from extractors.page import Line, PageLayout
from extractors.types import Box

# Patches: ink counted in cells, so that dots and gaps of print do not matter.
CELL = 3.0  # points
_MIN_CELL_INK = 0.04  # share of a cell's pixels
_REACH = 2  # cells across which ink hangs together
_MIN_PATCH_CELLS = 4  # less is dust
_FRAME_DEPTH, _MIN_FRAMED = 2, 0.7  # cells within which a frame runs; share of every side it covers
_MIN_PART_CELLS = 8  # side of one of several pictures beside each other, also at the finer cut in pixels
_MIN_PART_INK = 0.5  # share of such a part, unless it is framed
_MIN_CARD, _MIN_CARD_AREA = 0.85, 0.5  # shares of the page's width and area from which ink is a card with a background
_MIN_PAGE_RULE = 0.6  # share of the page's width, of a rule between sections
_CORNER, _MAX_TOUCHED = 0.2, 0.15  # ink beside the end of a rule where a frame has a side; ink along an axis with bars
_MAX_PRINT_CELLS, _MAX_PRINT_INK = 8, 0.45  # height of two rows of print; share of its pixels: letters leave white,
_MAX_LETTER_INK = 0.75  # even without the space between words
_MAX_GUTTER_INK, _MIN_GUTTER = 0.01, 2  # share of a strip between two pictures; its pixels
_LINE_MARGIN = 0.12  # height of a line by which its ink reaches out of its box

# Flat patches.
_MIN_FLAT_INK = 0.5  # share of pixels: emptier patches are drawings in lines, or
_MIN_PRINT_ASPECT, _MIN_PRINT_INK = 3.0, 0.4  # a title that OCR missed: width by height; share of cells

_PixelBox = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Patch:
    box: Box  # in points
    ink: float  # share of its cells that hold ink
    framed: bool  # ink runs along all four sides
    flat: bool  # it has few colours
    unread: float  # share of its ink that is outside of the lines


class _Part(NamedTuple):
    box: _PixelBox
    cells: float  # share of its cells that hold ink
    pixels: float  # share of its pixels
    framed: bool
    unread: float  # share of its ink that is outside of the words

    def moved(self, x: int, y: int) -> _Part:
        x0, y0, x1, y1 = self.box
        return self._replace(box=(x0 + x, y0 + y, x1 + x, y1 + y))


def find_patches(pixels: NDArray[np.uint8], layout: PageLayout, lines: Sequence[Line]) -> Iterator[Patch]:
    """Connected ink outside of the lines; pictures side by side, and those on a card, are patches of their own."""
    across, down = pixels.shape[1] / layout.width, pixels.shape[0] / layout.height  # pixels a point
    words = np.zeros(pixels.shape[:2], bool)
    for line in lines:
        x0, y0, x1, y1 = expand_box(line.box, _LINE_MARGIN * height(line.box))
        words[max(0, int(y0 * down)) : int(y1 * down) + 1, max(0, int(x0 * across)) : int(x1 * across) + 1] = True
    for part in _find_parts(pixels, words, max(1, round(CELL * across))):
        x0, y0, x1, y1 = part.box
        like_print = x1 - x0 > _MIN_PRINT_ASPECT * (y1 - y0) and part.cells > _MIN_PRINT_INK
        flat = (part.pixels > _MIN_FLAT_INK or like_print) and is_flat(pixels[y0:y1, x0:x1])
        box = (x0 / across, y0 / down, x1 / across, y1 / down)
        yield Patch(box, part.cells, part.framed, flat, part.unread)


def _find_parts(pixels: NDArray[np.uint8], words: Mask, size: int) -> Iterator[_Part]:
    """The connected ink; on a card as wide as the page, the ink on the card."""
    ink = find_ink(pixels)
    if ink is None:
        return
    _remove_page_rules(ink, size)
    all_ink = ink
    ink = ink & ~words
    columns = ink.shape[1]
    for (left, top, right, bottom), part in _connected_parts(_ink_share(ink, size) > _MIN_CELL_INK):
        pixel_box = (left * size, top * size, right * size, bottom * size)
        for x0, y0, x1, y1 in _cut_at_gutters(ink, pixel_box, _MIN_PART_CELLS * size):
            if _MIN_CARD * columns < x1 - x0 < columns and (x1 - x0) * (y1 - y0) > _MIN_CARD_AREA * ink.size:
                inner = list(_find_parts(pixels[y0:y1, x0:x1], words[y0:y1, x0:x1], size))
                yield from (one.moved(x0, y0) for one in inner)
                if inner:
                    continue
            framed = _is_framed(part)
            if framed or not _is_print(ink[y0:y1, x0:x1], size):
                inside = ink[y0:y1, x0:x1]
                unread = float(inside.sum() / max(1, all_ink[y0:y1, x0:x1].sum()))
                yield _Part((x0, y0, x1, y1), float(part.mean()), float(inside.mean()), framed, unread)


def _remove_page_rules(ink: Mask, size: int) -> None:
    """Remove the level rules between sections, which would join what they touch; frames, grids and axes stay."""
    import cv2

    columns = ink.shape[1]
    level = np.ones((1, max(1, int(_MIN_PAGE_RULE * columns))), np.uint8)
    long = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, level)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(long, connectivity=4)
    for x, y, length, thickness, _ in boxes.tolist()[1:count]:
        sides = [ink[max(0, y - size) : y, x : x + length], ink[y + thickness : y + thickness + size, x : x + length]]
        in_frame = all(
            any(_share(side[:, end]) > _CORNER for side in sides) for end in (slice(size), slice(-size, None))
        )
        if thickness <= size and not in_frame and all(_share(side) < _MAX_TOUCHED for side in sides):
            ink[y : y + thickness, x : x + length] = False


def _share(ink: Mask) -> float:
    return float(ink.mean()) if ink.size else 0.0


def _is_print(ink: Mask, size: int) -> bool:
    """Whether ink is rows of words that OCR missed; a bar of a chart is filled, and a drawing has no blank rows."""
    highest = min(ink.shape[1], _MAX_PRINT_CELLS * size)
    rows = [ink[start:end] for start, end in _true_spans(ink.mean(axis=1) > _MAX_GUTTER_INK)]
    letters = all(len(row) <= highest and _share(row[:, row.any(axis=0)]) < _MAX_LETTER_INK for row in rows)
    return letters and float(ink.mean()) < _MAX_PRINT_INK


def _ink_share(ink: Mask, size: int) -> NDArray[np.float32]:
    rows, columns = ink.shape[0] // size, ink.shape[1] // size
    cells = ink[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def _connected_parts(cells: Mask) -> Iterator[tuple[_PixelBox, Mask]]:
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


def _split_pictures(cells: Mask, x: int = 0, y: int = 0) -> list[_PixelBox]:
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


def _cut_at_gutters(ink: Mask, box: _PixelBox, min_side: int) -> list[_PixelBox]:
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


def _true_spans(mask: Mask) -> list[tuple[int, int]]:
    """Start and end of every run of true values."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist()]


def _is_framed(cells: Mask) -> bool:
    depth = _FRAME_DEPTH
    sides = (cells[:depth], cells[-depth:], cells[:, :depth].T, cells[:, -depth:].T)
    return all(side.any(axis=0).mean() > _MIN_FRAMED for side in sides)
