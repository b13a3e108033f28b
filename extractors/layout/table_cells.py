"""The cells of a table, by the white space between its lines of text and by its rules.

In: the lines and rules in a table's region. Out: a grid of cell texts, the complete headers of the columns first.
"""

import re
from collections.abc import Sequence

from extractors.geometry import width
from extractors.layout.table_header import column_headers, count_header_rows, drop_caption_rows
from extractors.layout.table_lines import (
    Columns,
    Row,
    column_of,
    find_columns,
    group_rows,
    is_number,
    middle,
    row_middle,
)
from extractors.layout.table_rows import join_cell_lines
from extractors.page import Line
from extractors.types import Box

_SPANNED = 0.3  # share of a text in a column from which it starts there
_MOSTLY_SIGNS = 0.6  # share of a column's cells that are currency or percent signs
_MIN_ROW_RULES = 3  # fewer rules separate the header and the foot, not every row
_LONG_RULE = 0.7  # share of the table's width

_SIGN = re.compile(r"^[$€£¥%)(]{1,3}$")


def read_cells(
    lines: Sequence[Line], level_rules: Sequence[Box], upright_rules: Sequence[float], box: Box
) -> tuple[list[list[str]], bool]:
    """The text of every cell, row by row, of the table in `box`, and whether it shows that the first is its header.

    `level_rules` are all rules in the box, `upright_rules` the x of those between columns.
    """
    rows = group_rows(lines)
    if not rows:
        return [], False
    rows = drop_caption_rows(rows, level_rules, box)
    found = count_header_rows(rows, level_rules, box)
    count = min(found or 1, len(rows) - 1)
    header, body = rows[:count], rows[count:]
    columns = find_columns(body, upright_rules)
    if len(columns) < 2:
        columns = find_columns(rows, upright_rules)
    columns = _stretch(_filled_columns(columns, body), lines)
    heights = sorted(rule[1] for rule in level_rules if width(rule) > _LONG_RULE * width(box))
    body = _join_between_rules(body, heights, columns)
    grid = _fill_cells(body, columns)
    if header:
        grid.insert(0, column_headers(header, columns, level_rules))
    return _merge_continued_rows(_merge_sign_columns(grid)), found > 0


def _filled_columns(columns: Columns, rows: Sequence[Row]) -> Columns:
    """The columns with any text; an empty one, as between double rules, is added to the one on its left."""
    filled = {column_of(line, columns) for row in rows for line in row}
    starts = [columns[n][0] for n in sorted(filled)]
    return list(zip(starts, [*starts[1:], columns[-1][1]], strict=True))


def _stretch(columns: Columns, lines: Sequence[Line]) -> list[tuple[float, float]]:
    """The columns, with the outer ones as wide as all lines: headings may be wider than the cells below."""
    left, right = min(line.box[0] for line in lines), max(line.box[2] for line in lines)
    stretched = list(columns)
    stretched[0] = (min(left, stretched[0][0]), stretched[0][1])
    stretched[-1] = (stretched[-1][0], max(right, stretched[-1][1]))
    return stretched


def _join_between_rules(rows: Sequence[Row], rules: Sequence[float], columns: Columns) -> list[Row]:
    """The rows, with those between two level `rules` as one where every row has its rule: cells of several lines.

    Where several numbers stand below each other between two rules, the rules only separate groups of rows.
    """
    inner = [y for y in rules if middle(rows[0][0]) < y < middle(rows[-1][0])] if rows else []
    if len(inner) + 1 < _MIN_ROW_RULES:
        return join_cell_lines(rows, columns)
    bands: list[list[Row]] = [[] for _ in range(len(inner) + 1)]
    for row in rows:
        bands[sum(y < row_middle(row) for y in inner)].append(row)
    joined: list[Row] = []
    for band in bands:
        numeric = sum(any(is_number(line.text) for line in row[1:]) for row in band)
        if numeric > 1:
            joined += join_cell_lines(band, columns)
        elif band:
            joined.append([line for row in band for line in row])
    return joined


def _fill_cells(rows: Sequence[Row], columns: Columns) -> list[list[str]]:
    grid = [[""] * len(columns) for _ in rows]
    for cells, row in zip(grid, rows, strict=True):
        for line in row:
            shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in columns]
            least = _SPANNED * (line.box[2] - line.box[0])
            column = next((n for n, length in enumerate(shared) if length > least), shared.index(max(shared)))
            cells[column] = f"{cells[column]} {line.text}".strip()
    return grid


def _merge_sign_columns(grid: list[list[str]]) -> list[list[str]]:
    """The grid, with empty columns and columns of mere signs (`$`, `%`) merged with their neighbours."""
    width = len(grid[0]) if grid else 0
    for column in reversed(range(width)):
        texts = [row[column] for row in grid if row[column]]
        signs = [text for text in texts if _SIGN.match(text)]
        if texts and len(signs) < max(1, _MOSTLY_SIGNS * len(texts)):
            continue
        after_number = column > 0 and (not texts or signs[0][0] in "%)")
        target = column - 1 if after_number or column == width - 1 else column + 1
        for row in grid:
            if target >= 0 and row[column]:
                pair = (row[target], row[column]) if target < column else (row[column], row[target])
                row[target] = " ".join(filter(None, pair))
            del row[column]
        width -= 1
    return grid


def _merge_continued_rows(grid: Sequence[Sequence[str]]) -> list[list[str]]:
    """The grid, with rows that only continue the row above (no first cell, no number) joined to it."""
    merged: list[list[str]] = []
    for row in grid:
        continues = len(merged) > 1 and not row[0] and not any(is_number(cell) for cell in row if cell)
        if continues and all(above for above, cell in zip(merged[-1], row, strict=True) if cell):
            merged[-1] = [f"{above} {cell}".strip() for above, cell in zip(merged[-1], row, strict=True)]
        else:
            merged.append(list(row))
    return merged
