"""Boxes: (x0, y0, x1, y1), x to the right, y down."""

from __future__ import annotations

from collections.abc import Iterable

from extractors.types import Box


def area(box: Box) -> float:
    """Of an empty or inside-out box: 0."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def shared(a: Box, b: Box) -> Box:
    """What lies in both; inside out where they do not meet."""
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def hull(boxes: Iterable[Box]) -> Box:
    """The smallest box around `boxes`, of which there is at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (min(x0), min(y0), max(x1), max(y1))


def grown(box: Box, by: float) -> Box:
    """`box` with `by` points added on every side."""
    return (box[0] - by, box[1] - by, box[2] + by, box[3] + by)


def coverage(box: Box, by: Box) -> float:
    """The share of `box` that `by` covers, 0 to 1; a line's share is that of its length."""
    width, height = max(box[2] - box[0], 0.01), max(box[3] - box[1], 0.01)
    across = min(box[0] + width, by[2]) - max(box[0], by[0])
    down = min(box[1] + height, by[3]) - max(box[1], by[1])
    return max(0.0, across) * max(0.0, down) / (width * height)


def meet(a: Box, b: Box) -> bool:
    """Whether they touch or overlap."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def gap(a: Box, b: Box) -> tuple[float, float]:
    """The space between them across and down; 0 where their extents overlap."""
    return max(0.0, a[0] - b[2], b[0] - a[2]), max(0.0, a[1] - b[3], b[1] - a[3])


def overlap_across(a: Box, b: Box) -> float:
    """Shared width as a share of the narrower one's."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    return max(0.0, width) / max(0.01, min(a[2] - a[0], b[2] - b[0]))


def overlap_down(a: Box, b: Box) -> float:
    """Shared height as a share of the lower one's."""
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, height) / max(0.01, min(a[3] - a[1], b[3] - b[1]))


def turned(box: Box, angle: int, width: float, height: float) -> Box:
    """`box` of a page of `width` and `height` after the page is turned clockwise by `angle` (0, 90, 180, 270)."""
    x0, y0, x1, y1 = box
    if angle == 90:
        return (height - y1, x0, height - y0, x1)
    if angle == 180:
        return (width - x1, height - y1, width - x0, height - y0)
    if angle == 270:
        return (y0, width - x1, y1, width - x0)
    return box
