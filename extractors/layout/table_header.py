"""The header of a table: how many of its rows it takes, and the complete header of every column.

A header may have several levels. A heading above several columns counts for each of them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from extractors.geometry import width
from extractors.layout.table_lines import Columns, Row, column_of, find_columns, is_number, middle, row_middle, rows_box
from extractors.page import Line
from extractors.types import Box, TableCell

LONG_RULE = 0.7  # share of the table's width; shorter ones are below a heading of several columns
_MAX_ROWS, _MAX_RULED_ROWS = 4, 8  # lines of a header, and of one with a rule below it
_MIN_BODY_NUMBERS = 0.3  # share of cells that are numbers in a body whose header is recognised by having none
_RULE_BELOW = 1.2  # text sizes from a heading down to the rule that shows its columns
_OVERLAP = 0.3  # share of a heading over a column from which it counts for it
_SAME_MIDDLE = 1.0  # text sizes by which the middles of a heading and of its columns may differ
_FRAME = 3.0  # points around the first row in which a rule is the table's upper frame

_YEAR = re.compile(r"^(?:19|20)\d\d$")


def drop_caption_rows(rows: Sequence[Row], rules: Sequence[float]) -> list[Row]:
    """The rows without those above the table's upper rule, which end its caption. `rules`: the y of long ones."""
    if len(rules) < 2 or rules[0] < rows_box(rows[:1])[1] + _FRAME:  # the first is the upper frame
        return list(rows)
    above = [row for row in rows if rows_box([row])[3] <= rules[0] + _FRAME]
    between = [row for row in rows if rules[0] < middle(row[0]) < rules[1]]
    is_caption = all(len(row) == 1 for row in above) and 0 < len(between) <= _MAX_RULED_ROWS
    return list(rows[len(above) :]) if is_caption and len(rows) - len(above) > 1 else list(rows)


def count_header_rows(rows: Sequence[Row], rules: Sequence[float]) -> int:
    """How many of the rows are the header: those above the first rule, in another font, or above the numbers.

    0 if nothing tells them from the others. `rules`: the y of long ones.
    """
    first, last = rows_box(rows[:1]), rows_box(rows[-1:])
    ends = [sum(middle(row[0]) < y for row in rows) for y in rules if first[1] + _FRAME < y < last[3] - _FRAME]
    if ends and 0 < ends[0] <= _MAX_RULED_ROWS and not _has_many_values(rows[: ends[0]]):
        count = ends[0]
        for end in ends[1:]:
            # A rule below headings of several columns, and another one below their columns' own.
            if not (count < end <= _MAX_RULED_ROWS and _pieces(rows[count:end]) > _pieces(rows[:count])):
                break
            if end == len(rows) or _has_many_values(rows[count:end]):
                break
            count = end
        return count
    return _rows_in_own_font(rows) or _rows_above_numbers(rows) or _rows_without_label(rows)


def may_be_header(row: Row) -> bool:
    """Whether the first row of a table that shows no header can be one: it has no values."""
    return not any(_is_value(line.text) for line in row)


def _is_value(text: str) -> bool:
    """Whether a cell is a number other than a year, which heads columns more often."""
    return is_number(text) and not _YEAR.match(text)


def _pieces(rows: Sequence[Row]) -> int:
    """The pieces of text in the fullest row."""
    return max(map(len, rows), default=0)


def _has_many_values(rows: Sequence[Row]) -> bool:
    lines = [line for row in rows for line in row]
    return sum(_is_value(line.text) for line in lines) > _MIN_BODY_NUMBERS * len(lines)


def _rows_in_own_font(rows: Sequence[Row]) -> int:
    """The number of first rows whose font is that of no other row; 0 if there is no such font."""
    fonts = [Counter(line.font for line in row).most_common(1)[0][0] for row in rows]
    count = next((n for n, font in enumerate(fonts) if font != fonts[0]), 0)
    is_own = 0 < count <= _MAX_ROWS and fonts[0] and fonts[0] not in fonts[count:]
    return count if is_own and not _has_many_values(rows[:count]) else 0


def _rows_above_numbers(rows: Sequence[Row]) -> int:
    """The number of first rows without numbers if the others are full of them, else 0."""
    count = next((n for n, row in enumerate(rows) if any(_is_value(line.text) for line in row[1:])), 0)
    if 0 < count <= _MAX_ROWS and _has_many_values(rows[count:]):
        # The last of them may be the title of a group of rows.
        while count > 1 and len(rows[count - 1]) == 1 and len(rows[count - 2]) > 1:
            count -= 1
        return count
    return 0


def _rows_without_label(rows: Sequence[Row]) -> int:
    """The number of first rows that leave the first column empty if no other row does."""
    columns = find_columns(rows)
    labelled = [any(column_of(line, columns) == 0 for line in row) for row in rows]
    count = labelled.index(True) if True in labelled else 0
    return count if count <= _MAX_ROWS and all(labelled[count:]) and len(rows) > count + 1 else 0


def header_cells(rows: Sequence[Row], columns: Columns, rules: Sequence[Box]) -> list[TableCell]:
    """The cells of a header, its levels from top to bottom; together they cover it."""
    levels: list[list[TableCell]] = []
    for n, row in enumerate(rows):
        if len(row) == 1 and n + 1 < len(rows) and _has_long_rule_between(row, rows[n + 1], columns, rules):
            levels.append([_header_cell(n, range(len(columns)), row[0].text)])
            continue
        taken = [_columns_below(line, columns) for line in row]
        lower = _extents(rows[n + 1 :], columns)
        cells: list[TableCell] = []
        for line, own in zip(row, taken, strict=True):
            others = {column for span in taken if span is not own for column in span}
            free = {column: extent for column, extent in lower.items() if column not in others}
            cells = _add_cell(cells, _header_cell(n, _span(line, own, columns, rules, free), line.text))
        levels.append(cells)
    return _fill_levels(levels, len(columns))


def _header_cell(row: int, columns: range, text: str) -> TableCell:
    return TableCell(row, columns[0], text.strip(), column_span=len(columns), header=True)


def _add_cell(cells: Sequence[TableCell], cell: TableCell) -> list[TableCell]:
    """The cells of one level with another one on their right; it shares no column with those before it."""
    before = cells[-1] if cells else None
    if before is None or before.column + before.column_span <= cell.column:
        return [*cells, cell]
    if before.column < cell.column:
        return [*cells[:-1], replace(before, column_span=cell.column - before.column), cell]
    if before.column + before.column_span < cell.column + cell.column_span:
        first = before.column + before.column_span
        return [*cells, replace(cell, column=first, column_span=cell.column + cell.column_span - first)]
    return [*cells[:-1], replace(before, text=f"{before.text} {cell.text}")]


def _fill_levels(levels: Sequence[Sequence[TableCell]], columns: int) -> list[TableCell]:
    """One cell for texts of the same columns that follow each other, and no empty places above or below them."""
    open_cells: list[TableCell | None] = [None] * columns  # the lowest cell of every column so far
    cells: list[TableCell] = []
    for level in levels:
        for cell in level:
            span = range(cell.column, cell.column + cell.column_span)
            above = open_cells[cell.column]
            if above and (above.column, above.column_span) == (cell.column, cell.column_span):
                cells.remove(above)
                cell = replace(above, text=f"{above.text} {cell.text}")
            cells.append(cell)
            for column in span:
                open_cells[column] = cell
    cells = [cell for cell in cells if cell.text]
    starts = sorted({cell.row for cell in cells})
    cells = sorted((replace(cell, row=starts.index(cell.row)) for cell in cells), key=lambda c: (c.row, c.column))
    return [_stretch_down(_stretch_up(cell, cells), cells, len(starts)) for cell in cells]


def _stretch_up(cell: TableCell, cells: Sequence[TableCell]) -> TableCell:
    above = [other.row for other in cells if other.row < cell.row and _share_columns(cell, other)]
    return cell if above else replace(cell, row=0, row_span=cell.row + 1)


def _stretch_down(cell: TableCell, cells: Sequence[TableCell], rows: int) -> TableCell:
    last = cell.row + cell.row_span - 1
    below = [other.row for other in cells if other.row > last and _share_columns(cell, other)]
    return replace(cell, row_span=min(below, default=rows) - cell.row)


def _share_columns(a: TableCell, b: TableCell) -> bool:
    return a.column < b.column + b.column_span and b.column < a.column + a.column_span


def _share_rows(a: TableCell, b: TableCell) -> bool:
    return a.row < b.row + b.row_span and b.row < a.row + a.row_span


def remove_column(cells: Sequence[TableCell], column: int, target: int) -> list[TableCell]:
    """The cells of a header without a column; a text that stands only above it moves to the column `target`."""
    kept: list[TableCell] = []
    moved = [cell for cell in cells if (cell.column, cell.column_span) == (column, 1)]
    for cell in cells:
        reaches = cell.column <= column < cell.column + cell.column_span
        if cell not in moved:
            first = cell.column - (cell.column > column)
            kept.append(replace(cell, column=first, column_span=cell.column_span - reaches))
    to_left = target < column
    for cell in moved:
        place = replace(cell, column=target if to_left else target - 1)
        over = [n for n, other in enumerate(kept) if _share_columns(other, place) and _share_rows(other, place)]
        if not over:
            kept.append(place)
        for n in over[:1]:
            texts = (kept[n].text, cell.text) if to_left else (cell.text, kept[n].text)
            kept[n] = replace(kept[n], text=" ".join(texts))
    return kept


def _has_long_rule_between(upper: Row, lower: Row, columns: Columns, rules: Sequence[Box]) -> bool:
    least = LONG_RULE * (columns[-1][1] - columns[0][0])
    return any(row_middle(upper) < rule[1] < row_middle(lower) and width(rule) > least for rule in rules)


def _extents(rows: Sequence[Row], columns: Columns) -> dict[int, tuple[float, float]]:
    """The extent of the headings over each column that has any."""
    extents: dict[int, tuple[float, float]] = {}
    for row in rows:
        for line in row:
            left, right = extents.get(column := column_of(line, columns), (line.box[0], line.box[2]))
            extents[column] = min(left, line.box[0]), max(right, line.box[2])
    return extents


def _columns_below(line: Line, columns: Columns) -> range:
    """The columns over which a heading stands."""
    least = _OVERLAP * (line.box[2] - line.box[0])
    over = [
        n
        for n, (x0, x1) in enumerate(columns)
        if (shared := min(line.box[2], x1) - max(line.box[0], x0)) > least or shared > 2 * _OVERLAP * (x1 - x0)
    ]
    return range(over[0], over[-1] + 1) if over else range(column_of(line, columns), column_of(line, columns) + 1)


def _span(
    line: Line, own: range, columns: Columns, rules: Sequence[Box], free: dict[int, tuple[float, float]]
) -> range:
    """The columns of a heading: those above the rule below it, or those around whose middle it stands.

    `free`: the extents of the lower headings of columns that have none beside this one.
    """
    if under := _columns_above_rule(line, columns, rules):
        return range(min(under[0], own[0]), max(under[-1], own[-1]) + 1)
    x = (line.box[0] + line.box[2]) / 2
    is_over_one = len(own) == 1 and own[0] in free and free[own[0]][0] <= x <= free[own[0]][1]
    if is_over_one or not free.keys() >= set(own):
        return own
    first, last = own[0], own[-1]
    while first - 1 in free:
        first -= 1
    while last + 1 in free:
        last += 1
    spans = [range(a, b + 1) for a in range(first, own[0] + 1) for b in range(own[-1], last + 1)]
    centred = [span for span in spans if abs((free[span[0]][0] + free[span[-1]][1]) / 2 - x) < _SAME_MIDDLE * line.size]
    return max(centred, key=len, default=own)


def _columns_above_rule(line: Line, columns: Columns, rules: Sequence[Box]) -> list[int]:
    """The columns over a short rule right below a heading, if there is one."""
    total = columns[-1][1] - columns[0][0]
    for rule in rules:
        is_below = -line.size / 2 < rule[1] - line.box[3] < _RULE_BELOW * line.size
        if is_below and width(rule) < LONG_RULE * total and rule[0] < (line.box[0] + line.box[2]) / 2 < rule[2]:
            return [n for n, (x0, x1) in enumerate(columns) if rule[0] < (x0 + x1) / 2 < rule[2]]
    return []
