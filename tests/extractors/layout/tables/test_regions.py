"""Where on a page a table may be."""

from __future__ import annotations

from typing import Any

import pytest

from extractors.geometry import height
from extractors.layout.rules import find_rules
from extractors.layout.tables.lines import find_prose
from extractors.layout.tables.regions import TablePage, table_regions
from extractors.pdf.page_reader import read_page
from extractors.types import Box
from tests.support.drawn_tables import (
    COLUMNS,
    RIGHT,
    SENTENCE,
    STEP,
    TOP,
    draw_rule,
    new_page,
    rows_of,
    tables_of,
    write_rows,
)


@pytest.mark.parametrize("head", [("Open access", "Protocol"), ()])
def test_columns_of_a_page_between_the_rules_at_its_head_and_foot_are_no_table(head: tuple[str, ...]) -> None:
    page = new_page()
    for y in (40, 60, 780) if head else (60, 780):
        draw_rule(page, y, 40, 555)
    write_rows(page, [head], columns=(40, 490), top=40)
    page.insert_textbox((44, 80, 264, 770), f"{SENTENCE} " * 14, fontsize=10)
    for n in range(46):
        if n % 2:
            page.insert_text((290, 90 + 14.5 * n), f"{n // 2 + 1}.", fontsize=10)
        page.insert_text((310, 90 + 14.5 * n), f"Miller, J. ({1950 + n})" if n % 2 else f"On {n} trees.", fontsize=10)
    layout = read_page(page, 1)
    level, upright = find_rules(layout.drawings)
    regions = table_regions(TablePage(layout, find_prose(layout.lines), tuple(level), tuple(upright)))
    assert all(height(region) < 100 for region in regions)


TEXTS = [("pear trees that", "near the", "kept by", "sold at"), ("stand in rows", "old river", "the town", "a market")]


def _draw_shaded(page: Any, first: int, last: int) -> None:
    """Shade rows of the table, each cell by itself, the last two together."""
    for top in range(first, last):
        end = last + 1 if top == last - 1 else top + 1
        for left, x1 in zip(COLUMNS, (*COLUMNS[1:], RIGHT), strict=True):
            page.draw_rect((left, TOP + top * STEP, x1, TOP + end * STEP), fill=(0.9, 0.9, 0.9), color=None)


def _shaded_table(first: int) -> Any:
    """A table of text under a shaded header, of which the rows from `first` on are shaded too."""
    page = new_page()
    page.draw_rect((COLUMNS[0], TOP, RIGHT, TOP + STEP), fill=(0.8, 0.8, 0.8), color=None)
    _draw_shaded(page, first, 11)
    write_rows(page, [("Orchard", "Place", "Owner", "Use"), *TEXTS * 4, ("Gardens",), *TEXTS])
    return page


def _first_region(page: Any) -> Box:
    layout = read_page(page, 1)
    level, upright = find_rules(layout.drawings)
    drawn = find_rules([one for one in layout.drawings if one.stroked])
    lines_drawn = (tuple(drawn[0]), tuple(drawn[1]))
    return next(table_regions(TablePage(layout, find_prose(layout.lines), tuple(level), tuple(upright), lines_drawn)))


def test_shaded_rows_below_a_shaded_header_are_no_table_of_their_own() -> None:
    header, *body = rows_of(_shaded_table(9))
    assert header == ("Orchard", "Place", "Owner", "Use")
    assert "pear trees that" in body[0][0]
    assert "old river" in body[-1][1]


@pytest.mark.parametrize("drawn", ["line above", "upright line"])
def test_grid_that_differs_from_the_rules_above_it_is_a_table_of_its_own(drawn: str) -> None:
    page = _shaded_table(9)
    if drawn == "line above":
        draw_rule(page, TOP)
    else:
        page.draw_line((COLUMNS[1], TOP + 9 * STEP), (COLUMNS[1], TOP + 12 * STEP), width=0.7)
    assert _first_region(page)[1] > TOP + STEP


@pytest.mark.parametrize(("label", "is_one"), [("Pears", True), ("Table 2. Pears of the south side", False)])
def test_grids_around_the_label_of_a_group_are_one_table(label: str, is_one: bool) -> None:
    page = new_page()
    rows = [("Orchard", "Trees", "Price"), ("Old", "12", "0.5"), ("New", "14", "0.7"), ("River", "16", "0.8")]
    for first, last in ((0, 2), (3, 5)):
        for y in range(first, last + 1):
            draw_rule(page, TOP + STEP * y)
        for x in (COLUMNS[1], COLUMNS[2]):
            page.draw_line((x, TOP + STEP * first), (x, TOP + STEP * last), width=0.7)
    write_rows(page, [*rows[:2], (label,), *rows[2:]])
    heights = [height(table.box) for table in tables_of(page)]
    assert (max(heights) == 5 * STEP) == is_one


def test_header_above_two_labels_between_rules_belongs_to_the_grid_below() -> None:
    page = new_page()
    rows = [("Orchard", "Trees", "Price"), ("All years",), ("Pears",), ("Old", "12", "0.5"), ("New", "14", "0.7")]
    for row in range(6):
        draw_rule(page, TOP + STEP * row)
    for first, last in ((0, 1), (3, 5)):
        for x in (COLUMNS[1], COLUMNS[2]):
            page.draw_line((x, TOP + STEP * first), (x, TOP + STEP * last), width=0.7)
    write_rows(page, rows)
    header, *body = rows_of(page)
    assert header == ("Orchard", "Trees", "Price")
    assert [row[1:] for row in body if any(row[1:])] == [("12", "0.5"), ("14", "0.7")]


def test_shades_around_the_label_of_a_group_are_no_grid() -> None:
    columns = (COLUMNS[0], 250.0, 320.0)
    page = new_page()
    for row in (0, 1, 2, 4, 5, 6):
        for x0, x1 in ((columns[0], columns[1]), (columns[1], columns[2]), (columns[2], RIGHT)):
            page.draw_rect((x0, TOP + STEP * row, x1, TOP + STEP * (row + 1)), color=None, fill=(0.8, 0.9, 1))
    write_rows(page, [*[("Orchard", "north", "south")] * 3, ("By owner",), *[("Garden", "east", "west")] * 3], columns)
    layout = read_page(page, 1)
    drawn = find_rules([drawing for drawing in layout.drawings if drawing.stroked])
    level, upright = find_rules(layout.drawings)
    regions = table_regions(TablePage(layout, frozenset(), tuple(level), tuple(upright), drawn))
    assert len(list(regions)) == 1  # the table between the edges of the shades
