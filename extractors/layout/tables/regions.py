"""Where on a page a table may be: in grids of rules, between level rules, at captions, in columns of numbers.

In: an upright page. Out: boxes, those found by the most reliable means first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from extractors.geometry import boxes_touch, coverage, expand_box, height, is_inside, merge_boxes, width
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.tables.growth import (
    MAX_CAPTION_ROW_WORDS,
    MAX_ROW_GAP,
    MIN_ROW_NUMBERS,
    first_heading,
    is_break,
    is_header,
    with_header_above,
    with_labels_and_headings,
    with_rows_below,
    without_section_title,
)
from extractors.layout.tables.lines import (
    Row,
    count_columns,
    count_words,
    group_rows,
    is_number,
    lines_inside,
    rows_box,
    without_list_mark,
)
from extractors.layout.tables.splits import is_table_caption, split_region, starts_caption
from extractors.page import Line, PageLayout
from extractors.types import Box

_MIN_WIDTH = 60.0  # points: narrower grids are check boxes and keys of charts
_MARGIN = 1.0  # points around the text of a table without rules

# Grids. Lengths in points.
_MAX_RULES = 800  # more are hatching or a plot
_CONTACT = 2.0  # between rules that cross
_FRAME, _SAME_PLACE = 5.0, 3.0  # distance of an inner rule from the frame; rules closer than this are one
_MIN_GRID_ROWS = 2  # of text: one may be every other row of a larger table
_MIN_GRID_RULES = 3  # level rules at different heights: fewer make a frame

# Between level rules.
_SAME_END = 4.0  # points by which the ends of rules of one table may differ
_WITHIN = 0.95  # share of a grid within the rules of a larger table
_HEAD_AND_FOOT = 0.95  # share of a complete table between two rules that only frame the page
_MAX_EMPTY_STRIP = 30.0  # points between two rules without text
_BESIDE = 0.2  # share of a line's width between the ends of the rules
_MAX_ROW_HEIGHT = 2.5  # text sizes between two rules that hold one row
MAX_CELL_ROWS = 6  # lines of running text side by side that are cells of one row rather than columns of a page
MIN_TEXT_COLUMNS = 3  # from which text side by side is a table however long it is, if its header has as many
_MAX_STRIP_PROSE, _MIN_SHARED_ROWS = 0.2, 0.25  # shares of the lines that are running text, of rows of several cells
_MAX_HEADING_ROWS, _MAX_HEADING_WORDS = 2, 11  # a heading between rules

# At captions, in columns of numbers.
_MIN_ROWS = 3  # two rows in columns are common by chance
_MAX_HEADING_GAP = 5.0  # text sizes between a column of numbers and a heading beside it; farther left is another text
_MAX_TEXT_ROWS, _MAX_SINGLE_ROWS = 12, 3  # between two rows of numbers: all rows, rows of one cell


@dataclass(frozen=True, slots=True)
class TablePage:
    """What tables are made of on an upright page."""

    layout: PageLayout
    prose: frozenset[Line]  # the lines that are running text
    level_rules: tuple[Box, ...]
    upright_rules: tuple[Box, ...]
    lines_drawn: tuple[tuple[Box, ...], tuple[Box, ...]] = ((), ())  # the same without the sides of mere fillings
    plots: tuple[Box, ...] = ()  # boxes of axes with ticks


def table_regions(page: TablePage) -> Iterator[Box]:
    """Boxes that may be tables, the most reliable first."""
    lines = [line for line in page.layout.lines if line not in page.prose]
    rows = group_rows(lines)
    boxes = _between_rules(page)
    for grid in _grids(page):
        region = with_rows_below(grid, rows)
        if any(_is_shaded_part(grid, box, page) for box in boxes):
            continue
        if not is_header(grid, rows) and sum(bool(lines_inside(region, row)) for row in rows) >= _MIN_GRID_ROWS:
            yield with_header_above(region, rows)
    between = [with_header_above(with_labels_and_headings(box, rows), rows) for box in boxes]
    headers = [is_header(box, rows) for box in between]
    without_grid = chain(
        (box for box, is_only_header in zip(between, headers, strict=True) if not is_only_header),
        _at_captions(lines),
        _columns_of_numbers(rows),
        (box for box, is_only_header in zip(between, headers, strict=True) if is_only_header),
    )
    all_rows = group_rows(page.layout.lines)
    for region in without_grid:
        yield from split_region(without_section_title(region, rows), all_rows, page.prose)


def _grids(page: TablePage) -> Iterator[Box]:
    """The boxes of rules that cross, with several rows and upright rules inside: one in a frame, more without a frame.

    A single one without a frame may be the side of a shaded column.
    """
    rules = (*page.level_rules, *page.upright_rules)
    groups: list[list[Box]] = []
    for rule in rules if len(rules) <= _MAX_RULES else ():
        near = expand_box(rule, _CONTACT)
        touching = [group for group in groups if any(boxes_touch(near, other) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([rule, *(other for group in touching for other in group)])
    for group in _join_stacked(groups, page):
        box = merge_boxes(group)
        upright = {round(rule[0] / _SAME_PLACE) for rule in group if width(rule) <= RULE_THICKNESS}
        inner = sum(box[0] + _FRAME < _SAME_PLACE * x < box[2] - _FRAME for x in upright)
        heights = {round(rule[1] / _SAME_PLACE) for rule in group if height(rule) <= RULE_THICKNESS}
        has_columns = inner > 1 or (inner == 1 and len(upright) > 2)
        if has_columns and len(heights) >= _MIN_GRID_RULES and width(box) > _MIN_WIDTH:
            yield box


def _join_stacked(groups: Sequence[list[Box]], page: TablePage) -> list[list[Box]]:
    """The groups of rules, with those joined of the same columns between which only labels of groups stand.

    The columns are those between lines: shades of single rows have sides as well.
    """
    drawn = frozenset(page.lines_drawn[1])
    joined = [*groups]
    large = [n for n, group in enumerate(groups) if len(group) > _MIN_GRID_RULES]
    boxes, columns = {n: merge_boxes(groups[n]) for n in large}, {n: _inner_places(groups[n], drawn) for n in large}
    uppers: list[int] = []
    for n in sorted((n for n in large if columns[n]), key=lambda n: boxes[n][1]):
        alike = (m for m in uppers if columns[m] == columns[n] and _have_same_ends(boxes[m], boxes[n]))
        upper = next((m for m in alike if _are_labels_between(boxes[m], boxes[n], page)), None)
        if upper is None:
            uppers.append(n)
        else:
            boxes[upper] = merge_boxes([boxes[upper], boxes[n]])
            joined[upper], joined[n] = [*joined[upper], *joined[n]], []
    return [group for group in joined if group]


def _are_labels_between(upper: Box, lower: Box, page: TablePage) -> bool:
    """Whether one text that begins on the left, or several with rules between them, is all between two boxes."""
    gap = (lower[0], upper[3], lower[2], lower[1])
    between = lines_inside(gap, page.layout.lines) if height(gap) > 0 else []
    if not between or any(map(starts_caption, between)):
        return False
    rules = {round(rule[1] / _SAME_PLACE) for rule in page.level_rules if is_inside(rule, gap, -_CONTACT)}
    return len(between) == len(rules) + 1 and all(
        height(gap) < _MAX_ROW_HEIGHT * len(between) * line.size and abs(line.box[0] - lower[0]) < line.size
        for line in between
    )


def _inner_places(rules: Sequence[Box], drawn: frozenset[Box]) -> list[int]:
    """Where the upright lines within the box of some rules stand, from left to right."""
    box = merge_boxes(rules)
    places = {round(rule[0] / _SAME_PLACE) for rule in rules if rule in drawn}
    return sorted(x for x in places if box[0] + _FRAME < _SAME_PLACE * x < box[2] - _FRAME)


def _is_shaded_part(grid: Box, box: Box, page: TablePage) -> bool:
    """Whether a grid is nothing but some shaded rows of the table in a box, of which the header is shaded as well."""
    level, upright = page.lines_drawn
    top = (box[0], box[1] - _CONTACT, box[2], box[1] + _CONTACT)
    is_drawn = any(boxes_touch(rule, top) for rule in level) or any(boxes_touch(rule, grid) for rule in upright)
    return not is_drawn and coverage(grid, box) > _WITHIN > coverage(box, grid)


def _between_rules(page: TablePage) -> list[Box]:
    """Boxes between level rules of one width, as far down as the text between them is set in columns."""
    runs: list[list[Box]] = []
    left = [rule for rule in page.level_rules if width(rule) > _MIN_WIDTH]
    while left:
        first = left[0]
        stack = [rule for rule in left if _have_same_ends(rule, first)]
        left = [rule for rule in left if rule not in stack]
        stack.sort(key=lambda rule: rule[1])
        runs.append(stack[:1])
        for upper, lower in pairwise(stack):
            above = (first[0], runs[-1][-2][1], first[2], upper[3]) if len(runs[-1]) > 1 else None
            if is_set_in_columns((first[0], upper[1], first[2], lower[3]), page, above):
                runs[-1].append(lower)
            else:
                runs.append([lower])
    runs = [_without_text_below(run, page) for run in runs if len(run) > 1]
    found = [(merge_boxes(run), len(run)) for run in runs]
    # Two rules at a page's head and foot may enclose a complete table. Rules of a part of the columns are within it.
    complete = [box for box, n in found if n > 2]
    whole = (box for box, n in found if n > 2 or not any(coverage(other, box) > _HEAD_AND_FOOT for other in complete))
    return sorted(whole, key=width, reverse=True)


def _without_text_below(run: Sequence[Box], page: TablePage) -> list[Box]:
    """The rules without the last ones far below text alone: notes, and the page number above a rule at its foot."""
    kept = list(run)
    while len(kept) > 2:
        strip = (kept[-2][0], kept[-2][1], kept[-2][2], kept[-1][3])
        rows = group_rows(lines_inside(strip, page.layout.lines))
        is_tight = bool(rows) and height(strip) < _MAX_ROW_HEIGHT * rows[0][0].size * len(rows)
        if not rows or is_tight or any(len(without_list_mark(row)) > 1 for row in rows):
            break
        kept.pop()
    return kept


def _have_same_ends(a: Box, b: Box) -> bool:
    return abs(a[0] - b[0]) < _SAME_END and abs(a[2] - b[2]) < _SAME_END


def is_set_in_columns(strip: Box, page: TablePage, above: Box | None = None) -> bool:
    """Whether the strip between two rules belongs to a table: rows of several cells, or a short heading.

    Long text side by side is a row of cells, and no page of several columns, if the strip `above` has columns as well.
    """
    lines = lines_inside(strip, page.layout.lines)
    rows = [without_list_mark(row) for row in group_rows(lines)]
    if not rows:
        return height(strip) < _MAX_EMPTY_STRIP
    if len(rows) == 1 and height(strip) < _MAX_ROW_HEIGHT * lines[0].size and not starts_caption(rows[0][0]):
        return True
    prose = [line for line in page.prose if strip[1] < line.box[1] and line.box[3] < strip[3]]
    between = [min(line.box[2], strip[2]) - max(line.box[0], strip[0]) > _BESIDE * width(line.box) for line in prose]
    columns = count_columns(rows)
    columns_above = count_columns(group_rows(lines_inside(above, page.layout.lines))) if above else 0
    is_row = columns > 1 and len(rows) <= MAX_CELL_ROWS and len(rows[0]) > 1
    is_row = is_row or min(columns, columns_above) >= MIN_TEXT_COLUMNS
    if any(starts_caption(row[0]) for row in rows) or (not is_row and sum(between) > _MAX_STRIP_PROSE * len(rows)):
        return False
    shared_rows = sum(len(row) > 1 for row in rows) >= _MIN_SHARED_ROWS * len(rows)
    heading = len(rows) <= _MAX_HEADING_ROWS and all(count_words(row[0]) <= _MAX_HEADING_WORDS for row in rows)
    return shared_rows or heading or columns >= MIN_TEXT_COLUMNS or (columns > 1 and len(rows) <= MAX_CELL_ROWS)


def _at_captions(lines: Sequence[Line]) -> Iterator[Box]:
    """Rows of several cells right under the caption of a table, or right above it."""
    for caption in filter(is_table_caption, lines):
        below = [line for line in lines if line.box[1] > caption.box[1] + 1 and line is not caption]
        above = [line for line in lines if line.box[3] < caption.box[3] - 1]
        for rows in (group_rows(below), group_rows(above)[::-1]):
            table = _rows_next_to(caption, rows)
            if len(table) >= _MIN_ROWS:
                yield expand_box(rows_box(table), _MARGIN)
                break


def _rows_next_to(caption: Line, rows: Sequence[Row]) -> list[Row]:
    """The rows next to a caption that are set in columns. Further lines of the caption itself are skipped."""
    table: list[Row] = []
    last = caption.box
    for row in rows:
        box = rows_box([row])
        too_far = max(box[1] - last[3], last[1] - box[3]) > MAX_ROW_GAP * caption.size
        if too_far or (table and len(row) == 1 and count_words(row[0]) > MAX_CAPTION_ROW_WORDS):
            break
        if table or len(row) > 1:
            table.append(row)
        last = box
    while table and len(table[-1]) == 1:
        table.pop()
    return table


def _columns_of_numbers(rows: Sequence[Row]) -> Iterator[Box]:
    """Groups of rows with two numbers or more each, with the headings above them."""
    groups: list[list[int]] = [[]]
    for n, row in enumerate(rows):
        group = groups[-1]
        if group and (_are_too_many(rows[group[-1] + 1 : n]) or is_break(rows[n - 1], row)):
            groups.append([])
        if sum(is_number(line.text) for line in row) >= MIN_ROW_NUMBERS:
            groups[-1].append(n)
    for group in groups:
        if len(group) >= _MIN_ROWS:
            box = rows_box(rows[group[0] : group[-1] + 1])
            above = [line.box for row in rows[first_heading(rows, group[0]) : group[0]] for line in row]
            near = _MAX_HEADING_GAP * rows[group[0]][0].size
            headings = [other for other in above if other[0] < box[2] + near and other[2] > box[0] - near]
            yield expand_box(merge_boxes([box, *headings]), _MARGIN)


def _are_too_many(rows: Sequence[Row]) -> bool:
    """Whether these rows without numbers are more than the labels and text cells of one table."""
    return len(rows) > _MAX_TEXT_ROWS or sum(len(row) == 1 for row in rows) > _MAX_SINGLE_ROWS
