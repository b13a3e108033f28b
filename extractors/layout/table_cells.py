"""The cells of a table, by the white space between its lines of text and by its rules.

In: the lines and rules in a table's region. Out: its grid.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.geometry import width
from extractors.layout.table_groups import find_group_labels, group_ends
from extractors.layout.table_header import (
    LONG_RULE,
    count_header_rows,
    drop_caption_rows,
    header_cells,
    may_be_header,
    remove_column,
)
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
from extractors.layout.table_rows import join_cell_lines, numeric_columns
from extractors.page import Line
from extractors.types import Box, TableCell, TableGrid

_SPANNED = 0.3  # share of a text in a column from which it starts there
_MOSTLY_SIGNS = 0.6  # share of a column's cells that are currency or percent signs
_MIN_ROW_RULES = 3  # fewer rules separate the header and the foot, not every row

_SIGN = re.compile(r"^[$€£¥%)(]{1,3}$")


@dataclass(slots=True)
class _BodyRow:
    texts: list[str]
    """One per column."""
    is_label: bool = False
    """True for the label of a row group, which stands in the first column."""
    ends_group: bool = False
    """True when it does not belong to the label above it."""


def read_cells(
    lines: Sequence[Line], level_rules: Sequence[Box], upright_rules: Sequence[float], box: Box
) -> tuple[TableGrid, bool]:
    """The cells of the table in `box`, and whether its header is recognised and not only likely.

    `level_rules` are all rules in the box, `upright_rules` the x of those between columns.
    """
    rows = group_rows(lines)
    if not rows:
        return TableGrid(0, 0, ()), False
    long_rules = sorted(rule[1] for rule in level_rules if width(rule) > LONG_RULE * width(box))
    rows = drop_caption_rows(rows, long_rules)
    found = count_header_rows(rows, long_rules)
    count = min(found or int(may_be_header(rows[0])), len(rows) - 1)
    header, body = rows[:count], rows[count:]
    columns = find_columns(body, upright_rules)
    if len(columns) < 2:
        columns = find_columns(rows, upright_rules)
    columns = _stretch(_filled_columns(columns, body), lines)
    body = _join_between_rules(body, long_rules, columns)
    filled = _merge_continued_rows(_fill_rows(body, columns))
    cells, texts = _merge_sign_columns(header_cells(header, columns, level_rules), filled, len(columns))
    return _make_grid(cells, texts), found > 0


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


def _fill_rows(rows: Sequence[Row], columns: Columns) -> list[_BodyRow]:
    labels = find_group_labels(rows, columns, numeric_columns(rows, columns))
    ends = group_ends(rows, labels, columns)
    filled = [_BodyRow([""] * len(columns), n in labels, n in ends) for n in range(len(rows))]
    for one, row in zip(filled, rows, strict=True):
        for line in row:
            shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in columns]
            least = _SPANNED * (line.box[2] - line.box[0])
            column = next((n for n, length in enumerate(shared) if length > least), shared.index(max(shared)))
            column = 0 if one.is_label else column
            one.texts[column] = f"{one.texts[column]} {line.text}".strip()
    return filled


def _merge_continued_rows(rows: Sequence[_BodyRow]) -> list[_BodyRow]:
    """The rows, with those that only continue the row above (no first cell, no number) joined to it."""
    merged: list[_BodyRow] = []
    for row in rows:
        continues = merged and not merged[-1].is_label and not row.texts[0] and not any(map(is_number, row.texts))
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
        if row.is_label or row.ends_group:
            groups.append(n)
        if row.is_label:
            cells.append(TableCell(n, 0, row.texts[0], column_span=columns, header=True))
        else:
            cells += (TableCell(n, column, text) for column, text in enumerate(row.texts))
    return TableGrid(first + len(rows), columns, tuple(cells), first, tuple(groups))
