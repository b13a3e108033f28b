"""Pictures on a page that is itself one image (a scan, a slide saved as a picture), found in its pixels.

What is neither background nor a line of text that OCR has read is ink; patches of ink that are large enough are
pictures. They come out as rasters, so that `figures.find` treats the page like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from extractors import geometry
from extractors.layout import Line, Raster
from extractors.regions import connected
from extractors.types import Box

_CELL = 3.0
"""Points a cell in which ink is counted."""
_CONTRAST = 28
"""Levels of 256 by which a pixel must differ from the background in some channel."""
_LEAST_SHARE = 0.015
"""Share of the page that a picture covers at least."""


def pictures(pixels: NDArray[np.uint8], page: Box, lines: Sequence[Line]) -> tuple[Raster, ...]:
    """Picture-like patches of a page drawn as `pixels` (height, width, 3), RGB; `lines` are what OCR read on it.

    About 72 dpi is enough. Boxes are in points of `page`, which the pixels fill. None when the page has no plain
    background: then the whole page is the picture.
    """
    ink = _ink(pixels)
    if ink is None:
        return ()
    scale_x, scale_y = pixels.shape[1] / (page[2] - page[0]), pixels.shape[0] / (page[3] - page[1])
    for line in lines:
        x0, y0, x1, y1 = geometry.grown(line.box, 0.12 * (line.box[3] - line.box[1]))
        ink[max(0, int(y0 * scale_y)) : int(y1 * scale_y) + 1, max(0, int(x0 * scale_x)) : int(x1 * scale_x) + 1] = 0
    cells = _cells(ink, max(1, round(_CELL * scale_x)))
    step_x, step_y = _CELL * 0 + max(1, round(_CELL * scale_x)) / scale_x, max(1, round(_CELL * scale_x)) / scale_y
    found = []
    for box, filled in _patches(cells):
        area = (box[0] * step_x, box[1] * step_y, box[2] * step_x, box[3] * step_y)
        if _picture_like(area, filled, page):
            found.append(area)
    return tuple(_raster(box, scale_x) for box in _merged(found))


def _ink(pixels: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    """Where the pixels differ from the background, the most frequent colour; None when no colour is that frequent."""
    coarse = (pixels >> 4).astype(np.int32)
    codes = (coarse[..., 0] << 8) | (coarse[..., 1] << 4) | coarse[..., 2]
    counts = np.bincount(codes.ravel(), minlength=4096)
    best = int(counts.argmax())
    if counts[best] < 0.15 * codes.size:
        return None
    background = np.median(pixels[codes == best], axis=0).astype(np.int16)
    return np.asarray(np.abs(pixels.astype(np.int16) - background).max(axis=2) > _CONTRAST)


def _cells(ink: NDArray[np.bool_], size: int) -> NDArray[np.float32]:
    """Share of ink in every cell of `size` pixels."""
    height, width = ink.shape[0] // size, ink.shape[1] // size
    cut = ink[: height * size, : width * size].reshape(height, size, width, size)
    return np.asarray(cut.mean(axis=(1, 3)), np.float32)


def _patches(cells: NDArray[np.float32]) -> list[tuple[tuple[int, int, int, int], float]]:
    """Boxes of cells (x0, y0, x1, y1) that hang together, with the share of their cells that hold ink."""
    mask = cells > 0.04
    reach = mask.copy()
    for shift in (1, 2):
        reach[shift:] |= mask[:-shift]
        reach[:-shift] |= mask[shift:]
        reach[:, shift:] |= mask[:, :-shift]
        reach[:, :-shift] |= mask[:, shift:]
    numbers = connected(reach)
    numbers[~mask] = 0
    rows, columns = np.nonzero(numbers)
    labels = numbers[rows, columns]
    found = []
    for label in np.unique(labels):
        ys, xs = rows[labels == label], columns[labels == label]
        box = (int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1)
        found.append((box, len(xs) / ((box[2] - box[0]) * (box[3] - box[1]))))
    return found


def _picture_like(box: Box, filled: float, page: Box) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    if geometry.area(box) < _LEAST_SHARE * geometry.area(page) or geometry.area(box) > 0.92 * geometry.area(page):
        return False
    return min(width, height) > 0.06 * min(page[2] - page[0], page[3] - page[1]) and filled > 0.08


def _merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes that overlap, made one."""
    found: list[Box] = []
    for box in sorted(boxes, key=geometry.area, reverse=True):
        home = next((n for n, other in enumerate(found) if geometry.coverage(box, other) > 0.5), None)
        if home is None:
            found.append(box)
        else:
            found[home] = geometry.hull([found[home], box])
    return found


def _raster(box: Box, scale: float) -> Raster:
    return Raster(
        box,
        width=round((box[2] - box[0]) * scale),
        height=round((box[3] - box[1]) * scale),
        digest="",
        upright=False,
    )
