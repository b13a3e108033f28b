"""How many rows of a table are its header."""

from __future__ import annotations

import pytest

from extractors.layout.tables.cells import read_cells
from extractors.layout.tables.lines import is_number
from extractors.page import Line
from extractors.table_grid import column_headers
from tests.support.drawn_tables import (
    HARVEST,
    STEP,
    TOP,
    draw_frame,
    new_page,
    rows_of,
    write_cells,
    write_rows,
)


def line_at(x: float, y: float, text: str, font: str = "Plain") -> Line:
    return Line(box=(x, y - 5, x + 5.0 * len(text), y + 5), text=text, size=10.0, font=font)


@pytest.mark.parametrize("classes", [(">32%", "<32%", ">4%", "<4%"), ("2007-08", "2008-09", "2009-2010", "2010/11")])
def test_classes_and_years_above_a_rule_are_header(classes: tuple[str, ...]) -> None:
    page = new_page()
    columns = (72.0, 170.0, 240.0, 310.0, 380.0)
    write_rows(page, [("", "Motility", "", "Form", "")], columns)
    write_rows(page, [("Slope", *classes), *[(f"Slope {n}", *"4321") for n in range(1, 6)]], columns, TOP + STEP)
    draw_frame(page, TOP, TOP + 2 * STEP, TOP + 7 * STEP)
    header, *body = rows_of(page)
    assert [text.split()[-1] for text in header[1:]] == list(classes)
    assert len(body) == 5


@pytest.mark.parametrize("title", ["Table 1. Yield of the orchards in three years.", "The orchards"])
def test_caption_within_the_frame_is_no_header(title: str) -> None:
    page = new_page()
    page.insert_text((76, TOP - 5), title, fontsize=10)
    bottom = write_rows(page, HARVEST)
    draw_frame(page, TOP - STEP, TOP + 1, TOP + STEP, bottom)
    header, *_ = rows_of(page)
    assert (header == HARVEST[0]) == title.startswith("Table")


def test_each_heading_stands_over_one_repetition_of_those_below() -> None:
    page = new_page()
    columns = (72.0, 160.0, 200.0, 240.0, 280.0, 320.0, 360.0)
    write_rows(page, [("", "Men", "", "", "", "Women")], columns)  # flush left, not over the middle
    write_rows(page, [("Year", *("n", "SD", "p") * 2)], columns, TOP + STEP)
    body = [(str(n), *"123456") for n in range(2001, 2006)]
    bottom = write_rows(page, body, columns, TOP + 2 * STEP)
    draw_frame(page, TOP, TOP + 2 * STEP, bottom)
    header, *_ = rows_of(page)
    assert header == ("Year", "Men n", "Men SD", "Men p", "Women n", "Women SD", "Women p")


def test_repeated_headings_below_two_levels_belong_to_the_nearer_one() -> None:
    page = new_page()
    columns = (72.0, 160.0, 210.0, 260.0, 310.0, 360.0, 400.0)
    write_cells(page, (230, TOP + 13, "Share of trees"), (372, TOP + 13, "Control"))
    write_rows(page, [("Year", *("low", "high") * 3)], columns, TOP + STEP)
    bottom = write_rows(page, [(str(n), *"123456") for n in range(2001, 2006)], columns, TOP + 2 * STEP)
    draw_frame(page, TOP, TOP + 2 * STEP, bottom)
    assert rows_of(page)[0][4:] == ("Share of trees high", "Control low", "Control high")


def test_table_with_nothing_but_a_title_above_its_rows_has_no_header() -> None:
    rows = [line_at(x, 20.0 * n, text) for n in range(1, 6) for x, text in ((0, f"Plot {n}"), (200, "3"), (300, "4"))]
    title = line_at(130, 0, "Other trees", font="Bold")
    assert not read_cells([title, *rows], [], (), (0, -6, 320, 106)).has_header


def test_headings_of_some_columns_below_a_rule_are_a_level_in_the_font_of_the_header() -> None:
    def row(y: float, texts: tuple[str, ...], font: str = "Body") -> list[Line]:
        return [line_at(100.0 * n, y, text, font=font) for n, text in enumerate(texts) if text]

    header = [*row(10, ("Plot", "Trees", "", "", "Use"), "Bold"), *row(30, ("", "", "old", "new", ""), "Bold")]
    header.append(line_at(250, 10, "Age", font="Bold"))
    body = [line for n in range(3) for line in row(50 + 20 * n, ("North", "pear", "31", "27", "cider"))]
    rules = [(0.0, y, 440.0, y) for y in (2.0, 22.0, 42.0, 112.0)]
    grid = read_cells([*header, *body], rules, (), (0, 0, 440, 114)).grid
    assert column_headers(grid) == ["Plot", "Trees", "Age old", "Age new", "Use"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.4 (0.3–", True), ("5-10", True), ("12 – 14", True), ("2c-X2C", False), ("1,8-Cineole", False)],
)
def test_ranges_are_numbers_and_names_with_numbers_are_not(text: str, number: bool) -> None:
    assert is_number(text) == number
