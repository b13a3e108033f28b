"""Tables with many, few or no rules are found; similar layouts are not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from extractors.layout.tables import Table, find_tables
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


def test_ruled_grid_has_its_cells_and_its_box() -> None:
    page = new_page()
    write_paragraph(page, 72, 100, 4)
    draw_grid(page)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)
    assert table.box == pytest.approx((72, 200, 440, 290), abs=3)


def test_lines_between_two_rules_are_one_row() -> None:
    page = new_page()
    heights = (0, 18, 58, 98, 138)
    for n, y in enumerate(heights):
        draw_rule(page, 200 + y)
        if n < 4:
            page.insert_text((76, 213 + y), ("Step", "Open", "Fill", "Shut")[n], fontsize=10)
            page.insert_text(
                (204, 213 + y), ("What to do", "Turn the valve", "Pour the oil", "Press the lid")[n], fontsize=10
            )
            if n:
                page.insert_text((204, 227 + y), "and wait a minute", fontsize=10)
    for x in (72, 200, 440):
        page.draw_line((x, 200), (x, 338), width=0.7)
    (table,) = tables_of(page)
    assert rows_in(table)[1] == ("Open", "Turn the valve and wait a minute")
    assert len(rows_in(table)) == 4


def test_three_rules_are_enough() -> None:
    page = new_page()
    write_paragraph(page, 72, 60, 6)
    bottom = write_rows(page, HARVEST)
    for y in (TOP, TOP + STEP, bottom):
        draw_rule(page, y)
    write_paragraph(page, 72, 320, 8)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)
    assert table.box[1] == pytest.approx(TOP, abs=3)
    assert table.box[3] == pytest.approx(bottom, abs=3)


def test_rows_under_a_caption_need_no_rules() -> None:
    page = new_page()
    page.insert_text((72, 190), "Table 2. Orchards and who keeps them", fontsize=10)
    rows = [
        ("Orchard", "Keeper", "Fruit"),
        ("North", "Family", "Apples"),
        ("South", "School", "Plums"),
        ("West", "Town", "Pears"),
    ]
    write_rows(page, rows)
    write_paragraph(page, 72, 300, 8)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(rows)


def test_columns_of_numbers_are_a_table_with_their_headings() -> None:
    page = new_page()
    write_paragraph(page, 72, 60, 6)
    rows = [
        ("", "2022", "2021"),
        ("Sales", "$ 8,890", "$ 9,569"),
        ("Costs", "(693)", "(760)"),
        ("Income", "3,514", "-"),
    ]
    write_rows(page, rows, columns=(72, 300, 400))
    write_paragraph(page, 72, 320, 8)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(rows)


def test_currency_signs_are_merged_with_their_numbers() -> None:
    page = new_page()
    rows = [
        ("Sales", "$", "8,890", "$", "9,569"),
        ("Costs", "", "693", "", "760"),
        ("Tax", "", "12", "", "14"),
        ("Income", "$", "8,185", "$", "8,795"),
    ]
    write_rows(page, rows, columns=(72, 280, 300, 380, 400))
    (table,) = tables_of(page)
    assert rows_in(table)[0] == ("Sales", "$ 8,890", "$ 9,569")


@pytest.mark.parametrize("rotation", [0, 90])
def test_box_of_a_sideways_table_is_that_of_the_displayed_page(rotation: int) -> None:
    upright = new_page()
    draw_grid(upright)
    document = pymupdf().open()
    page = document.new_page(width=842, height=595)
    page.show_pdf_page(page.rect, upright.parent, 0, rotate=90)
    page.set_rotation(rotation)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)
    width, height = table.box[2] - table.box[0], table.box[3] - table.box[1]
    assert (width < height) is (rotation == 0)
    assert 0 <= table.box[0] < table.box[2] <= page.rect.width


def test_two_tables_stay_separate() -> None:
    page = new_page()
    for top in (150.0, 400.0):
        bottom = write_rows(page, HARVEST, top=top)
        for y in (top, top + STEP, bottom):
            draw_rule(page, y)
    write_paragraph(page, 72, 290, 6)
    assert [rows_in(table) for table in tables_of(page)] == [tuple(HARVEST)] * 2


def test_two_columns_of_text_between_rules_are_no_table() -> None:
    page = new_page()
    draw_rule(page, 60, 50, 545)
    draw_rule(page, 760, 50, 545)
    for x in (50, 305):
        write_paragraph(page, x, 80, 45, width=240)
    assert tables_of(page) == []


def test_a_framed_paragraph_is_no_table() -> None:
    page = new_page()
    page.draw_rect((60, 95, 540, 260))
    write_paragraph(page, 72, 100, 9)
    assert tables_of(page) == []


def test_table_of_contents_is_no_table() -> None:
    page = new_page()
    write_rows(page, [(f"Chapter {n} of the manual", str(9 * n)) for n in range(1, 12)], columns=(72, 480))
    assert tables_of(page) == []


def test_a_chart_with_grid_lines_is_no_table() -> None:
    page = new_page()
    for n in range(6):
        draw_rule(page, 200 + 30 * n, 100, 400)
        page.insert_text((75, 204 + 30 * n), f"{100 - 20 * n}", fontsize=9)
    for n in range(5):
        page.insert_text((110 + 60 * n, 365), f"Q{n + 1}", fontsize=9)
        page.draw_rect((110 + 60 * n, 350 - 23 * n, 140 + 60 * n, 350), fill=(0.2, 0.4, 0.8), color=None)
    assert tables_of(page) == []


def test_bars_with_numbers_are_no_table() -> None:
    page = new_page()
    for n, (label, share) in enumerate(
        [("Total", 61), ("Men", 44), ("Women", 75), ("Young", 52), ("Old", 33), ("All", 20)]
    ):
        y = 200 + 16 * n
        page.insert_text((80, y + 10), label, fontsize=9)
        page.draw_rect((150, y, 150 + 2 * share, y + 12), fill=(0.1, 0.3, 0.5), color=None)
        page.draw_rect((150 + 2 * share, y, 350, y + 12), fill=(0.6, 0.6, 0.1), color=None)
        page.insert_text((155, y + 10), str(share), fontsize=9)
        page.insert_text((320, y + 10), str(100 - share), fontsize=9)
    assert tables_of(page) == []


def test_empty_page_has_no_tables() -> None:
    assert tables_of(new_page()) == []


def test_rules_at_the_head_and_foot_of_a_page_make_no_table() -> None:
    page = new_page()
    draw_rule(page, 60, 40, RIGHT + 60)
    draw_rule(page, 800, 40, RIGHT + 60)
    for y in (TOP, TOP + STEP, write_rows(page, HARVEST)):
        draw_rule(page, y)
    for row in range(12):
        page.insert_text((72, 400 + 20 * row), "short note", fontsize=10)
        page.insert_text((300, 400 + 20 * row), "beside it", fontsize=10)
    (table,) = tables_of(page)
    assert table.box[1] > TOP - 5
    assert table.box[3] < 350


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


def test_heading_of_several_columns_counts_for_each_above_its_rule() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (294, 213, "Yield"), (204, 231, "Trees"), (294, 231, "Tonnes"))
    write_cells(page, (384, 231, "Price"))
    draw_rule(page, 217, 290, RIGHT)
    write_rows(page, HARVEST[1:], top=240)
    draw_frame(page, 200, 238, 314)
    assert rows_of(page) == (("Orchard", "Trees", "Yield Tonnes", "Yield Price"), *HARVEST[1:])


def test_heading_between_columns_counts_for_those_around_its_middle() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (325, 213, "Yield"), (204, 231, "Trees"), (284, 231, "Tonnes"))
    write_cells(page, (370, 231, "Price"))
    write_rows(page, HARVEST[1:], columns=(72, 200, 280, 366), top=240)
    draw_frame(page, 200, 238, 314)
    assert rows_of(page)[0] == ("Orchard", "Trees", "Yield Tonnes", "Yield Price")


def test_title_across_the_table_is_part_of_every_header() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Harvest of the autumn"))
    write_rows(page, HARVEST, top=220)
    draw_frame(page, 200, 219, 238, 312)
    assert rows_of(page)[0] == tuple(f"Harvest of the autumn {name}" for name in HARVEST[0])


def test_last_line_of_a_caption_above_the_upper_rule_is_no_header() -> None:
    page = new_page()
    write_cells(page, (76, 181, "Table 3. The harvest of four orchards, with the"), (76, 193, "prices of the autumn"))
    write_rows(page, HARVEST)
    draw_frame(page, 199, 218, 292)
    assert rows_of(page) == tuple(HARVEST)


def test_lines_of_a_header_and_of_cells_are_joined() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (204, 207, "Number"), (204, 219, "of trees"), (294, 213, "Tonnes"))
    y = 240.0
    for name, more, trees, tonnes in (("North", "slope", "1,204", "31.5"), ("South", "side", "986", "27.0")):
        write_cells(page, (76, y, name), (76, y + 12, more), (204, y + 6, trees), (294, y + 6, tonnes))
        y += 32
    draw_frame(page, 196, 225, 300)
    assert rows_of(page) == (
        ("Orchard", "Number of trees", "Tonnes"),
        ("North slope", "1,204", "31.5"),
        ("South side", "986", "27.0"),
    )


def test_label_at_half_the_height_of_several_rows_is_repeated() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (204, 213, "Trees"), (294, 213, "Tonnes"))
    for n, (trees, tonnes) in enumerate((("204", "31.5"), ("986", "27.0"), ("510", "44.2"), ("77", "2.1"))):
        write_cells(page, (204, 234 + 16 * n, trees), (294, 234 + 16 * n, tonnes))
    write_cells(page, (76, 242, "North"), (76, 274, "South"))
    draw_frame(page, 200, 219, 290)
    assert [row[0] for row in rows_of(page)] == ["Orchard", "North", "North", "South", "South"]


def test_label_of_a_group_stands_in_each_of_its_rows() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], ("In the valley:",), *HARVEST[1:3], ("On the hill",), *HARVEST[3:]])
    draw_frame(page, 200, 218, 326)
    (table,) = tables_of(page)
    assert [row[0] for row in rows_in(table)] == [
        "Orchard", "In the valley: North slope", "In the valley: South slope",
        "On the hill: River side", "On the hill: Old garden",
    ]  # fmt: skip
    assert table.grid.groups == (1, 4)
    assert [cell.text for cell in table.grid.cells if cell.column_span == 4] == ["In the valley:", "On the hill"]


def test_group_ends_with_the_rows_that_are_indented_below_its_label() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], ("In the valley",)])
    write_rows(page, HARVEST[1:3], (84, *COLUMNS[1:]), TOP + 2 * STEP)
    write_rows(page, HARVEST[3:], top=TOP + 4 * STEP)
    draw_frame(page, 200, 218, 310)
    assert [row[0] for row in rows_of(page)][1:] == [
        "In the valley: North slope", "In the valley: South slope", "River side", "Old garden",
    ]  # fmt: skip


def test_label_in_the_middle_of_the_table_is_that_of_a_group() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], (), *HARVEST[1:3], (), *HARVEST[3:]])
    write_cells(page, (225, TOP + STEP + 13, "In the valley"), (230, TOP + 4 * STEP + 13, "On the hill"))
    draw_frame(page, 200, 218, 326)
    assert [row[0].split(":")[0] for row in rows_of(page)[1:]] == ["In the valley"] * 2 + ["On the hill"] * 2


def test_years_are_a_header() -> None:
    page = new_page()
    write_rows(page, [("Orchard", "2023", "2024"), ("North", "31", "40"), ("South", "27", "33"), ("West", "4", "9")])
    draw_frame(page, 200, 218, 272)
    (table,) = tables_of(page)
    assert table.has_header
    assert rows_in(table)[0] == ("Orchard", "2023", "2024")


def test_rows_without_label_above_labelled_rows_are_the_header() -> None:
    page = new_page()
    write_rows(page, [("", "1", "2"), ("North", "31", "40"), ("South", "27", "33"), ("West", "4", "9")])
    draw_frame(page, 200, 272)
    (table,) = tables_of(page)
    assert (table.has_header, rows_in(table)[0]) == (True, ("", "1", "2"))


def test_levels_of_a_header_are_kept_with_their_spans() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (294, 213, "Yield"), (204, 231, "Trees"), (294, 231, "Tonnes"))
    write_cells(page, (384, 231, "Price"))
    draw_rule(page, 217, 290, RIGHT)
    write_rows(page, HARVEST[1:], top=240)
    draw_frame(page, 200, 238, 314)
    (table,) = tables_of(page)
    header = [(c.text, c.row, c.column, c.row_span, c.column_span) for c in table.grid.cells if c.row < 2]
    assert header == [
        ("Orchard", 0, 0, 2, 1), ("Trees", 0, 1, 2, 1), ("Yield", 0, 2, 1, 2),
        ("Tonnes", 1, 2, 1, 1), ("Price", 1, 3, 1, 1),
    ]  # fmt: skip


def test_table_without_sign_of_a_header_says_so() -> None:
    page = new_page()
    write_rows(page, HARVEST[1:])
    draw_frame(page, 200, 272)
    (table,) = tables_of(page)
    assert not table.has_header


def test_amounts_have_their_signs_where_only_some_rows_have_one() -> None:
    page = new_page()
    write_rows(page, [("", "2023", "2024"), ("Sales", "8,890", "9,569"), ("Costs", "(693)", "(760)")], (72, 300, 400))
    write_cells(page, (76, 267, "Income"), (230, 267, "$"), (304, 267, "8,197  $"), (404, 267, "8,809"))
    write_cells(page, (76, 285, "Margin"), (304, 285, "92"), (318, 285, "%"), (404, 285, "92"), (418, 285, "%"))
    draw_frame(page, 200, 218, 290)
    assert rows_of(page)[3:] == (("Income", "$ 8,197", "$ 8,809"), ("Margin", "92 %", "92 %"))


def test_shaded_rows_are_no_header() -> None:
    page = new_page()
    for n in (1, 3):
        page.draw_rect((72, 200 + 18 * n, RIGHT, 218 + 18 * n), fill=(0.85, 0.9, 1), color=None)
    write_rows(page, HARVEST)
    assert rows_of(page) == tuple(HARVEST)


def test_raised_mark_belongs_to_the_text_before_it() -> None:
    page = new_page()
    write_rows(page, HARVEST)
    page.insert_text((76 + pymupdf().get_text_length("Old garden", fontsize=10), 280), "(a)", fontsize=6)
    draw_frame(page, 200, 218, 290)
    assert rows_of(page)[-1] == ("Old garden (a)", *HARVEST[-1][1:])


def test_notes_below_and_unit_above_belong_to_the_table() -> None:
    page = new_page()
    write_cells(page, (76, 196, "(Amounts in millions of euros)"))
    write_rows(page, HARVEST)
    draw_frame(page, 200, 218, 290)
    page.insert_text((76, 301), "* Without the trees that were planted in the", fontsize=8)
    page.insert_text((76, 311), "last year of the report.", fontsize=8)
    write_paragraph(page, 72, 330, 4)
    (table,) = tables_of(page)
    assert table.title == "(Amounts in millions of euros)"
    assert table.notes == ("* Without the trees that were planted in the", "last year of the report.")
    assert (table.box[1] < 190, 310 < table.box[3] < 325) == (True, True)
    assert rows_in(table) == tuple(HARVEST)


def test_note_in_the_last_row_is_no_cell() -> None:
    page = new_page()
    bottom = write_rows(page, HARVEST)
    write_cells(page, (76, bottom + 15, "See accompanying notes to the statements of the orchards"))
    draw_frame(page, 200, 218, bottom, bottom + 22)
    (table,) = tables_of(page)
    assert table.notes == ("See accompanying notes to the statements of the orchards",)
    assert rows_in(table) == tuple(HARVEST)


def test_title_centred_over_the_table_is_no_header() -> None:
    page = new_page()
    write_cells(page, (192, 195, "Statement of Harvest"))
    write_rows(page, HARVEST, top=202)
    for n in (1, 3):
        page.draw_rect((72, 202 + 18 * n, RIGHT, 220 + 18 * n), fill=(0.85, 0.9, 1), color=None)
    (table,) = tables_of(page)
    assert (table.title, rows_in(table)[0]) == ("Statement of Harvest", HARVEST[0])


def test_text_between_shaded_tables_of_one_width_separates_them() -> None:
    page = new_page()
    for top in (150.0, 330.0):
        for n in (1, 3):
            page.draw_rect((72, top + 18 * n, RIGHT, top + 18 * n + 18), fill=(0.85, 0.9, 1), color=None)
        write_rows(page, HARVEST, top=top)
    write_paragraph(page, 72, 255, 4)
    assert [rows_in(table) for table in tables_of(page)] == [tuple(HARVEST)] * 2


def test_label_of_a_subgroup_stands_within_its_group() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], ("Valley:",)])
    write_rows(page, [("East:",), HARVEST[1], ("West:",), HARVEST[2]], (78, *COLUMNS[1:]), TOP + 2 * STEP)
    write_rows(page, [("Hill:",), *HARVEST[3:]], top=TOP + 6 * STEP)
    draw_frame(page, 200, 218, 362)
    assert [row[0] for row in rows_of(page)[1:]] == [
        "Valley: East: North slope", "Valley: West: South slope", "Hill: River side", "Hill: Old garden",
    ]  # fmt: skip


def test_headings_above_a_heading_of_several_columns_stay_apart() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (204, 213, "Planted"), (294, 213, "Picked"), (284, 231, "Both years"))
    draw_rule(page, 234, 204, 370)
    write_rows(page, HARVEST[1:], top=240)
    draw_frame(page, 200, 238, 314)
    assert rows_of(page)[0] == ("Orchard", "Planted Both years", "Picked Both years", "")


@pytest.mark.parametrize("shaded", [False, True])
def test_header_above_the_first_rule_belongs_to_the_table(shaded: bool) -> None:
    page = new_page()
    write_paragraph(page, 72, 100, 4)
    if shaded:
        for row in (1, 3):
            for x0, x1 in pairwise((*COLUMNS, RIGHT)):
                box = (x0, TOP + STEP * row, x1, TOP + STEP * (row + 1))
                page.draw_rect(box, color=None, fill=(0.93, 0.95, 0.98))
    write_rows(page, HARVEST)
    for row in (1,) if shaded else range(1, len(HARVEST) + 1):
        draw_rule(page, TOP + STEP * row)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)


def test_rows_of_sentences_between_rules_are_a_table_with_the_header_above_the_first_rule() -> None:
    page = new_page()
    rows = [("Orchard", "Soil", "Care"), *((name, SENTENCE, SENTENCE) for name, *_ in HARVEST[1:])]
    for number, row in enumerate(rows):
        for x, cell in zip((72, 160, 310), row, strict=True):
            page.insert_textbox(
                (x, TOP + 40 * number, x + (80 if x == 72 else 140), TOP + 40 * (number + 1)), cell, fontsize=8
            )
        draw_rule(page, TOP + (14 if number == 0 else 40 * (number + 1) - 2))
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(rows)


def test_paragraph_below_a_table_is_no_note_for_its_article() -> None:
    page = new_page()
    write_rows(page, HARVEST)
    for row in (0, 1, len(HARVEST)):
        draw_rule(page, TOP + STEP * row)
    page.insert_textbox((72, TOP + STEP * 5 + 6, 440, 400), f"A {SENTENCE.lower()} " * 4, fontsize=10)
    (table,) = tables_of(page)
    assert table.notes == ()


def test_columns_of_running_text_beside_a_table_are_none_of_its_columns() -> None:
    page = new_page()
    page.insert_textbox((40, 180, 130, 400), f"{SENTENCE} " * 4, fontsize=8)
    write_rows(page, HARVEST, (150, 220, 260, 310))
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)


def test_upright_bars_on_one_line_are_no_table() -> None:
    page = new_page()
    write_rows(page, [("100", "100", "100"), ("75", "75", "75"), ("50", "50", "50"), ("2019", "2020", "2021")])
    for number, bar in enumerate((55, 40, 62, 30, 20)):
        x = 90 + 60 * number
        page.draw_rect((x, TOP + 66 - bar, x + 20, TOP + 66), color=None, fill=(0.1, 0.4, 0.7))
    assert not tables_of(page)
