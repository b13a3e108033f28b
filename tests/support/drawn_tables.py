"""Pages with tables, drawn by hand, and what is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from extractors.layout.tables.tables import Table, find_tables
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from extractors.table_grid import body_rows, column_headers

HARVEST = [
    ("Orchard", "Trees", "Tonnes", "Price"),
    ("North slope", "1,204", "31.5", "0.82"),
    ("South slope", "986", "27.0", "0.79"),
    ("River side", "1,510", "44.2", "0.75"),
    ("Old garden", "77", "2.1", "1.10"),
]
COLUMNS = (72.0, 200.0, 290.0, 380.0)
RIGHT = 440.0
TOP, STEP = 200.0, 18.0
SENTENCE = "The orchards were planted in three years and bear fruit since the spring of the fourth one."


DrawnCell = tuple[int, int, int, int, str]
"""First row and column, number of rows and columns, and the text, a line each."""


def cells_in(row: int, *texts: str, first: int = 0) -> list[DrawnCell]:
    """A row of cells from the column `first` on, none of which spans anything."""
    return [(row, column, 1, 1, text) for column, text in enumerate(texts, first)]


def new_page() -> Any:
    return pymupdf().open().new_page(width=595, height=842)


def write_rows(page: Any, rows: Sequence[Sequence[str]], columns: Sequence[float] = COLUMNS, top: float = TOP) -> float:
    """Write rows of cells and return the y below the last row."""
    for number, row in enumerate(rows):
        for x, cell in zip(columns, row, strict=False):
            if cell:
                page.insert_text((x + 4, top + STEP * number + 13), cell, fontsize=10)
    return top + STEP * len(rows)


def draw_rule(page: Any, y: float, x0: float = COLUMNS[0], x1: float = RIGHT) -> None:
    page.draw_line((x0, y), (x1, y), width=0.7)


def write_paragraph(page: Any, x: float, y: float, lines: int, width: float = 450) -> None:
    page.insert_textbox((x, y, x + width, y + 14.5 * lines), f"{SENTENCE} " * lines, fontsize=10)


def tables_of(page: Any) -> list[Table]:
    return find_tables(read_page(page, 1))


def rows_in(table: Table) -> tuple[tuple[str, ...], ...]:
    """The complete headers of the columns, if there is a header, and the rows of the body."""
    header = [column_headers(table.grid)] if table.grid.header_rows else []
    return tuple(map(tuple, (*header, *body_rows(table.grid).values())))


def draw_grid(page: Any, rows: Sequence[Sequence[str]] = HARVEST) -> None:
    bottom = write_rows(page, rows)
    for number in range(len(rows) + 1):
        draw_rule(page, TOP + STEP * number)
    for x in (*COLUMNS, RIGHT):
        page.draw_line((x, TOP), (x, bottom), width=0.7)


def rows_of(page: Any) -> tuple[tuple[str, ...], ...]:
    (table,) = tables_of(page)
    return rows_in(table)


def write_cells(page: Any, *cells: tuple[float, float, str]) -> None:
    """Write (x, y, text)."""
    for x, y, text in cells:
        page.insert_text((x, y), text, fontsize=10)


def draw_frame(page: Any, *heights: float) -> None:
    for y in heights:
        draw_rule(page, y)
