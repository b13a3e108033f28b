"""Bullets that are drawn: small shapes and images before the items of a list, which the text does not have.

In: a `PageLayout` and its lines of text. Out: a line "•" for every such mark.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from extractors.geometry import height, width
from extractors.page import Line, PageLayout
from extractors.types import Box

MIN_TEXT = 8  # characters of an item; shorter ones are symbols of formulas and labels
SAME_SIZE = 0.1  # share by which the marks of one list differ in height
MIN_BULLETS = 2  # in one column; a single mark is an icon
COLUMN = 3.0  # points within which the marks of one list begin
# In font sizes of the item, unless noted.
MIN_MARK, MAX_MARK = 0.2, 1.2  # sides of a mark; smaller ones are dots of leaders
MAX_ELONGATION = 2.0  # longer side by shorter
MAX_DISTANCE = 2.5  # from a mark to its item
MIN_SIDE, MAX_SIDE = 1.5, 24.0  # points; others are not looked at


def drawn_bullets(layout: PageLayout, lines: Sequence[Line]) -> list[Line]:
    """Return bullets as lines; the items are those of `lines` that begin right of at least two aligned marks."""
    columns: dict[int, list[Line]] = {}
    marks = list(_marks(layout))
    for line in lines if marks else ():
        if mark := _mark_of(line, marks, lines):
            bullet = Line(mark, "•", line.size, font=line.font, block=line.block)
            columns.setdefault(round(mark[0] / COLUMN), []).append(bullet)
    return [bullet for column in columns.values() for bullet in _of_one_size(column)]


def _of_one_size(bullets: Sequence[Line]) -> list[Line]:
    """Those of a column that are as large as most; none if these are too few."""
    usual = median(height(bullet.box) for bullet in bullets)
    alike = [bullet for bullet in bullets if abs(height(bullet.box) - usual) <= SAME_SIZE * usual]
    return alike if len(alike) >= MIN_BULLETS else []


def _marks(layout: PageLayout) -> Iterator[Box]:
    for box in (*(drawing.box for drawing in layout.drawings), *(raster.box for raster in layout.rasters)):
        x0, y0, x1, y1 = box
        if MIN_SIDE <= y1 - y0 <= MAX_SIDE and (y1 - y0) / MAX_ELONGATION <= x1 - x0 <= (y1 - y0) * MAX_ELONGATION:
            yield box


def _mark_of(line: Line, marks: Sequence[Box], lines: Sequence[Line]) -> Box | None:
    """The only mark before a line, if it stands alone there."""
    start = line.text.lstrip("\"'“‘«([")[:1]  # small letters go on after an arrow or a formula
    if not line.horizontal or len(line.text) < MIN_TEXT or not start.isalnum() or start.islower():
        return None
    x0, y0, _, y1 = line.box
    left = x0 - MAX_DISTANCE * line.size
    near = [mark for mark in marks if left <= mark[0] and mark[2] <= x0 and y0 < (mark[1] + mark[3]) / 2 < y1]
    if not near:
        return None
    box = max(near, key=width)
    sides = sorted((width(box) / line.size, height(box) / line.size))
    fits = sides[0] >= MIN_MARK and sides[1] <= MAX_MARK
    is_alone = all(box[0] <= mark[0] and mark[2] <= box[2] for mark in near)  # its shadow may lie on it
    beside = (o.box for o in lines if o.box[1] < (y0 + y1) / 2 < o.box[3] and o.box[0] < x0)
    return box if fits and is_alone and all(o[2] <= left for o in beside) else None
