"""Tables with rules around every cell, some of which span several rows or columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.drawn_tables import DrawnCell, cells_in, new_page, rows_of, tables_of

XS, YS = (60.0, 160.0, 260.0, 340.0, 420.0), (200.0, 224.0, 248.0, 272.0, 296.0, 320.0)
"""The sides of columns and rows."""
LEADING = 11.0

HEADER = cells_in(0, "Loan", "Term", "New", "Old")


def draw_cells(page: Any, cells: Sequence[DrawnCell], *, sides: bool = True) -> None:
    """Each cell with its sides, and its lines around its middle."""
    for row, column, down, across, text in cells:
        x0, y0, x1, y1 = XS[column], YS[row], XS[column + across], YS[row + down]
        if sides:
            page.draw_rect((x0, y0, x1, y1), width=0.7)
        lines = text.split("\n") if text else []
        for n, line in enumerate(lines):
            page.insert_text((x0 + 4, (y0 + y1 - LEADING * len(lines)) / 2 + LEADING * (n + 0.8)), line, fontsize=9)


LOANS: list[DrawnCell] = [
    *HEADER,
    (1, 0, 3, 1, "Extra home\nloan"),
    *cells_in(1, "1 year", "3.9%", "4.1%", first=1),
    *cells_in(2, "2 years", "4.0%", "4.2%", first=1),
    *cells_in(3, "5 years", "4.4%", "4.6%", first=1),
    (4, 0, 1, 1, "Bridge"),
    *cells_in(4, "6 months", "5.0%", "5.1%", first=1),
]


def test_label_of_several_lines_counts_for_every_row_that_it_spans() -> None:
    page = new_page()
    draw_cells(page, LOANS)
    assert rows_of(page)[1:] == (
        ("Extra home loan", "1 year", "3.9%", "4.1%"),
        ("Extra home loan", "2 years", "4.0%", "4.2%"),
        ("Extra home loan", "5 years", "4.4%", "4.6%"),
        ("Bridge", "6 months", "5.0%", "5.1%"),
    )
    (table,) = tables_of(page)
    assert [cell.row_span for cell in table.grid.cells if cell.text == "Extra home loan"] == [3]


def test_cell_across_several_columns_counts_for_each() -> None:
    page = new_page()
    draw_cells(page, [*HEADER, *cells_in(1, "A", "1 year", "3.9%", "4.1%"), (2, 0, 1, 1, "B")])
    draw_cells(
        page,
        [
            *cells_in(2, "2 years", first=1),
            (2, 2, 1, 2, "on request"),
            *cells_in(3, "C", "5 years", "4.4%", "4.6%"),
        ],
    )
    assert rows_of(page)[2] == ("B", "2 years", "on request", "on request")


def test_header_of_several_levels_is_read_by_its_rules() -> None:
    page = new_page()
    header = [(0, 0, 2, 1, "Loan"), (0, 1, 2, 1, "Term"), (0, 2, 1, 2, "Rate"), *cells_in(1, "New", "Old", first=2)]
    rows = [*cells_in(2, "A", "1 year", "3.9%", "4.1%"), *cells_in(3, "B", "2 years", "4.0%", "4.2%")]
    draw_cells(page, [*header, *rows, *cells_in(4, "C", "5 years", "4.4%", "4.6%")])
    assert rows_of(page)[0] == ("Loan", "Term", "Rate New", "Rate Old")
    (table,) = tables_of(page)
    assert table.grid.header_rows == 2


def test_header_without_sides_stands_above_a_body_with_them() -> None:
    page = new_page()
    draw_cells(page, HEADER, sides=False)
    draw_cells(page, LOANS[len(HEADER) :])
    assert rows_of(page)[:2] == (("Loan", "Term", "New", "Old"), ("Extra home loan", "1 year", "3.9%", "4.1%"))


def test_lines_between_two_rules_are_one_row_wherever_they_stand() -> None:
    page = new_page()
    first, second = "Bank of the\nold town", "Savings bank"
    rows = [[*cells_in(n, name, "1 year\nor more", "3.9%", "4.1%")] for n, name in ((1, first), (2, second))]
    draw_cells(page, [*HEADER, *rows[0], *rows[1], *cells_in(3, "Post\nbank", "2 years", "4.0%", "4.2%")])
    assert [row[0] for row in rows_of(page)[1:]] == ["Bank of the old town", "Savings bank", "Post bank"]
    assert rows_of(page)[2][1] == "1 year or more"


def test_column_that_only_a_heading_reaches_into_is_none() -> None:
    page = new_page()
    draw_cells(page, [(0, 0, 1, 1, "Loan"), (0, 1, 1, 3, "Rate of this year")])
    for n, name in enumerate(("A", "B", "C"), 1):
        draw_cells(page, [*cells_in(n, name, "3.9%", "", "4.1%")])
    assert rows_of(page)[1:] == (("A", "3.9%", "4.1%"), ("B", "3.9%", "4.1%"), ("C", "3.9%", "4.1%"))


def test_labels_of_rows_without_rules_between_them_stay_apart() -> None:
    page = new_page()
    rows = [cells_in(n, "1 year", "3.9%", "4.1%", first=1) for n in (1, 2, 3, 4)]
    draw_cells(page, [*HEADER, *rows[0], *rows[1], *rows[2], *rows[3]])
    page.draw_rect((XS[0], YS[1], XS[1], YS[5]), width=0.7)
    for n, name in enumerate(("Home", "Bridge", "Car", "Boat"), 1):
        draw_cells(page, [(n, 0, 1, 1, name)], sides=False)
    assert [row[0] for row in rows_of(page)[1:]] == ["Home", "Bridge", "Car", "Boat"]


def test_row_with_the_label_of_a_group_beside_a_number_stays_a_label() -> None:
    page = new_page()
    group = [(1, 0, 3, 1, "1"), (1, 1, 1, 3, "Farms below one hectare")]
    draw_cells(
        page,
        [
            *HEADER,
            *group,
            *cells_in(2, "owned", "39", "12", first=1),
            *cells_in(3, "leased", "7", "20", first=1),
        ],
    )
    draw_cells(page, [*cells_in(4, "2", "all", "46", "32")])
    assert sum("Farms below one hectare" in text for text in rows_of(page)[1]) <= 1


@pytest.mark.parametrize(
    "cell",
    [(1, 0, 3, 1, "120\n140\n160"), (1, 0, 3, 1, "Extra       home")],
    ids=["numbers below each other", "texts beside each other"],
)
def test_cell_with_several_texts_spans_nothing(cell: DrawnCell) -> None:
    page = new_page()
    draw_cells(page, [*HEADER, cell, *(one for one in LOANS[4:] if one[1] or one[0] == 4)])
    (table,) = tables_of(page)
    assert all(one.row_span == 1 for one in table.grid.cells)


def test_text_across_the_sides_of_its_cell_leaves_the_rules_unused() -> None:
    page = new_page()
    draw_cells(page, LOANS)
    page.insert_text((XS[1] - 40, YS[4] + 20), "untilthehouseissold", fontsize=9)
    (table,) = tables_of(page)
    assert all(one.row_span == 1 for one in table.grid.cells)


def test_shading_of_lines_of_text_is_no_rule() -> None:
    page = new_page()
    for y in (YS[1], YS[2], YS[3]):
        page.draw_rect((XS[0], y, XS[1], y + 24), color=None, fill=(0.8, 0.8, 0.8))
    draw_cells(page, LOANS)
    assert [row[0] for row in rows_of(page)[1:4]] == ["Extra home loan"] * 3


def test_row_with_a_first_cell_only_is_the_label_of_those_below_it() -> None:
    page = new_page()
    rows = [("Savings", "", "", ""), ("Bank", "1 year", "3.9%", "4.1%"), ("Post", "2 years", "4.0%", "4.2%")]
    draw_cells(page, [*HEADER, *(one for n, row in enumerate(rows, 1) for one in cells_in(n, *row))])
    assert [row[0] for row in rows_of(page)[1:]] == ["Savings: Bank", "Savings: Post"]
