"""Functions on boxes (x0, y0, x1, y1): x grows to the right, y downwards."""

from collections.abc import Iterable

from extractors.types import Box

_MIN_SIDE = 0.01  # points assumed for the side of a box without extent, so that a line has shares as well
_INSIDE = 0.9  # share of a box inside another: boxes of glyphs and strokes reach out a little


def width(box: Box) -> float:
    return box[2] - box[0]


def height(box: Box) -> float:
    return box[3] - box[1]


def shorter_side(box: Box) -> float:
    return min(width(box), height(box))


def area(box: Box) -> float:
    """The area of `box`; 0 when it is empty or inverted."""
    return max(0.0, width(box)) * max(0.0, height(box))


def intersection(a: Box, b: Box) -> Box:
    """The part that both cover; inverted where they do not meet."""
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def overlap_area(a: Box, b: Box) -> float:
    if a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]:
        return 0.0
    return area(intersection(a, b))


def merge_boxes(boxes: Iterable[Box]) -> Box:
    """The smallest box around all of `boxes`. Raises `ValueError` when there are none."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (min(x0), min(y0), max(x1), max(y1))


def expand_box(box: Box, margin: float) -> Box:
    """`box` with `margin` points added on every side."""
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def coverage(box: Box, other: Box) -> float:
    """The share of `box` that `other` covers, 0 to 1; of a line, the share of its length."""
    if other[2] <= box[0] or other[3] <= box[1]:  # most pairs are far apart, and a page has thousands of them
        return 0.0
    box_width, box_height = max(width(box), _MIN_SIDE), max(height(box), _MIN_SIDE)
    across = min(box[0] + box_width, other[2]) - max(box[0], other[0])
    if across <= 0:
        return 0.0
    down = min(box[1] + box_height, other[3]) - max(box[1], other[1])
    return across * max(0.0, down) / (box_width * box_height)


def is_inside(box: Box, other: Box, margin: float = 0.0) -> bool:
    """Whether `other`, expanded by `margin` points, covers nearly all of `box`."""
    if box[0] > other[2] + margin or box[1] > other[3] + margin:
        return False
    return coverage(box, expand_box(other, margin)) > _INSIDE


def boxes_touch(a: Box, b: Box) -> bool:
    """Whether they touch or overlap."""
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def gaps(a: Box, b: Box) -> tuple[float, float]:
    """The horizontal and the vertical space between them; 0 where their extents overlap."""
    return max(0.0, a[0] - b[2], b[0] - a[2]), max(0.0, a[1] - b[3], b[1] - a[3])


def horizontal_overlap(a: Box, b: Box) -> float:
    """Shared width as a share of the narrower box."""
    if a[2] <= b[0] or b[2] <= a[0]:
        return 0.0
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) / max(_MIN_SIDE, min(width(a), width(b)))


def vertical_overlap(a: Box, b: Box) -> float:
    """Shared height as a share of the shorter box."""
    if a[3] <= b[1] or b[3] <= a[1]:
        return 0.0
    return max(0.0, min(a[3], b[3]) - max(a[1], b[1])) / max(_MIN_SIDE, min(height(a), height(b)))


def stretch_to_column(box: Box, texts: Iterable[Box]) -> Box:
    """`box`, as wide as the narrowest of the wider `texts` that cover its width; itself if there is none."""
    over = [text for text in texts if text[0] <= box[0] and box[2] <= text[2] and width(text) > width(box) + 1]
    column = min(over, key=width, default=box)
    return (column[0], box[1], column[2], box[3])


def scale_box(box: Box, factor: float) -> Box:
    """`box` on a page whose sides are multiplied by `factor`."""
    return (box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor)


def transpose(box: Box) -> Box:
    """`box` with its axes exchanged."""
    return (box[1], box[0], box[3], box[2])


def rotate_box(box: Box, angle: int, page_width: float, page_height: float) -> Box:
    """`box` after its page of the given size is rotated clockwise by `angle` (0, 90, 180 or 270) degrees."""
    x0, y0, x1, y1 = box
    if angle == 90:
        return (page_height - y1, x0, page_height - y0, x1)
    if angle == 180:
        return (page_width - x1, page_height - y1, page_width - x0, page_height - y0)
    if angle == 270:
        return (y0, page_width - x1, y1, page_width - x0)
    return box
