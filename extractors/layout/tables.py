"""Tables of a page by geometry alone: between rules, in grids, under their captions, and in columns of numbers.

Rather none than a wrong one: a false table takes its lines away from the passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors.geometry import area, coverage, expand_box, horizontal_overlap, intersection, merge_boxes, rotate_box
from extractors.layout import table_cells as cells
from extractors.layout.table_regions import Page, in_columns, inside, page_of, regions
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box


@dataclass(frozen=True, slots=True)
class Table:
    box: Box
    rows: tuple[tuple[str, ...], ...]
    """At least two rows of at least two cells, all of the same length; the first is the header."""


def find_tables(layout: PageLayout) -> list[Table]:
    """The tables of a page, from top to bottom; also of a page whose text runs up or down. They do not overlap."""
    for angle in (0, 270, 90):  # text that runs so; 180 is not met in print
        lines = [line for line in layout.lines if line.visible and line.text and line.angle == angle]
        if len(lines) >= 4 and len(lines) > 0.5 * len(layout.lines):
            return _find(layout, lines) if angle == 0 else _turned(layout, lines, 360 - angle)
    return []


def _turned(layout: PageLayout, lines: Sequence[Line], angle: int) -> list[Table]:
    """The tables that stand upright once the page is rotated clockwise by `angle`, as boxes of the page as it is."""
    size = layout.width, layout.height
    upright = replace(
        layout,
        width=layout.height,
        height=layout.width,
        rasters=tuple(replace(one, box=rotate_box(one.box, angle, *size)) for one in layout.rasters),
        drawings=tuple(replace(one, box=rotate_box(one.box, angle, *size)) for one in layout.drawings),
    )
    found = _find(upright, [replace(line, box=rotate_box(line.box, angle, *size)) for line in lines])
    return [replace(table, box=rotate_box(table.box, 360 - angle, upright.width, upright.height)) for table in found]


def _find(layout: PageLayout, lines: Sequence[Line]) -> list[Table]:
    page = page_of(layout, lines)
    found: list[Table] = []
    for candidates in regions(page):
        for region in candidates:
            if any(area(intersection(region, table.box)) > 0.1 * area(region) for table in found):
                continue
            beside = next((table for table in found if _one_table(table.box, region, page)), None)
            table = _table(merge_boxes([region, beside.box]), page) if beside else _table(region, page)
            others = [other for other in found if other is not beside]
            if table and not any(area(intersection(table.box, other.box)) > 0 for other in others):
                found = [*others, table]
    return sorted(found, key=lambda table: (table.box[1], table.box[0]))


def _one_table(a: Box, b: Box, page: Page) -> bool:
    """Whether two regions are parts of one table: below each other, alike in width, nothing else between them."""
    upper, lower = sorted((a, b), key=lambda box: box[1])
    if horizontal_overlap(a, b) < 0.8 or min(a[2] - a[0], b[2] - b[0]) < 0.7 * max(a[2] - a[0], b[2] - b[0]):
        return False
    strip = (min(a[0], b[0]), upper[3], max(a[2], b[2]), lower[1])
    return in_columns(strip, page) if inside(strip, page.lines) else strip[3] - strip[1] < 12


def _table(region: Box, page: Page) -> Table | None:
    """The region's cells, when they are a table's."""
    lines = inside(region, page.lines)
    if not lines or _pictured(region, lines, page.layout):
        return None
    rows = cells.levels(lines)
    level, upright = _rules_of(region, page)
    ruled = len(level) > 1 and bool(upright)
    if not ruled and sum(line in page.prose for line in lines) > 0.4 * len(lines):
        return None
    across = cells.columns(rows, upright)
    grid = cells.merged(cells.fill(cells.banded(rows, level), across))
    if not _tabular(grid, ruled):
        return None
    return Table(merge_boxes([region, cells.hull(rows)]), tuple(map(tuple, grid)))


def _rules_of(region: Box, page: Page) -> tuple[list[float], list[float]]:
    """Heights of the rules across most of the region, and places of those down half of it; not of its frame."""
    x0, y0, x1, y1 = region
    near = expand_box(region, 2)
    level = [r for r in page.rules.level if coverage(r, near) > 0.9 and r[2] - r[0] > 0.7 * (x1 - x0)]
    upright = [r for r in page.rules.upright if coverage(r, near) > 0.9 and r[3] - r[1] > 0.5 * (y1 - y0)]
    return (
        sorted(r[1] for r in level if y0 + 5 < r[1] < y1 - 5),
        sorted(r[0] for r in upright if x0 + 5 < r[0] < x1 - 5),
    )


def _tabular(grid: Sequence[Sequence[str]], ruled: bool) -> bool:
    """Two columns at least, filled in several rows; little text in a cell, least without rules and numbers."""
    width = len(grid[0]) if grid else 0
    if width < 2 or len(grid) < 2 or width * len(grid) < 8:
        return False
    filled = [cell for row in grid for cell in row if cell]
    columns = sum(sum(bool(row[column]) for row in grid) > 1 for column in range(width))
    several = sum(sum(map(bool, row)) > 1 for row in grid)
    numbers = sum(map(cells.is_number, filled)) > 0.1 * len(filled)
    most_words = 40 if ruled else 9 if numbers or width > 2 else 4.5
    return (
        columns > 1
        and several >= max(2, 0.4 * len(grid))
        and len(filled) >= 0.35 * width * len(grid)
        and sum(len(cell.split()) for cell in filled) / len(filled) < most_words
    )


def _pictured(region: Box, lines: Sequence[Line], layout: PageLayout) -> bool:
    """Whether a picture or a chart fills the region."""
    page = layout.width * layout.height
    for raster in layout.rasters:
        if coverage(region, raster.box) > 0.4 and area(raster.box) < 0.8 * page:
            return True
    within = [drawing for drawing in layout.drawings if coverage(drawing.box, region) > 0.9]
    strokes = sum(not drawing.rectangle for drawing in within)
    return (strokes > 8 and strokes > 0.3 * len(lines)) or _bars(region, within)


def _bars(region: Box, within: Sequence[Drawing]) -> bool:
    """Bars of a chart: coloured shapes of many lengths, or one coloured shape that is no cell."""
    coloured = [d for d in within if d.filled and d.fill and max(d.fill) - min(d.fill) > 0.15]
    if any(not d.rectangle and area(d.box) > 0.08 * area(region) for d in coloured):
        return True
    shapes = [d.box for d in coloured if min(d.box[2] - d.box[0], d.box[3] - d.box[1]) > 3]
    return len({round((box[2] - box[0]) / 2) for box in shapes}) > max(3, 0.5 * len(shapes))
