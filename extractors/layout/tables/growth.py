"""Regions of tables, grown by the rows and labels around their rules: headings above, labels on the left, totals below.

In: a region and the rows of its page that are no running text.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from extractors.geometry import merge_boxes, width
from extractors.layout.tables.lines import (
    Columns,
    Row,
    column_of,
    count_words,
    find_columns,
    is_number,
    is_value,
    join_signs,
    lines_inside,
    rows_box,
)
from extractors.layout.tables.notes import is_unit
from extractors.layout.tables.splits import is_table_caption, starts_caption
from extractors.page import Line
from extractors.types import Box

MIN_ROW_NUMBERS = 2  # one number a row is a list, such as a table of contents
MAX_ROW_GAP = 3.0  # text sizes between two rows of one table
MAX_CAPTION_ROW_WORDS = 8  # of a row of one cell within the table
_SAME_END = 4.0  # points by which the ends of numbers in one column may differ
# Labels on the left of rules that run only over the numbers: shares of the rows.
_MOSTLY_NUMBERS, _MIN_LABELLED_ROWS = 0.5, 0.6  # with numbers between the rules, with a label on the left
_MAX_REFERENCE = 5  # characters between a label and its numbers: `12(a)` names a note
_MIN_NUMBER_ROWS = 2  # below, the rules are not about numbers and nothing is added
_MAX_HEADER_GAP, _MIN_HEADED = 0.8, 0.6  # text sizes above the rules; share of the columns
_MIN_OVER = 0.6  # share of a heading over its column; numbers set flush right leave white on their left
_MAX_HEADER_VALUES = 0.25  # share of the pieces of a header: numbers of levels and notes
_MAX_HEADING_SIZE = 1.25  # multiples of the text size of the table; larger is a title
_HEADING_INDENT = 5.0  # points by which a heading may start left of its column
_MAX_ROWS_BELOW = 2  # below a header, in which its numbers begin
# Over the first row of numbers: rows of headings, and of those with headings of many lines.
_MAX_HEADING_ROWS, _MAX_HEADING_LINES, _MAX_LINE_GAP = 4, 6, 0.3  # the last: text sizes between such lines
_MIN_TITLED_ROWS, _MIN_TITLE_GAP = 3, 1.0  # rows under the title of a section; text sizes between them
_MAX_ROW_WORDS = 14  # of a row of one cell; more are running text


def with_labels_and_headings(region: Box, rows: Sequence[Row]) -> Box:
    """A region with the labels on its left and the headings above it, where the rules run only over the numbers."""
    held = [n for n, row in enumerate(rows) if lines_inside(region, row)]
    left = [[line for line in rows[n] if line.box[2] < region[0]] for n in held]
    labelled = sum(map(bool, left)) >= _MIN_LABELLED_ROWS * len(held)
    has_text = any(len(line.text) > _MAX_REFERENCE for labels in left for line in labels[1:])
    numbers = sum(any(is_number(line.text) for line in lines_inside(region, rows[n])) for n in held)
    if numbers > _MOSTLY_NUMBERS * len(held) and labelled and not has_text:
        region = merge_boxes([region, *(line.box for labels in left for line in labels)])
    if not numbers:
        return region
    first = _last_row(rows, held, -1) if _numbers(rows[held[0]]) else held[0]
    first = first_heading(rows, first) if numbers >= _MIN_NUMBER_ROWS else first
    around = [*rows[first : held[0]], *rows[held[-1] + 1 : _last_row(rows, held) + 1]]
    boxes = [line.box for row in around for line in row]
    return merge_boxes([region, *(box for box in boxes if region[0] - _HEADING_INDENT < box[0] < region[2])])


def with_header_above(region: Box, rows: Sequence[Row]) -> Box:
    """A region with the headings above its upper rule, if the lowest stand over most columns, each over one."""
    rows = _rows_of_column(rows, region)
    held = [n for n, row in enumerate(rows) if lines_inside(region, row)]
    if not held or not held[0]:
        return region
    inside = [lines_inside(region, rows[n]) for n in held]
    columns = find_columns([join_signs(row) for row in inside])
    columns[0], columns[-1] = (region[0], columns[0][1]), (columns[-1][0], region[2])
    above, start = rows[held[0] - 1], held[0] - 1
    is_near = -above[0].size / 2 < region[1] - rows_box([above])[3] < _MAX_HEADER_GAP * above[0].size
    if start and not stand_over(above, columns) and _is_next_line(rows, start):
        start -= 1  # the lowest line may be the last of only some headings
        above = sorted([*rows[start], *above], key=lambda line: line.box[0])
    if not is_near or not stand_over(above, columns):
        return region
    size = max(line.size for row in inside for line in row)
    values = sum(is_value(line.text) for line in above)
    whole = replace(above[0], text=" ".join(line.text for line in above))  # words of a caption may be set far apart
    is_title = any(line.size > _MAX_HEADING_SIZE * size or starts_caption(line) for line in (*above, whole))
    if is_title or values > _MAX_HEADER_VALUES * len(above):
        return region
    return merge_boxes([region, rows_box(rows[first_heading(rows, start) : held[0]])])


def _is_next_line(rows: Sequence[Row], n: int) -> bool:
    """Whether a row follows the one above it as closely as the lines of one heading follow each other."""
    return rows_box([rows[n]])[1] - rows_box([rows[n - 1]])[3] < _MAX_LINE_GAP * rows[n][0].size


def _rows_of_column(rows: Sequence[Row], region: Box) -> list[Row]:
    """The rows without the lines of another column, whose base lines may lie between those of this one."""
    own = ([line for line in row if line.box[0] < region[2] and line.box[2] > region[0]] for row in rows)
    return [row for row in own if row]


def stand_over(headings: Row, columns: Columns) -> bool:
    """Whether headings stand over most columns, each over one; several over one column are pieces of one text."""
    over = [column_of(line, columns) for line in headings]
    for line, n in zip(headings, over, strict=True):
        shared = min(line.box[2], columns[n][1]) - max(line.box[0], columns[n][0])
        if shared <= _MIN_OVER * width(line.box):
            return False
    for (one, a), (other, b) in pairwise(zip(headings, over, strict=True)):
        if a == b and other.box[0] - one.box[2] >= one.size:
            return False
    return len(set(over)) >= max(2, _MIN_HEADED * len(columns))


def is_header(grid: Box, rows: Sequence[Row]) -> bool:
    """Whether a grid is only the shaded cells of a header, with the rows of numbers below it."""
    held = [n for n, row in enumerate(rows) if lines_inside(grid, row)]
    below = rows[held[-1] + 1 : held[-1] + 1 + _MAX_ROWS_BELOW] if held else []
    is_near = bool(below) and below[0][0].box[1] - grid[3] < below[0][0].size
    has_numbers = any(len(_numbers(row)) >= MIN_ROW_NUMBERS for row in below)
    return is_near and has_numbers and not any(_numbers(rows[n]) for n in held)


def without_section_title(region: Box, rows: Sequence[Row]) -> Box:
    """A region without a bold or large row at its top that stands over the first column only, and apart."""
    held = [inside for row in rows if (inside := lines_inside(region, row))]
    if len(held) < _MIN_TITLED_ROWS:
        return region
    title, first = held[:2]
    columns = find_columns(held[1:])
    gap = rows_box([first])[1] - rows_box([title])[3]
    is_title = all(line.bold or line.size > first[0].size for line in title) and gap > _MIN_TITLE_GAP * title[0].size
    others = [line.box[0] for row in held[1:] for line in row if len(columns) > 1 and line.box[0] > columns[1][0]]
    is_over_first = bool(others) and rows_box([title])[2] < min(others)
    return (region[0], rows_box([first])[1], *region[2:]) if is_title and is_over_first else region


def with_rows_below(region: Box, rows: Sequence[Row]) -> Box:
    held = [n for n, row in enumerate(rows) if lines_inside(region, row)]
    below = rows[held[-1] + 1 : _last_row(rows, held) + 1] if held else []
    boxes = [line.box for row in below for line in row]
    return merge_boxes([region, *(box for box in boxes if region[0] - _HEADING_INDENT < box[0] < region[2])])


def _last_row(rows: Sequence[Row], held: Sequence[int], step: int = 1) -> int:
    """The last of the rows below a region, or above it with a `step` of -1, that continue its numbers.

    They have as many, or most of them begin or end where its own do, and are no farther apart than one line; below,
    the label of a group may stand between. A total lies below the last shade or rule; a table that began on the page
    before may lie above the first.
    """
    last = held[-1] if step > 0 else held[0]
    size, count = rows[last][0].size, len(_numbers(rows[last]))
    own = [number.box for n in held for number in _numbers(rows[n])]
    left = rows_box([rows[n] for n in held])[0]
    while 0 <= last + step < len(rows):
        is_label = step > 0 and last + 2 < len(rows) and _is_label(rows[last + 1], left)
        n = last + step + is_label
        row, numbers = rows[n], _numbers(rows[n])
        gaps = [rows_box([b])[1] - rows_box([a])[3] for a, b in pairwise(rows[min(last, n) : max(last, n) + 1])]
        is_alike = len(numbers) == count >= MIN_ROW_NUMBERS and not is_label
        is_aligned = len(row) > 1 and 2 * sum(_ends_with(number.box, own) for number in numbers) > len(numbers)
        if max(gaps) > size or not numbers or not (is_alike or is_aligned):
            break
        last = n
    return last


def _ends_with(number: Box, others: Sequence[Box]) -> bool:
    """Whether a number begins or ends where another one does."""
    return any(abs(number[0] - other[0]) < _SAME_END or abs(number[2] - other[2]) < _SAME_END for other in others)


def _is_label(row: Row, left: float) -> bool:
    """Whether a row can be the label of a group: a few words alone on the left."""
    is_short = len(row) == 1 and count_words(row[0]) <= MAX_CAPTION_ROW_WORDS and not starts_caption(row[0])
    return is_short and abs(row[0].box[0] - left) < _HEADING_INDENT and not is_number(row[0].text)


def _numbers(row: Row) -> list[Line]:
    return [line for line in row if is_number(line.text)]


def first_heading(rows: Sequence[Row], start: int) -> int:
    """The first of the rows above `start` that look like headings of columns; `start` if there are none."""
    left = rows_box([rows[start]])[0]
    for first in range(start, max(0, start - _MAX_HEADING_LINES), -1):
        above = rows[first - 1]
        is_label = len(above) == 1 and above[0].box[0] < left + _HEADING_INDENT
        over = next((row for row in rows[first - 2 :: -1] if len(row) > 1 or not is_unit(row[0])), above)
        is_section_title = is_label and (first < 2 or len(over) == 1 or is_break(rows[first - 2], above))
        if is_break(above, rows[first]) or any(map(is_table_caption, above)) or is_section_title:
            return first
        gap = rows_box([rows[first]])[1] - rows_box([above])[3]
        if start - first >= _MAX_HEADING_ROWS and gap > _MAX_LINE_GAP * above[0].size:
            return first
    return max(0, start - _MAX_HEADING_LINES)


def is_break(upper: Row, lower: Row) -> bool:
    """Whether a wide gap or running text separates two rows."""
    gap = rows_box([lower])[1] - rows_box([upper])[3]
    return gap > MAX_ROW_GAP * lower[0].size or (len(lower) == 1 and count_words(lower[0]) > _MAX_ROW_WORDS)
