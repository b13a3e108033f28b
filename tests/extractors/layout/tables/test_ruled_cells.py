"""Which lines of text and which rules are cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from extractors.layout.tables.ruled_grid import RuledTable, read_ruled_table
from extractors.page import Line
from extractors.types import Box
from tests.support.drawn_tables import DrawnCell, cells_in

WIDTH, HEIGHT, SIZE = 100.0, 24.0, 10.0
"""Of a place of the grid; size of the text."""


def lines_of(cells: Iterable[DrawnCell], pitch: float = 12.0) -> list[Line]:
    """The lines of each cell, around its middle, `pitch` points below each other."""
    lines = []
    for top, column, down, across, text in cells:
        texts = text.split("\n") if text else []
        x, y = (column + across / 2) * WIDTH, (top + down / 2) * HEIGHT - pitch * (len(texts) - 1) / 2
        for n, one in enumerate(texts):
            half = 2.5 * len(one)
            lines.append(Line((x - half, y + pitch * n - 5, x + half, y + pitch * n + 5), one, SIZE))
    return lines


def sides_of(cells: Iterable[DrawnCell]) -> tuple[list[Box], list[Box]]:
    level, upright = list[Box](), list[Box]()
    for top, column, down, across, _ in cells:
        x0, y0, x1, y1 = column * WIDTH, top * HEIGHT, (column + across) * WIDTH, (top + down) * HEIGHT
        level += [(x0, y0, x1, y0), (x0, y1, x1, y1)]
        upright += [(x0, y0, x0, y1), (x1, y0, x1, y1)]
    return level, upright


def read(body: Sequence[DrawnCell], header: Sequence[DrawnCell] = (), pitch: float = 12.0) -> RuledTable | None:
    return read_ruled_table(lines_of(header), lines_of(body, pitch), *sides_of([*header, *body]))


def spans(table: RuledTable | None) -> dict[str, tuple[int, int]]:
    """The cells that span several rows or columns."""
    assert table
    cells = [cell for row in table.rows for cell in row]
    return {cell.text: (cell.row_span, cell.column_span) for cell in cells if cell.row_span * cell.column_span > 1}


REST = [
    *cells_in(0, "one", "1.5", first=1),
    *cells_in(1, "two", "2.5", first=1),
    *cells_in(2, "three", "3.5", first=1),
]
LAST = cells_in(3, "Other", "four", "4.5")


def test_cells_have_their_spans() -> None:
    assert spans(read([(0, 0, 3, 1, "Old and\nnew"), *REST, *LAST])) == {"Old and new": (3, 1)}


@pytest.mark.parametrize(
    ("label", "pitch", "is_one"),
    [
        ("Old\nNew\nUsed", HEIGHT, False),
        ("Old\nnew\nused", HEIGHT, True),
        ("Old\nNew\nUsed", 11.0, True),
    ],
    ids=["labels of rows", "a sentence", "lines that are closer than rows"],
)
def test_label_of_each_row_is_no_cell_of_several_rows(label: str, pitch: float, is_one: bool) -> None:
    table = read([(0, 0, 3, 1, label), *REST, *LAST], pitch=pitch)
    assert (table is not None) is is_one


def test_cell_with_fewer_lines_than_rows_is_one_though_its_lines_are_level_with_rows() -> None:
    rows = [one for number in range(4) for one in cells_in(number, "one", "1.5", first=1)]
    assert spans(read([(0, 0, 4, 1, "Old\nNew"), *rows, *cells_in(4, "Other", "four", "4.5")], pitch=HEIGHT))


def test_cells_that_are_no_rectangles_are_not_read() -> None:
    cells = [(0, 0, 2, 1, "Old"), (0, 1, 1, 1, ""), *REST[1:], (2, 0, 1, 1, "New"), *LAST]
    level, upright = sides_of(cells)
    table = read_ruled_table([], lines_of(cells), level, upright)
    assert spans(table) == {"Old": (2, 1)}
    opened = [side for side in upright if side[:2] != (WIDTH, 0)]
    assert read_ruled_table([], lines_of(cells), level, opened) is None


@pytest.mark.parametrize("turned", [False, True], ids=["columns", "rows"])
def test_every_row_and_column_must_show_somewhere(turned: bool) -> None:
    cells: list[DrawnCell] = [
        *cells_in(0, "a", "b"),
        (0, 2, 1, 2, "c"),
        (1, 0, 1, 2, "d"),
        *cells_in(1, "e", "f", first=2),
    ]
    cells += cells_in(2, "g", "h", "i", "j")
    if turned:
        cells = [(column, top, across, down, text) for top, column, down, across, text in cells]
    assert read(cells)
    cut = [cell for cell in cells if cell[4] not in "ghij"]
    assert read(cut) is None


def test_rows_of_a_single_column_are_no_table() -> None:
    assert read([*cells_in(0, "a"), *cells_in(1, "b"), *cells_in(2, "c")]) is None


def test_cell_with_lines_of_header_and_body_is_not_read() -> None:
    header, body = cells_in(0, "Kind", "Word"), [*cells_in(1, "a", "b"), *cells_in(2, "c", "d")]
    table = read(body, header)
    assert table
    assert table.header_rows == 1
    level, upright = sides_of(
        [
            (0, 0, 2, 1, ""),
            *cells_in(0, "Word", first=1),
            *cells_in(1, "b", first=1),
            *cells_in(2, "c", "d"),
        ]
    )
    assert read_ruled_table(lines_of(header), lines_of(body), level, upright) is None


def test_column_under_a_wide_heading_in_which_nothing_stands_is_none() -> None:
    header = [(0, 0, 1, 1, "Kind"), (0, 1, 1, 3, "Amount")]
    body = [*cells_in(1, "a", "1.5", "", "2.5"), *cells_in(2, "b", "3.5", "", "4.5")]
    level = [(0.0, HEIGHT * n, 4 * WIDTH, HEIGHT * n) for n in range(4)]
    table = read_ruled_table(lines_of(header), lines_of(body), level, sides_of([*header, *body])[1])
    assert table
    assert len(table.columns) == 3


@pytest.mark.parametrize(
    ("cells", "header_rows"),
    [
        ([(0, 0, 2, 1, "Kind"), (0, 1, 1, 2, "Amount"), *cells_in(1, "new", "old", first=1)], 2),
        ([(0, 0, 2, 1, "Kind"), (0, 1, 1, 2, "Amount"), *cells_in(1, "1.5", "2.5", first=1)], 0),
        ([(0, 0, 2, 1, "Kind"), *cells_in(0, "good", "bad", first=1), *cells_in(1, "new", "old", first=1)], 0),
    ],
    ids=["headings", "values", "no heading above others"],
)
def test_rows_beside_a_heading_of_several_rows_are_header(cells: list[DrawnCell], header_rows: int) -> None:
    table = read([*cells, *cells_in(2, "a", "3.5", "4.5"), *cells_in(3, "b", "5.5", "6.5")])
    assert (table.header_rows if table else 0) == header_rows


def test_short_rule_closes_no_cell() -> None:
    cells = [(0, 0, 3, 1, "Old and\nnew"), *REST, *LAST]
    level, upright = sides_of(cells)
    table = read_ruled_table([], lines_of(cells), [*level, (0, HEIGHT, WIDTH / 2, HEIGHT)], upright)
    assert spans(table) == {"Old and new": (3, 1)}
