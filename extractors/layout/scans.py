"""Pictures on a page that is itself one image (a scan, a slide saved as a picture), found in its pixels.

What is neither background nor a line of text that OCR has read is ink. Patches of ink join the page's layout, large
ones as rasters, small ones as drawings (the bars of a chart), so that `figures.find` treats the page like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from extractors import geometry
from extractors.layout.regions import connected
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

_CELL = 3.0
"""Points a cell in which ink is counted."""
_CONTRAST = 28
"""Levels of 256 by which a pixel must differ from the background in some channel."""
_PICTURE = 0.015
"""Share of the page that a picture covers at least."""
_PART = 0.001
"""Share of the page that a bar or a slice of a chart covers at least."""
_BAR = 0.08
"""Share of the page from which on even a patch of one colour is more than a bar of a chart."""
_BACKGROUND = 0.15
"""Least share of the page that its background shows on."""
_EDGE, _AROUND = 0.8, 0.3
"""Shares of the page's edge and of the page that one colour covers where the page's content lies on a card."""
_FILLED = 0.75
"""Share of a patch that rows of words fill where it is text."""
_GAP = 2
"""Pixels at least between two pictures side by side."""


_Area = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Patch:
    box: Box
    """Points."""
    filled: float
    """Share of its cells that hold ink."""
    framed: bool
    """Ink runs along all four sides."""
    flat: bool
    """Few colours make up most of it: a bar, or two of them, not a photo."""


def add_scanned_pictures(layout: PageLayout, pixels: NDArray[np.uint8], lines: Sequence[Line]) -> PageLayout:
    """`layout` with what its pixels show: the `lines` that OCR read, and patches that look like pictures.

    `pixels` (height, width, 3) is the whole page in RGB; about 72 dpi is enough. On a page without a plain
    background nothing is added but the lines: the page as a whole is the picture.
    """
    page: Box = (0.0, 0.0, layout.width, layout.height)
    whole = geometry.area(page)
    rasters: list[Raster] = []
    drawings: list[Drawing] = []
    for patch in _patches(pixels, page, lines):
        width, height = patch.box[2] - patch.box[0], patch.box[3] - patch.box[1]
        area = width * height
        if area > 0.92 * whole or max(width, height) > 15 * min(width, height) or (patch.flat and _bleeds(patch, page)):
            continue
        if _is_text(patch.box, lines):
            continue
        frame = 2 * _CELL * (width + height) / max(area, 1.0)
        if patch.framed and patch.filled < 2 * frame:  # a box around text, or around a drawing that is found itself
            drawings.append(Drawing(patch.box, items=4, filled=False, stroked=True, rectangle=True))
        elif (
            area > _PICTURE * whole
            and min(width, height) > 25
            and patch.filled > 0.08
            and not (patch.flat and area < _BAR * whole)
        ):
            rasters.append(Raster(patch.box, round(width), round(height), digest="", upright=False))
        elif area > _PART * whole and patch.filled > 0.4:
            drawings.append(Drawing(patch.box, items=9, filled=True, stroked=False, curved=True))
    drawings = [d for d in drawings if not any(geometry.coverage(d.box, raster.box) > 0.9 for raster in rasters)]
    return replace(
        layout,
        lines=(*layout.lines, *lines),
        rasters=(*layout.rasters, *rasters),
        drawings=(*layout.drawings, *drawings),
    )


def _bleeds(patch: _Patch, page: Box) -> bool:
    """A band of colour across the page: the ground of a title or of a footer."""
    x0, y0, x1, y1 = patch.box
    across = x0 < 2 * _CELL and x1 > page[2] - 2 * _CELL
    down = y0 < 2 * _CELL and y1 > page[3] - 2 * _CELL
    return across or down


def _patches(pixels: NDArray[np.uint8], page: Box, lines: Sequence[Line]) -> list[_Patch]:
    ink = _ink(pixels)
    if ink is None:
        return []
    across, down = pixels.shape[1] / page[2], pixels.shape[0] / page[3]
    for line in lines:
        x0, y0, x1, y1 = geometry.expand_box(line.box, 0.12 * (line.box[3] - line.box[1]))
        ink[max(0, int(y0 * down)) : int(y1 * down) + 1, max(0, int(x0 * across)) : int(x1 * across) + 1] = False
    size = max(1, round(_CELL * across))
    found = []
    for cells, filled, framed in _connected(_cells(ink, size) > 0.04):
        for x0, y0, x1, y1 in _cut(ink, cast(_Area, tuple(edge * size for edge in cells)), 8 * size):
            flat = filled > 0.4 and _flat(pixels[y0:y1, x0:x1])
            found.append(_Patch((x0 / across, y0 / down, x1 / across, y1 / down), filled, framed, flat))
    return found


def _is_text(box: Box, lines: Sequence[Line]) -> bool:
    """Whether words fill the box from edge to edge: print that stands out of its lines' boxes.

    The layers of some scanners give lines that are half as high as the letters; screenshots of text have margins.
    """
    x0, y0, x1, y1 = map(round, box)
    filled = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
    for line in lines:
        left, top, right, bottom = line.box
        beyond = 0.8 * (bottom - top)
        top, bottom = top - beyond - y0, bottom + beyond - y0
        filled[max(0, int(top)) : max(0, int(bottom) + 1), max(0, int(left) - x0) : max(0, int(right) + 1 - x0)] = True
    return float(filled.mean()) > _FILLED


def _cut(ink: NDArray[np.bool_], box: _Area, least: int) -> list[_Area]:
    """The parts of a box (x0, y0, x1, y1) in pixels that strips too narrow for the cells divide, if each is full.

    Parts less than `least` pixels wide or high are titles between pictures, and belong to none.
    """
    x0, y0, x1, y1 = box
    part = ink[y0:y1, x0:x1]
    for across in (False, True):
        blank = part.mean(axis=0 if across else 1) < 0.01
        spans = [(start, end) for start, end in _runs(~blank) if end - start >= least]
        if len(spans) < 2 or any(after[0] - before[1] < _GAP for before, after in pairwise(spans)):
            continue
        parts = [(x0 + a, y0, x0 + b, y1) if across else (x0, y0 + a, x1, y0 + b) for a, b in spans]
        if all(
            right - left >= least and ink[top:bottom, left:right].mean() > 0.5 for left, top, right, bottom in parts
        ):
            return [piece for one in parts for piece in _cut(ink, one, least)]
    return [box]


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of every stretch of a mask of one dimension that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(start, end) for start, end in edges.reshape(-1, 2).tolist()]


def _flat(pixels: NDArray[np.uint8]) -> bool:
    counts = np.bincount(_coarse(pixels).ravel(), minlength=4096)
    if np.sort(counts)[-2:].sum() > 0.7 * counts.sum():
        return True
    coarser = np.bincount(_coarse(pixels & np.uint8(0xE0)).ravel(), minlength=4096)  # shades of one colour as one
    return bool(np.sort(coarser)[-4:].sum() > 0.82 * counts.sum())


def _coarse(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Colours as numbers below 4096, sixteen levels a channel."""
    levels = (pixels >> 4).astype(np.int32)
    return np.asarray((levels[..., 0] << 8) | (levels[..., 1] << 4) | levels[..., 2])


def _ink(pixels: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Where the pixels differ from the background; None when no colour is frequent enough to be it.

    The background is the colour around the edge, where much of the page shows it: the white of a large card on a dark
    slide is none. Else it is the most frequent colour: the edges of a scan may be black.
    """
    codes = _coarse(pixels)
    counts = np.bincount(codes.ravel(), minlength=4096)
    rim = max(1, min(codes.shape) // 50)
    edge = np.concatenate([part.ravel() for part in (codes[:rim], codes[-rim:], codes[:, :rim], codes[:, -rim:])])
    around = np.bincount(edge, minlength=4096)
    best = int(around.argmax())
    if around[best] < _EDGE * edge.size or counts[best] < _AROUND * codes.size:
        best = int(counts.argmax())
    if counts[best] < _BACKGROUND * codes.size:
        return None
    background = np.median(pixels[codes == best], axis=0).astype(np.int16)
    return np.asarray(np.abs(pixels.astype(np.int16) - background).max(axis=2) > _CONTRAST)


def _cells(ink: NDArray[np.bool_], size: int) -> NDArray[np.float32]:
    """Share of ink in every cell of `size` pixels."""
    height, width = ink.shape[0] // size, ink.shape[1] // size
    cut = ink[: height * size, : width * size].reshape(height, size, width, size)
    return np.asarray(cut.mean(axis=(1, 3)), np.float32)


def _connected(mask: NDArray[np.bool_]) -> list[tuple[_Area, float, bool]]:
    """Boxes of cells (x0, y0, x1, y1) whose ink hangs together, how full they are, and whether they are framed."""
    reach = mask.copy()
    for shift in (1, 2):
        reach[shift:] |= mask[:-shift]
        reach[:-shift] |= mask[shift:]
        reach[:, shift:] |= mask[:, :-shift]
        reach[:, :-shift] |= mask[:, shift:]
    numbers = connected(reach)
    numbers[~mask] = 0
    rows, columns = np.nonzero(numbers)
    order = np.argsort(numbers[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    starts = np.flatnonzero(np.diff(numbers[rows, columns], prepend=0))
    found = []
    for ys, xs in zip(np.split(rows, starts[1:]), np.split(columns, starts[1:]), strict=True):
        if len(xs) < 4:
            continue
        x0, y0, x1, y1 = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
        own = np.zeros((y1 - y0, x1 - x0), bool)
        own[ys - y0, xs - x0] = True
        for left, top, right, bottom in _apart(own):
            part = own[top:bottom, left:right]
            found.append(((x0 + left, y0 + top, x0 + right, y0 + bottom), float(part.mean()), _framed(part)))
    return found


def _framed(ink: NDArray[np.bool_]) -> bool:
    """Whether ink runs along all four sides, a cell's unevenness allowed."""
    sides = (ink[:2].any(axis=0), ink[-2:].any(axis=0), ink[:, :2].any(axis=1), ink[:, -2:].any(axis=1))
    return min(float(side.mean()) for side in sides) > 0.7


def _apart(ink: NDArray[np.bool_]) -> list[_Area]:
    """Pictures side by side: the parts of a patch that a straight blank strip divides, if each is full or framed."""
    height, width = ink.shape
    for across in (True, False):
        spans = _runs(np.asarray(ink.any(axis=0 if across else 1)))
        parts = [(start, 0, end, height) if across else (0, start, width, end) for start, end in spans]
        inks = [ink[y0:y1, x0:x1] for x0, y0, x1, y1 in parts]
        if len(parts) > 1 and all(min(part.shape) > 8 and (part.mean() > 0.5 or _framed(part)) for part in inks):
            return [
                (x0 + left, y0 + top, x0 + right, y0 + bottom)
                for (x0, y0, _, _), part in zip(parts, inks, strict=True)
                for left, top, right, bottom in _apart(part)
            ]
    return [(0, 0, width, height)]
