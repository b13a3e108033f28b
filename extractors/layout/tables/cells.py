"""The cells of a table, by the white space between its lines of text and by its rules.

In: the lines and rules in a table's region. Out: its grid.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from statistics import median
from typing import NamedTuple

from extractors.geometry import width
from extractors.layout.tables.groups import find_group_labels, group_starts
from extractors.layout.tables.header import count_header_rows, drop_caption_rows, may_be_header
from extractors.layout.tables.header_cells import header_cells, remove_column
from extractors.layout.tables.lines import (
    LONG_RULE,
    Columns,
    Row,
    column_of,
    find_columns,
    group_rows,
    is_number,
    is_whole_number,
    join_marks,
    join_signs,
    row_middle,
)
from extractors.layout.tables.notes import count_titles, split_notes, split_units
from extractors.layout.tables.rows import join_cell_lines, numeric_columns
from extractors.layout.tables.ruled_grid import read_ruled_table
from extractors.page import Line, middle
from extractors.table_grid import add_header, grid_from_rows
from extractors.types import Box, TableCell, TableGrid

_SPANNED = 0.3  # share of a text in a column from which it starts there
_MOSTLY_SIGNS = 0.6  # share of a column's cells that are currency or percent signs
_OWN_ROW = 0.85  # share of the usual distance of two rows at which a line alone is a row of its own
_MAX_ROWS_WITH_LABEL = 3  # lines between two rules of which some may be labels; more are those of one cell
_SAME_LINE, _APART = 0.4, 1.15  # text sizes between the middles of a line; distance of rows by that of lines in cells
_MIN_ROW_RULES = 3  # fewer rules separate the header and the foot, not every row

_SIGN = re.compile(r"^[$€£¥%)(]{1,3}$")


@dataclass(slots=True)
class _BodyRow:
    texts: list[str]
    """One per column."""
    is_label: bool = False
    """True for the label of a row group, which stands in the first column."""
    starts_group: bool = False
    """True when it is the label of a group that is no subgroup, or no longer belongs to the label above it."""


class Cells(NamedTuple):
    grid: TableGrid
    has_header: bool = False
    """Whether the header is recognised and not only likely."""
    notes: tuple[str, ...] = ()
    """The last rows that are notes, line by line."""
    titles: tuple[str, ...] = ()
    """The first rows that are titles of the table, and rows of the header that say what its amounts are in."""


def read_cells(
    lines: Sequence[Line],
    level_rules: Sequence[Box],
    upright_rules: Sequence[float],
    box: Box,
    borders: Sequence[Box] = (),
    drawn: Sequence[Sequence[Box]] = ((), ()),
) -> Cells:
    """The cells of the table in `box`.

    `level_rules` and `borders` are all level and upright rules in the box, `upright_rules` the x of those between
    columns, `drawn` those of both directions that are lines, not the sides of fillings.
    """
    rows = [join_signs(row) for row in group_rows(join_marks(lines))]
    if not rows:
        return Cells(TableGrid(0, 0, ()))
    long_rules = sorted(rule[1] for rule in level_rules if width(rule) > LONG_RULE * width(box))
    rows, notes = split_notes(drop_caption_rows(rows, long_rules))
    rows, units = split_units(rows)
    found = count_header_rows(rows, long_rules)
    count = min(found or int(may_be_header(rows[0])), len(rows) - 1)
    header, body = rows[:count], rows[count:]
    columns = find_columns(body, upright_rules)
    if len(columns) < 2:
        columns = find_columns(rows, upright_rules)
    columns = _stretch(_filled_columns(columns, body), lines)
    titles = [header.pop(0)[0].text for _ in range(count_titles(header, body, columns))]
    grid = _read_ruled(header, body, *drawn)
    if not grid:
        body = _join_between_rules(body, long_rules, columns)
        filled = _merge_continued_rows(_fill_rows(body, columns), _rows_apart(body))
        cells, texts = _merge_sign_columns(header_cells(header, columns, level_rules, borders), filled, len(columns))
        grid = _make_grid(cells, texts)
    return Cells(grid, found > 0 and bool(header), tuple(line.text for row in notes for line in row), (*titles, *units))


def _read_ruled(
    header: Sequence[Row], body: Sequence[Row], level_rules: Sequence[Box], borders: Sequence[Box]
) -> TableGrid | None:
    """The grid of a table with rules around every cell, at least below the header."""
    lines = [line for row in body for line in row]
    whole = read_ruled_table([line for row in header for line in row], lines, level_rules, borders)
    ruled = whole or (read_ruled_table([], lines, level_rules, borders) if header else None)
    if not ruled:
        return None
    grid = grid_from_rows(ruled.rows, ruled.header_rows)
    if not ruled.has_spans:
        first = [cell for cell in grid.cells if cell.row < ruled.header_rows]
        grid = _make_grid(first, _fill_rows(ruled.lines[ruled.header_rows :], ruled.columns))
    if whole:
        return grid
    above = header_cells(header, ruled.columns, level_rules, borders)
    return add_header(grid, above, max(cell.row + cell.row_span for cell in above))


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

    Where several numbers stand below each other between two rules, the rules only separate groups of rows. Where most
    rows of one line have their own rule (`is_ruled`), so have the others.
    """
    inner = [y for y in rules if middle(rows[0][0]) < y < middle(rows[-1][0])] if rows else []
    if len(inner) + 1 < _MIN_ROW_RULES:
        return join_cell_lines(rows, columns)
    bands: list[list[Row]] = [[] for _ in range(len(inner) + 1)]
    for row in rows:
        bands[sum(y < row_middle(row) for y in inner)].append(row)
    distances = [row_middle(lower) - row_middle(upper) for upper, lower in pairwise(rows)]
    pitch = _OWN_ROW * median(distances) if distances else 0.0
    joined: list[Row] = []
    numbers = [
        [n for n, row in enumerate(band) if any(is_whole_number(line.text) for line in row[1:])] for band in bands
    ]
    is_ruled = max(map(len, numbers)) < 2 and sum(len(band) == 1 for band in bands) > len(bands) / 2
    for band, numeric in zip(bands, numbers, strict=True):
        if len(numeric) > 1:
            joined += join_cell_lines(band, columns)
        elif band:
            first, end = 0, len(band)
            if numeric and not is_ruled and len(band) <= _MAX_ROWS_WITH_LABEL:
                first, end = _own_lines(band, numeric[0], pitch)
            joined += [*band[:first], [line for row in band[first:end] for line in row], *band[end:]]
    return joined


def _own_lines(band: Sequence[Row], row: int, pitch: float) -> tuple[int, int]:
    """The rows of a band around its row of numbers, without those that stand alone as far away as other rows do."""
    first, end = 0, len(band)
    if row > 0 and len(band[row - 1]) == 1 and row_middle(band[row]) - row_middle(band[row - 1]) >= pitch:
        first = row
    if row + 1 < end and len(band[row + 1]) == 1 and row_middle(band[row + 1]) - row_middle(band[row]) >= pitch:
        end = row + 1
    return first, end


def _fill_rows(rows: Sequence[Row], columns: Columns) -> list[_BodyRow]:
    labels = find_group_labels(rows, columns, numeric_columns(rows, columns))
    starts = group_starts(rows, labels, columns)
    filled = [_BodyRow([""] * len(columns), n in labels, n in starts) for n in range(len(rows))]
    for one, row in zip(filled, rows, strict=True):
        for line in row:
            shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in columns]
            least = _SPANNED * (line.box[2] - line.box[0])
            column = next((n for n, length in enumerate(shared) if length > least), shared.index(max(shared)))
            column = 0 if one.is_label else column
            one.texts[column] = f"{one.texts[column]} {line.text}".strip()
    return filled


def _rows_apart(rows: Sequence[Row]) -> frozenset[int]:
    """The rows that are clearly farther from the one above than the lines within cells are from each other."""
    heights = [sorted(middle(line) for line in row) for row in rows]
    size = max((line.size for row in rows for line in row), default=0.0)
    leading = max((b - a for row in heights for a, b in pairwise(row) if b - a > _SAME_LINE * size), default=inf)
    pairs = enumerate(pairwise(heights), 1)
    return frozenset(n for n, (upper, lower) in pairs if lower[0] - upper[-1] > _APART * leading)


def _merge_continued_rows(rows: Sequence[_BodyRow], apart: Collection[int]) -> list[_BodyRow]:
    """The rows, with those that only continue the row above joined to it: no first cell, no number.

    Rows of several cells that are `apart` begin new ones.
    """
    merged: list[_BodyRow] = []
    for n, row in enumerate(rows):
        continues = merged and not merged[-1].is_label and not row.texts[0] and not any(map(is_number, row.texts))
        continues = continues and not (n in apart and sum(map(bool, row.texts)) > 1)
        if continues and all(above for above, cell in zip(merged[-1].texts, row.texts, strict=True) if cell):
            pairs = zip(merged[-1].texts, row.texts, strict=True)
            merged[-1].texts = [f"{above} {cell}".strip() for above, cell in pairs]
        else:
            merged.append(row)
    return merged


def _merge_sign_columns(
    header: Sequence[TableCell], rows: Sequence[_BodyRow], columns: int
) -> tuple[list[TableCell], list[_BodyRow]]:
    """Header and rows, with empty columns and columns of mere signs (`$`, `%`) merged with their neighbours."""
    cells, merged = list(header), list(rows)
    for column in reversed(range(columns)):
        texts = [row.texts[column] for row in merged if row.texts[column] and not row.is_label]
        texts += [cell.text for cell in cells if (cell.column, cell.column_span) == (column, 1)]
        signs = [text for text in texts if _SIGN.match(text)]
        if columns == 1 or (texts and len(signs) < max(1, _MOSTLY_SIGNS * len(texts))):
            continue
        after_number = column > 0 and (not texts or signs[0][0] in "%)")
        target = column - 1 if after_number or column == columns - 1 else column + 1
        for row in merged:
            if row.texts[column]:
                pair = sorted((target, column))
                row.texts[target] = " ".join(filter(None, (row.texts[n] for n in pair)))
            del row.texts[column]
        cells = remove_column(cells, column, target)
        columns -= 1
    return cells, merged


def _make_grid(header: Sequence[TableCell], rows: Sequence[_BodyRow]) -> TableGrid:
    first = max((cell.row + cell.row_span for cell in header), default=0)
    columns = len(rows[0].texts) if rows else 0
    cells = sorted(header, key=lambda cell: (cell.row, cell.column))
    groups = []
    for n, row in enumerate(rows, first):
        if row.starts_group:
            groups.append(n)
        if row.is_label:
            cells.append(TableCell(n, 0, row.texts[0], column_span=columns, header=True))
        else:
            cells += (TableCell(n, column, text) for column, text in enumerate(row.texts))
    return TableGrid(first + len(rows), columns, tuple(cells), first, tuple(groups))
