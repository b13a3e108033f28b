"""Tables of text below their captions, whose cells run as long as paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from extractors.layout.rules import find_rules
from extractors.layout.tables.captioned import captioned_regions
from extractors.pdf.page_reader import read_page
from extractors.types import Box
from tests.support.drawn_tables import SENTENCE, draw_rule, new_page, rows_in, tables_of

LEFT, MIDDLE, RIGHT = 60.0, 200.0, 535.0
CAPTION = "Table 3 Tasks of the visits and what they are for"
HEADER = ("Visit", "Tasks")
TASKS = (
    ("First week", ("All trees are counted, measured and photographed from the south side, and", "labelled.")),
    ("Second week", ("The soil is sampled at twelve places along the rows, one hand deep, and sent", "away.")),
    ("Harvest", ("Pickers note the number of boxes, the weight of each and the rows that they come", "from.")),
)
LEADING, GAP = 12.0, 15.0  # within cells, and between rows


def write_tasks(page: Any, top: float, *, size: float = 9.0, gap: float = GAP) -> float:
    """Write the rows and return the y below the last."""
    y = top
    for visit, lines in TASKS:
        y += gap
        page.insert_text((LEFT, y), visit, fontsize=size)
        for n, line in enumerate(lines):
            y += LEADING if n else 0
            page.insert_text((MIDDLE, y), line, fontsize=size)
    return y + 5


def draw_text_table(page: Any, header: Sequence[str] = HEADER, *, rule_above: bool = True, gap: float = GAP) -> float:
    """Draw a caption and the table below it, down to its last rule, whose y is returned."""
    page.insert_text((LEFT, 100), CAPTION, fontsize=9)
    if rule_above:
        draw_rule(page, 105, LEFT, RIGHT)
    for x, cell in zip((LEFT, MIDDLE), header, strict=False):
        page.insert_text((x, 117), cell, fontsize=9)
    draw_rule(page, 122, LEFT, RIGHT)
    bottom = write_tasks(page, 122, gap=gap)
    draw_rule(page, bottom, LEFT, RIGHT)
    return bottom


def regions_of(page: Any) -> list[Box]:
    layout = read_page(page, 1)
    return list(captioned_regions(find_rules(layout.drawings)[0], layout.lines))


@pytest.mark.parametrize("rule_above", [True, False])
@pytest.mark.parametrize("gap", [20.0, GAP], ids=["wide gaps", "narrow gaps"])
def test_rows_of_text_below_a_caption_and_a_header_are_a_table(rule_above: bool, gap: float) -> None:
    page = new_page()
    draw_text_table(page, rule_above=rule_above, gap=gap)
    page.insert_textbox((LEFT, 400, RIGHT, 700), f"{SENTENCE} " * 20, fontsize=10)
    (table,) = tables_of(page)
    assert rows_in(table) == (HEADER, *((visit, " ".join(lines)) for visit, lines in TASKS))


def test_rows_of_text_without_a_caption_are_no_table() -> None:
    page = new_page()
    draw_text_table(page)
    page.add_redact_annot((0, 85, 595, 104))
    page.apply_redactions()
    assert not regions_of(page)


def test_columns_of_a_page_below_a_paragraph_between_rules_are_no_table() -> None:
    page = new_page()
    draw_text_table(page, (SENTENCE[:25], f"{SENTENCE} {SENTENCE}"[:120]))
    assert not regions_of(page)


def test_header_that_stands_over_one_of_three_columns_is_none() -> None:
    page = new_page()
    draw_text_table(page, ("Visit", ""))
    for n in range(6):
        page.insert_text((140, 137 + 12 * n), "Yes", fontsize=9)
        page.insert_text((170, 137 + 12 * n), "No", fontsize=9)
    page.insert_text((80, 117), "Week", fontsize=9)
    assert not regions_of(page)


def test_columns_whose_lines_are_not_level_are_a_table() -> None:
    page = new_page()
    page.insert_text((LEFT, 100), CAPTION, fontsize=9)
    for y in (105, 122, 205, 288):
        draw_rule(page, y, LEFT, RIGHT)
    for x, cell in zip((LEFT, MIDDLE), HEADER, strict=True):
        page.insert_text((x, 117), cell, fontsize=9)
    for top in (140, 223):
        for n in range(5):
            page.insert_text((LEFT, top + 12 * n), f"({n}) Visit", fontsize=9)
        for n in range(4):
            page.insert_text((MIDDLE, top + 6 + 12 * n), f"({n}) Note the weight and the rows", fontsize=9)
    assert [(round(box[1]), round(box[3])) for box in regions_of(page)] == [(105, 288)]


@pytest.mark.parametrize(("size", "rows"), [(9.0, 6), (8.0, 3)])
def test_text_between_further_rules_belongs_to_a_table_in_its_text_size(size: float, rows: int) -> None:
    page = new_page()
    end = draw_text_table(page)
    draw_rule(page, bottom := write_tasks(page, end, size=size), LEFT, RIGHT)
    (region,) = regions_of(page)
    assert round(region[3]) == round(bottom if rows == 6 else end)


def test_double_rule_below_a_table_is_part_of_it() -> None:
    page = new_page()
    draw_rule(page, bottom := draw_text_table(page) + 4, LEFT, RIGHT)
    (region,) = regions_of(page)
    assert round(region[3]) == round(bottom)


def test_table_ends_where_the_caption_of_another_begins() -> None:
    page = new_page()
    end = draw_text_table(page)
    page.insert_text((LEFT, end + 12), "Table 4 Tasks of the other visits of the year", fontsize=9)
    draw_rule(page, write_tasks(page, end + 12), LEFT, RIGHT)
    (region,) = regions_of(page)
    assert round(region[3]) == round(end)


@pytest.mark.parametrize(
    "texts",
    [
        {LEFT: SENTENCE},
        {LEFT: SENTENCE[:45], 300: SENTENCE[45:]},
        {LEFT: "On trees", 150: SENTENCE[:30], 330: SENTENCE[45:75]},
    ],
    ids=["one", "two", "three"],
)
def test_columns_of_text_below_a_table_are_not_part_of_it(texts: dict[float, str]) -> None:
    page = new_page()
    end = draw_text_table(page)
    for n in range(8):
        for x, text in texts.items():
            page.insert_text((x, end + 15 + 12 * n), text, fontsize=9)
    draw_rule(page, end + 120, LEFT, RIGHT)
    (region,) = regions_of(page)
    assert round(region[3]) == round(end)


def test_only_rules_of_the_same_ends_belong_to_a_table() -> None:
    page = new_page()
    end = draw_text_table(page)
    draw_rule(page, 102, LEFT, LEFT + 40)  # below a word of the caption
    draw_rule(page, 103, 400, 590)  # in another column
    draw_rule(page, write_tasks(page, end), LEFT, RIGHT - 60)
    assert [(round(box[1]), round(box[3])) for box in regions_of(page)] == [(105, round(end))]


def test_caption_far_above_the_first_rule_is_that_of_nothing() -> None:
    page = new_page()
    page.insert_text((LEFT, 90), CAPTION, fontsize=9)
    for n in range(8):
        page.insert_text((LEFT, 104 + 12 * n), SENTENCE, fontsize=9)
    draw_rule(page, 210, LEFT, RIGHT)
    for x, cell in zip((LEFT, MIDDLE), HEADER, strict=True):
        page.insert_text((x, 222), cell, fontsize=9)
    draw_rule(page, 227, LEFT, RIGHT)
    draw_rule(page, write_tasks(page, 227), LEFT, RIGHT)
    assert not regions_of(page)


@pytest.mark.parametrize(("header", "rows", "found"), [(1, 4, True), (6, 4, False), (1, 2, False)])
def test_header_has_few_rows_and_the_body_several(header: int, rows: int, found: bool) -> None:
    page = new_page()
    page.insert_text((LEFT, 100), CAPTION, fontsize=9)
    draw_rule(page, 105, LEFT, RIGHT)
    for x, cell in zip((LEFT, MIDDLE), HEADER, strict=True):
        for n in range(header):
            page.insert_text((x, 117 + 12 * n), cell, fontsize=9)
        for n in range(rows):
            page.insert_text((x, 122 + 12 * (header + n)), "From the south side", fontsize=9)
    draw_rule(page, 111 + 12 * header, LEFT, RIGHT)
    draw_rule(page, 116 + 12 * (header + rows), LEFT, RIGHT)
    assert bool(regions_of(page)) is found


def draw_cells(page: Any, cells: Sequence[tuple[float, float, str]], bottom: float) -> None:
    """Draw a table of text with three columns: its cells as x, y and text."""
    page.insert_text((LEFT, 100), CAPTION, fontsize=9)
    for y in (105, 122, bottom):
        draw_rule(page, y, LEFT, RIGHT)
    for x, cell in zip((LEFT, 140, 250), ("Week", "Visit", "Tasks"), strict=True):
        page.insert_text((x, 117), cell, fontsize=9)
    for x, y, text in cells:
        page.insert_text((x, y), text, fontsize=9)


def test_rows_without_a_label_begin_where_the_gap_is_wider() -> None:
    page = new_page()
    cells = [(LEFT, 135.0, "First")]
    for n, visit in enumerate(("Counting", "Sampling", "Mowing", "Picking")):
        y = 135 + 27 * n
        cells += [
            (140, y, visit),
            (250, y, "The trees of the south side and those along the river are"),
            (250, y + 12, "done."),
        ]
    draw_cells(page, cells, 242)
    (table,) = tables_of(page)
    task = "The trees of the south side and those along the river are done."
    assert rows_in(table)[1:] == (
        ("First", "Counting", task),
        ("", "Sampling", task),
        ("", "Mowing", task),
        ("", "Picking", task),
    )


@pytest.mark.parametrize(("x", "is_note"), [(250.0, False), (264.0, False), (300.0, True), (LEFT, True)])
def test_last_lines_of_a_cell_are_no_note(x: float, is_note: bool) -> None:
    page = new_page()
    text = "* the weight of each box is noted"
    cells = [(LEFT, 135.0, "First"), (140, 135.0, "Counting"), (250, 135.0, "All the trees are counted in the morning")]
    cells += [(LEFT, 155.0, "Second"), (140, 155.0, "Harvest"), (250, 155.0, "Boxes come from the rows of the south")]
    draw_cells(page, [*cells, (x, 167.0, text)], 175)
    (table,) = tables_of(page)
    assert table.notes == ((text,) if is_note else ())
