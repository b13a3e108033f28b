"""Tables of a page by geometry alone: between rules, in grids, under their captions, and in columns of numbers.

Rather none than a wrong one: a false table takes its lines away from the passages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from extractors import cells, labels
from extractors.cells import Row
from extractors.geometry import area, coverage, grown, hull, shared, turned
from extractors.layout import Drawing, Line, PageLayout
from extractors.types import Box

_THIN = 2.5
"""Points: what is thinner is a rule."""
_LEAST_WIDTH = 60.0
_SAME = 4.0
"""Points by which the ends of rules of one table may differ."""
_PROSE_WORDS = 6.0
"""Words of a line of running text; a line in a cell has fewer."""


@dataclass(frozen=True, slots=True)
class Table:
    box: Box
    rows: tuple[tuple[str, ...], ...]
    """At least two rows of at least two cells, all of the same length; the first is the header."""


@dataclass(frozen=True, slots=True)
class _Rules:
    level: tuple[Box, ...]
    upright: tuple[Box, ...]


def find(layout: PageLayout) -> list[Table]:
    """The tables of a page, from top to bottom; also of a page whose text runs up or down. They do not overlap."""
    for angle in (0, 270, 90):  # text that runs so; 180 is not met in print
        lines = [line for line in layout.lines if line.visible and line.text and line.angle == angle]
        if len(lines) >= 4 and len(lines) > 0.5 * len(layout.lines):
            return _find(layout, lines) if angle == 0 else _turned(layout, lines, 360 - angle)
    return []


def _turned(layout: PageLayout, lines: Sequence[Line], angle: int) -> list[Table]:
    """The tables that stand upright once the page is turned clockwise by `angle`, as boxes of the page as it is."""
    size = layout.width, layout.height
    upright = replace(
        layout,
        width=layout.height,
        height=layout.width,
        rasters=tuple(replace(one, box=turned(one.box, angle, *size)) for one in layout.rasters),
        drawings=tuple(replace(one, box=turned(one.box, angle, *size)) for one in layout.drawings),
    )
    found = _find(upright, [replace(line, box=turned(line.box, angle, *size)) for line in lines])
    return [replace(table, box=turned(table.box, 360 - angle, upright.width, upright.height)) for table in found]


def _find(layout: PageLayout, lines: Sequence[Line]) -> list[Table]:
    rules = _rules(layout.drawings)
    prose = _prose(lines)
    apart = [line for line in lines if line not in prose]
    found: list[Table] = []
    for regions in (_grids(rules), _stacks(rules, lines, prose), _captioned(apart), _numeric(apart)):
        for region in regions:
            if not any(area(shared(region, table.box)) > 0.1 * area(region) for table in found):
                table = _table(region, lines, prose, rules, layout)
                if table and not any(area(shared(table.box, other.box)) > 0 for other in found):
                    found.append(table)
    return sorted(found, key=lambda table: (table.box[1], table.box[0]))


def _prose(lines: Sequence[Line]) -> frozenset[Line]:
    """The lines of paragraphs: blocks of three lines or more with six words a line or more."""
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    return frozenset(
        line
        for block in blocks.values()
        if len(block) >= 3 and fmean(len(line.text.split()) for line in block) >= _PROSE_WORDS
        for line in block
    )


# --- rules ------------------------------------------------------------------------------------------------------


def _rules(drawings: Sequence[Drawing]) -> _Rules:
    """Thin rectangles and lines, and the sides of cells drawn as rectangles; pieces of one rule joined."""
    level: list[Box] = []
    upright: list[Box] = []
    for drawing in drawings:
        x0, y0, x1, y1 = drawing.box
        if not drawing.rectangle or _white(drawing):
            continue
        if y1 - y0 <= _THIN:
            level.append(drawing.box)
        elif x1 - x0 <= _THIN:
            upright.append(drawing.box)
        else:
            level += [(x0, y0, x1, y0), (x0, y1, x1, y1)]
            upright += [(x0, y0, x0, y1), (x1, y0, x1, y1)]
    return _Rules(
        tuple(rule for rule in _joined(level) if rule[2] - rule[0] > 8),
        tuple(_swapped(rule) for rule in _joined(map(_swapped, upright)) if rule[2] - rule[0] > 6),
    )


def _white(drawing: Drawing) -> bool:
    return not drawing.stroked and drawing.fill is not None and min(drawing.fill, default=0) > 0.99


def _swapped(box: Box) -> Box:
    return (box[1], box[0], box[3], box[2])


def _joined(rules: Iterable[Box]) -> list[Box]:
    """Level rules at one height that touch, as one."""
    made: list[Box] = []
    for rule in sorted(rules, key=lambda rule: (round((rule[1] + rule[3]) / 4), rule[0])):
        last = made[-1] if made else None
        if last and abs(last[1] - rule[1]) < 2 and rule[0] - last[2] < 3:
            made[-1] = (last[0], last[1], max(last[2], rule[2]), last[3])
        else:
            made.append(rule)
    return made


# --- where a table may be ---------------------------------------------------------------------------------------


def _grids(rules: _Rules) -> list[Box]:
    """Hulls of rules that cross, with at least one upright rule inside."""
    groups: list[list[Box]] = []
    for rule in (*rules.level, *rules.upright):
        touching = [group for group in groups if any(_touch(rule, other) for other in group)]
        groups = [group for group in groups if group not in touching] + [[rule, *(one for g in touching for one in g)]]
    found = []
    for group in groups:
        box = hull(group)
        inner = {
            round(rule[0] / 3) for rule in group if rule[2] - rule[0] <= _THIN and box[0] + 5 < rule[0] < box[2] - 5
        }
        across = {round(rule[1] / 3) for rule in group if rule[3] - rule[1] <= _THIN}
        if inner and len(across) > 2 and box[2] - box[0] > _LEAST_WIDTH:
            found.append(box)
    return found


def _touch(a: Box, b: Box) -> bool:
    return a[0] - 2 < b[2] and b[0] - 2 < a[2] and a[1] - 2 < b[3] and b[1] - 2 < a[3]


def _stacks(rules: _Rules, lines: Sequence[Line], prose: frozenset[Line]) -> list[Box]:
    """Between level rules of one width, as far down as what lies between them is set in columns."""
    found = []
    left = [rule for rule in rules.level if rule[2] - rule[0] > _LEAST_WIDTH]
    while left:
        first, *rest = left
        stack = [first, *(rule for rule in rest if _alike(rule, first))]
        left = [rule for rule in rest if rule not in stack]
        stack.sort(key=lambda rule: rule[1])
        run: list[Box] = stack[:1]
        for upper, lower in pairwise(stack):
            strip = (first[0], upper[1], first[2], lower[3])
            if _in_columns(strip, lines, prose):
                run.append(lower)
                continue
            found += [hull(run)] if len(run) > 1 else []
            run = [lower]
        found += [hull(run)] if len(run) > 1 else []
    return found


def _alike(a: Box, b: Box) -> bool:
    return abs(a[0] - b[0]) < _SAME and abs(a[2] - b[2]) < _SAME


def _in_columns(strip: Box, lines: Sequence[Line], prose: frozenset[Line]) -> bool:
    """Whether the strip between two rules belongs to a table: rows of several cells, or a short heading."""
    inside = _inside(strip, lines)
    rows = cells.levels(inside)
    if not rows:
        return strip[3] - strip[1] < 30
    if any(_caption(line) for row in rows for line in row[:1]) or sum(line in prose for line in inside) > 0.2 * len(
        inside
    ):
        return False
    several = sum(len(row) > 1 for row in rows)
    return several >= 0.25 * len(rows) or (len(rows) <= 2 and all(len(row[0].text.split()) < 12 for row in rows))


def _inside(box: Box, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if coverage(line.box, box) > 0.6]


def _caption(line: Line) -> bool:
    match = labels.LABEL.match(line.text)
    return bool(match and labels.kind_of(match) == "table" and not line.text[match.end() :].lstrip()[:1].islower())


def _captioned(lines: Sequence[Line]) -> list[Box]:
    """Rows of several cells right under the caption of a table, or right above it."""
    found = []
    for caption in filter(_caption, lines):
        below = [line for line in lines if line.box[1] > caption.box[1] + 1 and line is not caption]
        above = [line for line in lines if line.box[3] < caption.box[3] - 1]
        for side, order in ((below, 1), (above, -1)):
            rows = _run(cells.levels(side)[::order], caption)
            if len(rows) >= 3:
                found.append(grown(cells.hull(rows), 1))
                break
    return found


def _run(rows: Sequence[Row], caption: Line) -> list[Row]:
    """The rows next to the caption that are set in columns; the caption's own further lines are passed over."""
    run: list[Row] = []
    place = caption.box
    for row in rows:
        box = cells.hull([row])
        distance = max(box[1] - place[3], place[1] - box[3])
        if distance > 3 * caption.size:
            break
        if len(row) > 1:
            run.append(row)
        elif run and len(row[0].text.split()) > 8:
            break
        elif run:
            run.append(row)
        place = box
    while run and len(run[-1]) == 1:
        run.pop()
    return run


def _numeric(lines: Sequence[Line]) -> list[Box]:
    """Blocks of rows with two numbers or more each, aligned with the numbers above; with the headings over them."""
    rows = cells.levels(lines)
    numeric = [sum(cells.is_number(line.text) for line in row) >= 2 for row in rows]
    found = []
    start: int | None = None
    last = 0
    for n, is_numeric in enumerate([*numeric, False]):
        ended = n == len(rows) or (start is not None and (n - last > 3 or _broken(rows[n - 1], rows[n])))
        if start is not None and ended:
            if sum(numeric[start : last + 1]) >= 3:
                found.append(grown(cells.hull(rows[_heading(rows, start) : last + 1]), 1))
            start = None
        if n < len(rows) and is_numeric:
            start, last = (n if start is None else start), n
    return found


def _broken(upper: Row, lower: Row) -> bool:
    """A wide gap, or running text."""
    gap = cells.hull([lower])[1] - cells.hull([upper])[3]
    return gap > 3 * lower[0].size or (len(lower) == 1 and len(lower[0].text.split()) > 14)


def _heading(rows: Sequence[Row], start: int) -> int:
    """The first of up to four rows over the numbers that look like headings of columns."""
    first = start
    while first > 0 and start - first < 4:
        above = rows[first - 1]
        if _broken(above, rows[first]) or any(_caption(line) for line in above):
            break
        if len(above) == 1 and (above[0].box[0] < cells.hull(rows[start : start + 1])[0] + 5):
            break  # a heading of the section, or its last sentence
        first -= 1
    return first


# --- what is one ------------------------------------------------------------------------------------------------


def _table(
    region: Box, lines: Sequence[Line], prose: frozenset[Line], rules: _Rules, layout: PageLayout
) -> Table | None:
    """The region's cells, when they are a table's."""
    inside = _inside(region, lines)
    if not inside or _pictured(region, inside, layout) or sum(line in prose for line in inside) > 0.2 * len(inside):
        return None
    rows = cells.levels(inside)
    near = grown(region, 2)
    upright = [
        rule[0]
        for rule in rules.upright
        if coverage(rule, near) > 0.9 and rule[3] - rule[1] > 0.5 * (region[3] - region[1])
    ]
    across = cells.columns(rows, [x for x in upright if region[0] + 5 < x < region[2] - 5])
    grid = cells.fill(rows, across)
    if not _tabular(grid):
        return None
    return Table(hull([region, cells.hull(rows)]), tuple(map(tuple, cells.merged(grid))))


def _tabular(grid: Sequence[Sequence[str]]) -> bool:
    """Two columns at least that are filled in several rows, with little text in each cell."""
    width = len(grid[0]) if grid else 0
    if width < 2 or len(grid) < 2:
        return False
    counts = [sum(bool(row[column]) for row in grid) for column in range(width)]
    several = [row for row in grid if sum(map(bool, row)) > 1]
    words = [len(cell.split()) for row in grid for cell in row if cell]
    return (
        sum(count >= 2 for count in counts) >= 2
        and len(several) >= max(2, 0.4 * len(grid))
        and sum(counts) >= 0.35 * width * len(grid)
        and sum(words) / len(words) < 9
    )


def _pictured(region: Box, inside: Sequence[Line], layout: PageLayout) -> bool:
    """Whether a picture or a chart fills the region."""
    page = layout.width * layout.height
    for raster in layout.rasters:
        if coverage(region, raster.box) > 0.4 and area(raster.box) < 0.8 * page:
            return True
    strokes = sum(not d.rectangle and coverage(d.box, region) > 0.9 for d in layout.drawings)
    return strokes > 8 and strokes > 0.3 * len(inside)
