"""The tables of a page, by geometry alone.

In: a `PageLayout`. Out: `Table`s with the text of their cells. `table_regions` proposes regions, the most reliable
first; `table_cells` splits each into cells; here it is decided whether they make a table. When in doubt there is none,
because a false table takes its lines away from the running text.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from math import inf

from extractors.geometry import (
    area,
    boxes_touch,
    coverage,
    expand_box,
    height,
    horizontal_overlap,
    is_inside,
    merge_boxes,
    overlap_area,
    rotate_box,
    shorter_side,
    width,
)
from extractors.layout.charts import find_plots, is_picture
from extractors.layout.marks import bleeds
from extractors.layout.rules import RULE_THICKNESS, find_rules
from extractors.layout.tables.captioned import captioned_regions
from extractors.layout.tables.cells import read_cells
from extractors.layout.tables.lines import (
    Row,
    count_columns,
    find_prose,
    group_rows,
    is_number,
    is_value,
    lines_inside,
    row_middle,
)
from extractors.layout.tables.notes import find_notes, find_units
from extractors.layout.tables.pieces import cut_at_rules, cut_lines
from extractors.layout.tables.regions import (
    MAX_CELL_ROWS,
    MIN_TEXT_COLUMNS,
    TablePage,
    is_set_in_columns,
    table_regions,
)
from extractors.layout.tables.splits import split_region
from extractors.page import Drawing, Line, PageLayout, middle
from extractors.table_grid import body_rows, column_headers
from extractors.types import Box, TableGrid

_LISTING = re.compile(r"(?:algorithm|listing|procedure)\s+\d", re.IGNORECASE)
_PAGE_NUMBER, _FOOT = re.compile(r"\d{1,4}"), 0.75  # the second: share of the page's height
_WORD = re.compile(r"\d|\w{3}")
_DIRECTIONS = (0, 270, 90)  # of the text, see `Line.angle`; tables upside down are not printed
_MIN_LINES, _MIN_LINE_SHARE = 4, 0.5  # of the page, that run in one direction

_MAX_IN_PLOT, _TICK_LABEL_GAP = 0.5, 6.0  # share of a region within the axes of plots; points below an axis
_MAX_SHARED = 0.1  # share of a region in an earlier table from which it is that table
# Two regions are parts of one table, one above the other.
_ALIGNED, _SAME_WIDTH = 0.8, 0.7  # shared width by the narrower; narrower by wider
_MOSTLY_VALUES = 0.5  # share of the rows around a part that was found first, with several values
_MAX_PART_GAP = 12.0  # points without text between them

# Rules of a region.
_REGION_MARGIN = 2.0  # points by which rules may reach out of the region
_MIN_LEVEL_RULE, _MIN_UPRIGHT_RULE = 0.7, 0.5  # shares of the region's width and height
_CELL_GAP = 1.0  # points between two cells
_FRAME = 5.0  # points from the region's edge: the table's own frame
_MIN_GRID_RULES = 2  # inner rules, level and upright ones: fewer divide a box

# What makes cells a table. Shares of the lines, rows or cells.
_MAX_PROSE = 0.4  # lines of running text, except in a ruled grid
_MIN_CELLS = 8  # smaller grids are mostly headings and forms
_MIN_SHARED_ROWS, _MIN_FILLED = 0.4, 0.35  # rows with several cells; cells with text
_MIN_NUMBERS = 0.1  # cells
_MAX_RULED_WORDS, _MAX_WORDS, _MAX_LIST_WORDS = 40, 9, 4.5  # mean words a cell; the last: two columns, no numbers

_BACKGROUND = 0.95  # share of the page under a rectangle that is no cell


@dataclass(frozen=True, slots=True)
class Table:
    box: Box
    grid: TableGrid
    """At least two rows and columns."""
    has_header: bool = True
    """False when nothing sets the first row apart: the table may continue one on the page before."""
    label: str = ""
    caption: str = ""
    title: str = ""
    """The lines above it that are no caption: its title, and what its amounts are in."""
    notes: tuple[str, ...] = ()
    """The lines of its footnotes, which are within the box."""
    ocr: bool = False


def find_tables(layout: PageLayout) -> list[Table]:
    """The tables of a page from top to bottom, also of a page printed sideways. They do not overlap."""
    for angle in _DIRECTIONS:
        lines = [line for line in layout.lines if line.visible and line.text and line.angle == angle]
        if len(lines) >= _MIN_LINES and len(lines) > _MIN_LINE_SHARE * len(layout.lines):
            drawings = _cells_and_rules(d for d in layout.drawings if not _is_background(d, layout))
            upright = replace(layout, lines=tuple(lines), drawings=tuple(drawings)).rotated(-angle % 360)
            pieces, dashes = cut_lines(upright.lines)
            upright = replace(upright, lines=tuple(pieces))
            level, rules = find_rules(upright.drawings)
            drawn = [d for d in upright.drawings if d.stroked or shorter_side(d.box) <= RULE_THICKNESS]
            plots = find_plots(upright.drawings)
            page = TablePage(upright, find_prose(pieces), (*level, *dashes), rules, find_rules(drawn), tuple(plots))
            found = _find_upright_tables(page)
            return [replace(t, box=rotate_box(t.box, angle, upright.width, upright.height)) for t in found]
    return []


def _cells_and_rules(drawings: Iterable[Drawing]) -> Iterator[Drawing]:
    """The paths, and in place of each with several cells or rules, those. One around all others frames them."""
    for drawing in drawings:
        if not drawing.parts or drawing.box in drawing.parts or not _are_cells_or_rules(drawing.parts):
            yield drawing
        else:
            yield from (replace(drawing, box=part, items=1, rectangle=True, parts=()) for part in drawing.parts)


def _are_cells_or_rules(parts: Sequence[Box]) -> bool:
    """Whether the thick ones touch each other, as cells do; the bars of a chart stand apart."""
    thick = [part for part in parts if shorter_side(part) > RULE_THICKNESS]
    return all(any(boxes_touch(expand_box(part, _CELL_GAP), x) for x in thick if x is not part) for part in thick)


def _is_background(drawing: Drawing, layout: PageLayout) -> bool:
    return area(drawing.box) >= _BACKGROUND * layout.area or bleeds(drawing, layout)


def _find_upright_tables(page: TablePage) -> list[Table]:
    found: list[Table] = []
    rows = group_rows(page.layout.lines)
    captioned = captioned_regions(page.level_rules, page.layout.lines)
    regions = chain(zip(table_regions(page), repeat(False)), zip(captioned, repeat(True)))
    for region, is_captioned in regions:
        shared = [table for table in found if overlap_area(region, table.box) > _MAX_SHARED * area(region)]
        if shared and not (len(shared) == 1 and _goes_on(shared[0].box, region, rows)):
            continue
        beside = next((table for table in shared or found if _are_one_table(table.box, region, page)), None)
        if beside and len(split_region(merge_boxes([region, beside.box]), rows, page.prose)) > 1:
            beside = None
        whole = _table(merge_boxes([region, beside.box]), page) if beside else None
        table = whole or (None if shared else _table(region, page, is_captioned=is_captioned))
        others = [other for other in found if not whole or other is not beside]
        if table and not any(overlap_area(table.box, other.box) > 0 for other in others):
            found = [*others, table]
    return sorted(_with_notes(found, page) if found else (), key=lambda table: (table.box[1], table.box[0]))


def _goes_on(table: Box, region: Box, rows: Sequence[Row]) -> bool:
    """Whether the rows of a region around a table that was found in it are mostly rows of values."""
    around = (lines_inside(region, row) for row in rows if not lines_inside(table, row))
    more = [row for row in around if row]
    with_values = sum(sum(is_value(line.text) for line in row) > 1 for row in more)
    return with_values > max(1, _MOSTLY_VALUES * len(more))


def _with_notes(tables: Sequence[Table], page: TablePage) -> list[Table]:
    """The tables with their footnotes and units."""
    lines = [line for line in page.layout.lines if not any(line.belongs_to(table.box) for table in tables)]
    noted = []
    for table in tables:
        notes, units = find_notes(table.box, lines, page.prose), find_units(table.box, lines)
        box = merge_boxes([table.box, *(line.box for line in (*notes, *units))])
        if not any(overlap_area(box, other.box) > 0 for other in tables if other is not table):
            texts = (*table.notes, *(line.text for line in notes))
            title = " ".join([*(line.text for line in units), table.title])
            table = replace(table, box=box, notes=texts, title=title.strip())
        noted.append(table)
    return noted


def _are_one_table(a: Box, b: Box, page: TablePage) -> bool:
    """Whether two regions are one below the other, alike in width, with nothing but table rows between them."""
    upper, lower = sorted((a, b), key=lambda box: box[1])
    narrower, wider = sorted((width(a), width(b)))
    if horizontal_overlap(a, b) < _ALIGNED or narrower < _SAME_WIDTH * wider:
        return False
    between = (min(a[0], b[0]), upper[3], max(a[2], b[2]), lower[1])
    has_text = any(line.belongs_to(between) for line in page.layout.lines)
    return is_set_in_columns(between, page) if has_text else height(between) < _MAX_PART_GAP


def _table(region: Box, page: TablePage, *, is_captioned: bool = False) -> Table | None:
    lines = _without_page_number(lines_inside(region, page.layout.lines), page.layout)
    if not lines or _LISTING.match(lines[0].text) or is_picture(region, lines, page.layout):
        return None
    if _is_part_of_plot(region, page.plots):
        return None
    rules, level, upright = _rules(region, page)
    ruled = is_captioned or (len(level) + len(upright) > _MIN_GRID_RULES and bool(level) and bool(upright))
    borders = [rule for rule in page.upright_rules if is_inside(rule, region, _REGION_MARGIN)]
    framed = all(any(abs(rule[0] - x) < _FRAME for rule in borders) for x in (region[0], region[2]))
    max_rows = inf if framed or _has_header_over_text(lines, level, page) else MAX_CELL_ROWS
    ruled = ruled or (len(level) > 1 and _has_rule_below_each_row(lines, level, max_rows))
    if not ruled and sum(line in page.prose for line in lines) > _MAX_PROSE * len(lines):
        return None
    drawn = [[rule for rule in some if is_inside(rule, region, _REGION_MARGIN)] for some in page.lines_drawn]
    cells = read_cells(cut_at_rules(lines, borders), rules, upright, region, borders, drawn)
    if not _is_tabular(cells.grid, ruled):
        return None
    box = merge_boxes([region, *(line.box for line in lines)])
    return Table(box, cells.grid, cells.has_header, title=" ".join(cells.titles), notes=cells.notes)


def _is_part_of_plot(region: Box, plots: Sequence[Box]) -> bool:
    """Whether a region lies in plots, or has an axis, perhaps right above its first row, which names the ticks."""
    if sum(coverage(region, plot) for plot in plots) > _MAX_IN_PLOT:
        return True
    below = (region[0], region[1] - _TICK_LABEL_GAP, region[2], region[3])
    return any(is_inside(axis, below, _REGION_MARGIN) for axis in plots)


def _without_page_number(lines: Sequence[Line], layout: PageLayout) -> Sequence[Line]:
    """The lines of a region without a number that stands alone below them in the middle of the page, at its foot."""
    last = group_rows(lines)[-1] if lines else []
    if len(last) != 1 or not _PAGE_NUMBER.fullmatch(last[0].text) or last[0].box[1] < _FOOT * layout.height:
        return lines
    is_centred = abs(last[0].box[0] + last[0].box[2] - layout.width) / 2 < last[0].size / 2
    return [line for line in lines if line is not last[0]] if is_centred else lines


def _rules(region: Box, page: TablePage) -> tuple[list[Box], list[float], list[float]]:
    """The level rules of a region, the y of the long ones and the x of the long upright ones without its frame."""
    x0, y0, x1, y1 = region
    level = [rule for rule in page.level_rules if is_inside(rule, region, _REGION_MARGIN)]
    upright = [rule for rule in page.upright_rules if is_inside(rule, region, _REGION_MARGIN)]
    ys = sorted(r[1] for r in level if width(r) > _MIN_LEVEL_RULE * width(region))
    xs = sorted(r[0] for r in upright if height(r) > _MIN_UPRIGHT_RULE * height(region))
    return level, [y for y in ys if y0 + _FRAME < y < y1 - _FRAME], [x for x in xs if x0 + _FRAME < x < x1 - _FRAME]


def _has_header_over_text(lines: Sequence[Line], rules: Sequence[float], page: TablePage) -> bool:
    """Whether the lines above the first rule are no running text, and the others stand in several columns."""
    header = [line for line in lines if rules and middle(line) < rules[0]]
    if not header or any(line in page.prose for line in header):
        return False
    return count_columns(group_rows([line for line in lines if line not in header])) >= MIN_TEXT_COLUMNS


def _has_rule_below_each_row(lines: Sequence[Line], rules: Sequence[float], max_rows: float) -> bool:
    """Whether there are rows of text in columns between every two of the level `rules`, at most `max_rows` of them."""
    bands: list[list[Row]] = [[] for _ in range(len(rules) + 1)]
    for row in group_rows(lines):
        bands[bisect_left(rules, row_middle(row))].append(row)
    return all(len(band) <= max_rows and any(len(row) > 1 for row in band) for band in bands)


def _is_tabular(grid: TableGrid, ruled: bool) -> bool:
    """Whether at least two columns are filled in several rows, with little text in a cell."""
    columns = grid.columns
    table = [column_headers(grid), *body_rows(grid).values()]
    rows = len(table)
    if columns < 2 or rows < 2 or columns * rows < _MIN_CELLS:
        return False
    filled = [cell.text for cell in grid.cells if cell.text]
    if not any(map(_WORD.search, filled)):  # the letters and stars above the bars of a chart
        return False
    filled_columns = sum(sum(bool(row[column]) for row in table) > 1 for column in range(columns))
    shared_rows = sum(sum(map(bool, row)) > 1 for row in table)
    has_numbers = sum(map(is_number, filled)) > _MIN_NUMBERS * len(filled)
    max_words = _MAX_RULED_WORDS if ruled else _MAX_WORDS if has_numbers or columns > 2 else _MAX_LIST_WORDS
    return (
        filled_columns > 1
        and shared_rows >= max(2, _MIN_SHARED_ROWS * rows)
        and sum(map(bool, chain(*table))) >= _MIN_FILLED * columns * rows
        and sum(len(cell.split()) for cell in filled) / len(filled) < max_words
    )
