"""The ink of a scanned page: whatever differs from its background."""

import numpy as np
from numpy.typing import NDArray

# Background: a colour in 16 levels a channel.
_COLOURS = 4096  # more levels would count noise as colours
_MIN_EDGE_SHARE, _MIN_EDGE_COLOUR_ON_PAGE = 0.8, 0.3  # shares of the page's edge and of the page that the colour covers
_EDGE_DEPTH = 50  # the edge is one fiftieth of the shorter side deep
_MIN_BACKGROUND = 0.15  # share of the page below which no colour is its background
_GRADIENT_STEP = 3  # levels between neighbours in a gradient
_SEEDS = 24  # points on every side from which a gradient is followed
_CONTRAST = 28  # levels of 256 by which ink differs from the background in some channel

# A patch of few colours is a bar, or two of them, not a photo. Shares of its pixels.
_TWO_COLOURS, _FOUR_SHADES = 0.7, 0.82  # covered by its two, or with shades of one colour as one, four commonest
_SHADES = np.uint8(0xE0)  # bits of a channel that tell colours from shades

Mask = NDArray[np.bool_]


def find_ink(pixels: NDArray[np.uint8]) -> Mask | None:
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


def _reach_from_edge(pixels: NDArray[np.uint8]) -> Mask | None:
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


def is_flat(pixels: NDArray[np.uint8]) -> bool:
    """Whether pixels have few colours, as a bar or two, and unlike a photo."""

    def share(colours: NDArray[np.uint8], commonest: int) -> float:
        counts = np.bincount(_colour_codes(colours).ravel(), minlength=_COLOURS)
        return float(np.sort(counts)[-commonest:].sum() / counts.sum())

    return share(pixels, 2) > _TWO_COLOURS or share(pixels & _SHADES, 4) > _FOUR_SHADES
