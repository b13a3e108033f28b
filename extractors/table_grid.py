"""The grid of a table: made from rows of texts, taken apart, and rendered as Markdown, HTML and JSON.

Markdown knows neither spans nor levels of headers, so there every column has its complete header, and every row the
label of its group. HTML and JSON keep the structure as it is.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from extractors.types import TableCell, TableGrid

MAX_LABEL_WORDS = 15
"""Words of a cell as wide as the table from which it is a note and not the label of a row group."""
MAX_REPEATED_WORDS = 8
"""Words of a cell or label up to which it is repeated in Markdown, in every column and row for which it counts."""


MAX_COLUMN_SPAN = 1000
"""As in HTML."""


class SpannedText(NamedTuple):
    """A cell before its place is known."""

    text: str
    row_span: int = 1
    column_span: int = 1
    header: bool = False


def grid_from_rows(rows: Sequence[Sequence[str | SpannedText]], header_rows: int | None = None) -> TableGrid:
    """The grid of cells given row by row, without the places that earlier cells reach into, as in HTML.

    `header_rows`: None counts the first rows that consist of headers. A cell as wide as the table is the label of a
    row group. Columns in which no cell starts are left out, and spans that reach beyond the table are cut.
    """
    cells = _place([[SpannedText(one) if isinstance(one, str) else one for one in row] for row in rows])
    starts = sorted({cell.column for cell in cells})
    if header_rows is None:
        only_headers = [bool(texts) for texts in rows]
        for cell in cells:
            only_headers[cell.row] &= cell.header
        header_rows = [*only_headers, False].index(False) % max(1, len(rows))  # a table of headers has none
    header_rows = min(header_rows, len(rows))
    placed = []
    for cell in cells:
        first, end = bisect_left(starts, cell.column), bisect_left(starts, cell.column + cell.column_span)
        is_wide = len(starts) > 1 and end - first == len(starts) and cell.row < len(rows) - 1
        is_label = is_wide and 0 < len(cell.text.split()) <= MAX_LABEL_WORDS
        is_header = cell.header or cell.row < header_rows or is_label
        placed.append(replace(cell, column=first, column_span=end - first, header=is_header))
    grid = TableGrid(len(rows), len(starts), tuple(placed), header_rows)
    return replace(grid, groups=tuple(sorted(_outer_labels(_label_rows(grid)))))


def _outer_labels(labels: Collection[int]) -> Iterator[int]:
    """The labels of groups: of several labels in a row the first. Where it has subgroups, single ones follow it."""
    has_subgroups = False
    for row in sorted(labels):
        follows, is_followed = row - 1 in labels, row + 1 in labels
        if not follows and (is_followed or not has_subgroups):
            has_subgroups = is_followed
            yield row


def _place(rows: Sequence[Sequence[SpannedText]]) -> list[TableCell]:
    """The cells in their rows and columns."""
    free: dict[int, int] = {}  # column -> the first row that no cell above reaches into
    cells = []
    for row, texts in enumerate(rows):
        column = 0
        for text in texts:
            while free.get(column, 0) > row:
                column += 1
            down = min(max(text.row_span, 1), len(rows) - row)
            right = min(max(text.column_span, 1), MAX_COLUMN_SPAN)
            right = next((n for n in range(1, right) if free.get(column + n, 0) > row), right)
            cells.append(TableCell(row, column, " ".join(text.text.split()), down, right, text.header))
            free.update(dict.fromkeys(range(column, column + right), row + down))
            column += right
    return cells


def change_texts(grid: TableGrid, change: Callable[[str], str]) -> TableGrid:
    return replace(grid, cells=tuple(replace(cell, text=change(cell.text)) for cell in grid.cells))


def _label_rows(grid: TableGrid) -> dict[int, str]:
    """The rows that are the label of a row group -> the label."""
    wide = [cell for cell in grid.cells if cell.header and cell.row >= grid.header_rows]
    return {cell.row: cell.text for cell in wide if grid.columns > 1 and cell.column_span == grid.columns and cell.text}


def group_labels(grid: TableGrid) -> list[tuple[int, ...]]:
    """For every row, the rows with the labels of its group and subgroup, as far as there are any."""
    labels = _label_rows(grid)
    paths: list[tuple[int, ...]] = []
    path: tuple[int, ...] = ()
    for row in range(grid.rows):
        if row in grid.groups:
            path = (row,) if row in labels else ()
        elif row in labels:
            path = (*path[:1], row)
        paths.append(path)
    return paths


def column_headers(grid: TableGrid) -> list[str]:
    """The complete header of every column, its levels from top to bottom; empty texts without a header."""
    levels: list[list[TableCell]] = [[] for _ in range(grid.columns)]
    for cell in grid.cells:
        if cell.row < grid.header_rows and cell.text:
            for column in range(cell.column, cell.column + cell.column_span):
                levels[column].append(cell)
    return [" ".join(cell.text for cell in sorted(cells, key=lambda cell: cell.row)) for cells in levels]


def body_rows(grid: TableGrid) -> dict[int, list[str]]:
    """The rows below the header by their number, a text for every column; labels of groups stand before their rows'.

    A cell that spans rows or columns counts for each of them; a long one for the first, unless it is their label.
    """
    rows = {row: [""] * grid.columns for row in range(grid.header_rows, grid.rows)}
    labels = _label_rows(grid)
    for cell in grid.cells:
        is_long = len(cell.text.split()) > MAX_REPEATED_WORDS or cell.column_span == grid.columns
        down = 1 if is_long and cell.column else cell.row_span
        for row in range(max(cell.row, grid.header_rows), cell.row + down):
            for column in range(cell.column, cell.column + (1 if is_long else cell.column_span)):
                rows[row][column] = rows[row][column] or cell.text
    short = {row for row, label in labels.items() if len(label.split()) <= MAX_REPEATED_WORDS}
    paths = group_labels(grid)
    for row, texts in rows.items():
        above = [labels[label].rstrip(": ") for label in paths[row] if label in short or label == row]
        if above:
            texts[0] = ": ".join([*above, texts[0]] if texts[0] and row not in labels else above)
    used = {label for row, path in enumerate(paths) if row not in labels for label in path if label in short}
    return {row: texts for row, texts in rows.items() if row not in used}


def _repeat_labels(grid: TableGrid, rows: Collection[int]) -> TableGrid:
    """The grid in which each of `rows` of the body without a first cell has that of the row above it in its group.

    A label that spans rows stands in the first of them.
    """
    labels = dict.fromkeys(rows, "")
    last = ""
    for row, texts in body_rows(grid).items():
        last = next(filter(None, texts[:1]), "" if row in grid.groups else last)
        labels[row] = last if len(last.split()) <= MAX_REPEATED_WORDS else ""
    missing = {cell for cell in grid.cells if cell.row in rows and cell.column == 0 and not cell.text}
    cells = (replace(cell, text=labels[cell.row]) if cell in missing else cell for cell in grid.cells)
    return replace(grid, cells=tuple(cells))


def split_rows(grid: TableGrid, parts: Sequence[Collection[int]]) -> Iterator[TableGrid]:
    """For each of `parts`, these rows of the body as a table of its own, with the header and the labels of groups."""
    grid, paths = _repeat_labels(grid, {min(rows) for rows in parts if rows}), group_labels(grid)
    cells_of: list[list[int]] = [[] for _ in range(grid.rows)]
    for number, cell in enumerate(grid.cells):
        for row in range(cell.row, cell.row + cell.row_span):
            cells_of[row].append(number)
    for rows in parts:
        kept = sorted({*range(grid.header_rows), *rows, *(label for row in rows for label in paths[row])})
        order = {row: n for n, row in enumerate(kept)}
        cells = []
        for cell in (grid.cells[number] for number in sorted({n for row in kept for n in cells_of[row]})):
            spanned = [order[row] for row in range(cell.row, cell.row + cell.row_span) if row in order]
            cells.append(replace(cell, row=spanned[0], row_span=len(spanned)))
        groups = tuple(order[row] for row in grid.groups if row in order)
        yield replace(grid, rows=len(order), cells=tuple(cells), groups=groups)


def replace_header(grid: TableGrid, above: TableGrid) -> TableGrid:
    """All rows of a table under the header of another one with as many columns."""
    first = above.header_rows
    header = [replace(cell, row_span=min(cell.row_span, first - cell.row)) for cell in above.cells if cell.row < first]
    cells = (replace(cell, header=cell.header and cell.row >= grid.header_rows) for cell in grid.cells)
    return add_header(replace(grid, cells=tuple(cells), header_rows=0), header, first)


def add_header(grid: TableGrid, cells: Sequence[TableCell], rows: int) -> TableGrid:
    """A table with further rows of header above it, which have as many columns."""
    moved = (replace(cell, row=cell.row + rows) for cell in grid.cells)
    groups = tuple(row + rows for row in grid.groups)
    return TableGrid(rows + grid.rows, grid.columns, (*cells, *moved), rows + grid.header_rows, groups)


def markdown_header(grid: TableGrid) -> list[str]:
    """The first two lines of a Markdown table: the complete header of every column, empty if the table has none."""
    return [markdown_row(column_headers(grid)), "|" + " --- |" * grid.columns]


def markdown_row(texts: Sequence[str]) -> str:
    return "| " + " | ".join(re.sub(r"\s+", " ", text).replace("|", "\\|").strip() for text in texts) + " |"


def table_html(grid: TableGrid, caption: str = "") -> str:
    """The table as HTML with escaped texts, `thead`, a `tbody` for every row group, spans and scopes of headers."""
    parts = ["<table>", f"<caption>{escape(caption)}</caption>" if caption else ""]
    cells: dict[int, list[TableCell]] = {}
    for cell in _with_empty_cells(grid):
        cells.setdefault(cell.row, []).append(cell)
    sections = sorted({grid.header_rows, *grid.groups, grid.rows})
    for tag, first, end in [("thead", 0, grid.header_rows), *(("tbody", a, b) for a, b in pairwise(sections))]:
        if end > first:
            rows = (
                f"<tr>{''.join(_html_cell(cell, grid) for cell in cells.get(row, ()))}</tr>"
                for row in range(first, end)
            )
            parts.append(f"<{tag}>{''.join(rows)}</{tag}>")
    return "".join([*parts, "</table>"])


def _with_empty_cells(grid: TableGrid) -> list[TableCell]:
    """The cells in reading order, and an empty one in every place without any."""
    taken = {place for cell in grid.cells for place in _places(cell)}
    empty = (
        TableCell(r, c, "", header=r < grid.header_rows)
        for r in range(grid.rows)
        for c in range(grid.columns)
        if (r, c) not in taken
    )
    return sorted([*grid.cells, *empty], key=lambda cell: (cell.row, cell.column))


def _places(cell: TableCell) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.row_span):
        for column in range(cell.column, cell.column + cell.column_span):
            yield row, column


def _html_cell(cell: TableCell, grid: TableGrid) -> str:
    spans = (("rowspan", cell.row_span), ("colspan", cell.column_span))
    attributes = "".join(f' {name}="{span}"' for name, span in spans if span > 1)
    if not cell.header:
        return f"<td{attributes}>{escape(cell.text)}</td>"
    wide = cell.column_span > 1
    if cell.row < grid.header_rows:
        scope = "colgroup" if wide else "col"
    else:
        scope = "rowgroup" if cell.column_span == grid.columns and wide else "row"
    return f'<th scope="{scope}"{attributes}>{escape(cell.text)}</th>'


def table_json(grid: TableGrid) -> dict[str, Any]:
    """The grid as JSON: `rows` of texts, null where another cell reaches, and what is not empty of `header_rows`,
    `groups` (rows), `spans` ([row, column, rows, columns]) and `headers` ([row, column], below the header).
    """
    rows: list[list[str | None]] = [[""] * grid.columns for _ in range(grid.rows)]
    for cell in grid.cells:
        for row, column in _places(cell):
            rows[row][column] = None
    for cell in grid.cells:
        rows[cell.row][cell.column] = cell.text
    body = [cell for cell in grid.cells if cell.row >= grid.header_rows]
    spans = [cell for cell in grid.cells if cell.row_span > 1 or cell.column_span > 1]
    more = {
        "header_rows": grid.header_rows,
        "groups": list(grid.groups),
        "spans": [[cell.row, cell.column, cell.row_span, cell.column_span] for cell in spans],
        "headers": [[cell.row, cell.column] for cell in body if cell.header],
    }
    return {"rows": rows, **{name: value for name, value in more.items() if value}}


def table_from_json(value: Mapping[str, Any]) -> TableGrid:
    """The grid that `table_json` gave. Raises `ValueError` when it is not well-formed."""
    try:
        rows, header_rows = value["rows"], int(value.get("header_rows", 0))
        spans = {(row, column): (down, right) for row, column, down, right in value.get("spans", ())}
        headers = {(row, column) for row, column in value.get("headers", ())}
        cells = tuple(
            TableCell(r, c, text, *spans.get((r, c), (1, 1)), header=r < header_rows or (r, c) in headers)
            for r, row in enumerate(rows)
            for c, text in enumerate(row)
            if text is not None
        )
        if not all(isinstance(cell.text, str) for cell in cells):
            raise TypeError("a cell is not a text")
        width = max(map(len, rows), default=0)
        return TableGrid(len(rows), width, cells, header_rows, tuple(value.get("groups", ())))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not the JSON of a table: {error!r}") from error
