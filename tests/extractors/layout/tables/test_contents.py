"""The header, the groups, the notes and the cells of tables that were found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from extractors.pdf.render import pymupdf
from tests.support.drawn_tables import (
    COLUMNS,
    HARVEST,
    RIGHT,
    SENTENCE,
    STEP,
    TOP,
    draw_frame,
    draw_grid,
    draw_rule,
    new_page,
    rows_in,
    rows_of,
    tables_of,
    write_cells,
    write_paragraph,
    write_rows,
)


def _page_with_two_header_rows() -> Any:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (294, 213, "Yield"), (204, 231, "Trees"), (294, 231, "Tonnes"))
    write_cells(page, (384, 231, "Price"))
    draw_rule(page, 217, 290, RIGHT)
    write_rows(page, HARVEST[1:], top=240)
    draw_frame(page, 200, 238, 314)
    return page


def test_heading_of_several_columns_counts_for_each_above_its_rule() -> None:
    page = _page_with_two_header_rows()
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


def test_references_are_a_header() -> None:
    page = new_page()
    write_rows(page, [("Orchard", "Ours", "[7]"), ("North", "31", "40"), ("South", "27", "33"), ("West", "4", "9")])
    draw_frame(page, 200, 218, 272)
    assert rows_of(page)[0] == ("Orchard", "Ours", "[7]")


def test_rows_without_label_above_labelled_rows_are_the_header() -> None:
    page = new_page()
    write_rows(page, [("", "1", "2"), ("North", "31", "40"), ("South", "27", "33"), ("West", "4", "9")])
    draw_frame(page, 200, 272)
    (table,) = tables_of(page)
    assert (table.has_header, rows_in(table)[0]) == (True, ("", "1", "2"))


def test_levels_of_a_header_are_kept_with_their_spans() -> None:
    page = _page_with_two_header_rows()
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


@pytest.mark.parametrize(("shaded", "beside"), [(False, False), (True, False), (True, True)])
def test_header_above_the_first_rule_belongs_to_the_table(shaded: bool, beside: bool) -> None:
    page = new_page()
    if beside:  # the other column of the page has lines between the rows
        write_cells(page, *((RIGHT + 20, TOP + STEP * (row + 1.25), "of the trees") for row in range(-2, 7)))
    write_paragraph(page, 72, 100, 4)
    if shaded:
        for row in (1, 2, 3, 4) if beside else (1, 3):
            for x0, x1 in pairwise((*COLUMNS, RIGHT)):
                box = (x0, TOP + STEP * row, x1, TOP + STEP * (row + 1))
                page.draw_rect(box, color=None, fill=(0.93, 0.95, 0.98))
    write_rows(page, HARVEST)
    for row in (1,) if shaded else range(1, len(HARVEST) + 1):
        draw_rule(page, TOP + STEP * row)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)


def test_caption_set_wide_is_no_header() -> None:
    page = new_page()
    write_rows(page, [("Table 3 Harvests", "of", "all", "orchards")], top=TOP - STEP)
    draw_grid(page)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)


def test_paragraph_below_a_table_is_no_note_for_its_article() -> None:
    page = new_page()
    write_rows(page, HARVEST)
    for row in (0, 1, len(HARVEST)):
        draw_rule(page, TOP + STEP * row)
    page.insert_textbox((72, TOP + STEP * 5 + 6, 440, 400), f"A {SENTENCE.lower()} " * 4, fontsize=10)
    (table,) = tables_of(page)
    assert table.notes == ()


def test_table_written_as_text_has_columns_and_rules() -> None:
    page = new_page()
    lines = [
        "Orchard                Trees   Tonnes   Price",
        "---------------------------------------------",
        *(f"{name} ".ljust(20, ".") + f"{a:>8}{b:>9}{c:>8}" for name, a, b, c in HARVEST[1:]),
    ]
    for n, line in enumerate(lines):
        page.insert_text((72, TOP + 13 * n), line, fontname="cour", fontsize=10)
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)
    assert table.has_header


def test_heading_between_upright_rules_counts_for_the_columns_there() -> None:
    page = new_page()
    write_cells(page, (240, 213, "2005"), (375, 213, "2010"))
    edges = (72, 180, 245, 310, 375, 440)
    rows = [("", "Rate", "Error", "Rate", "Error"), *((f"Group {n}", "1.5", "0.3", "1.7", "0.4") for n in range(4))]
    bottom = write_rows(page, rows, edges, top=218)
    for n in range(7):
        draw_rule(page, 200 + 18 * n)
    for x in edges:
        page.draw_line((x, 200 if x in (72, 180, 310, 440) else 218), (x, bottom), width=0.7)
    assert rows_of(page)[0] == ("", "2005 Rate", "2005 Error", "2010 Rate", "2010 Error")


def test_second_line_of_a_label_is_part_of_it_where_rows_have_rules() -> None:
    page = new_page()
    write_rows(page, HARVEST[:4])
    page.insert_text((76, 285), "(leased since 1990)", fontsize=10)
    page.insert_text((76, 303), "Old garden", fontsize=10)
    page.insert_text((204, 303), "77", fontsize=10)
    for y in (200, 218, 236, 254, 290, 308):
        draw_rule(page, y)
    for x in (*COLUMNS, RIGHT):
        page.draw_line((x, 200), (x, 308), width=0.7)
    assert [row[0] for row in rows_of(page)[3:]] == ["River side (leased since 1990)", "Old garden"]


def test_cells_that_begin_with_the_numbers_of_tight_rows_end_before_the_next() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (204, 213, "What was done"), (384, 213, "Trees"))
    rows = [("North", ("Pruned in winter and", "watered in summer,", "then left alone"), "204"),
            ("South", ("Felled after", "the storm"), "986"), ("West", ("Grafted with pears",), "510")]  # fmt: skip
    y = 231.0
    for name, lines, trees in rows:
        write_cells(page, (76, y - 0.5, name), (384, y, trees))
        for line in lines:
            write_cells(page, (204, y, line))
            y += 12
    draw_frame(page, 200, 218, y)
    assert rows_of(page)[1:] == tuple((name, " ".join(lines), trees) for name, lines, trees in rows)


def test_dashes_for_missing_values_make_no_column_of_numbers() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (204, 213, "Fruit"), (294, 213, "Soil"), (384, 213, "Source"))
    rows = [("North", "Apples", "-", "[3]"), ("South", "Plums and", "Clay", "[4, 5]"), ("West", "Pears", "-", "[7]"),
            ("East", "Quinces", "-", "[8]")]  # fmt: skip
    write_rows(page, rows[:2], top=222)
    write_cells(page, (204, 265, "apricots"))
    write_rows(page, rows[2:], top=270)
    draw_frame(page, 200, 218, 308)
    assert rows_of(page)[1:] == (rows[0], ("South", "Plums and apricots", "Clay", "[4, 5]"), *rows[2:])


def test_heading_far_above_the_middle_one_of_three_counts_for_all() -> None:
    page = new_page()
    write_cells(page, (76, 213, "Orchard"), (283, 211, "Yield of fruit"), (204, 228, "Spring"), (294, 228, "Summer"))
    write_cells(page, (384, 228, "Autumn"))
    write_rows(page, [(name, *numbers) for name, *numbers in HARVEST[1:]], top=240)
    draw_frame(page, 196, 235, 314)
    assert rows_of(page)[0] == ("Orchard", *(f"Yield of fruit {name}" for name in ("Spring", "Summer", "Autumn")))


def test_header_in_its_own_font_may_have_a_row_of_numbers() -> None:
    page = new_page()
    for x, y, text in ((76, 213, "Orchard"), (294, 213, "Days"), (204, 229, "3"), (294, 229, "7"), (384, 229, "14")):
        page.insert_text((x, y), text, fontsize=10, fontname="hebo")
    draw_rule(page, 217, 200)
    write_rows(page, HARVEST[1:], top=240)
    draw_frame(page, 200, 235, 314)
    assert rows_of(page) == (("Orchard", "Days 3", "Days 7", "Days 14"), *HARVEST[1:])


def test_few_cells_in_a_wide_gutter_are_a_column() -> None:
    page = new_page()
    rows = [(f"Tree {n}", "old" if n in (5, 11) else "", f"{n}.5", f"{3 * n}") for n in range(1, 15)]
    write_rows(page, [("Name", "Age", "Tonnes", "Price"), *rows])
    draw_frame(page, 200, 218, 472)
    assert rows_of(page)[1:] == tuple(rows)


def test_labels_in_the_middle_of_their_rows_stand_in_each_of_them() -> None:
    page = new_page()
    groups = ["North"] * 3 + ["South"] * 2 + ["East"] * 4
    rows = [(f"Tree {n}", "", f"{n}.5", f"{3 * n}") for n in range(1, 10)]
    write_rows(page, [("Name", "Side", "Tonnes", "Price"), *rows])
    for row, label in ((1, "North"), (3.5, "South"), (6.5, "East")):
        write_cells(page, (204, TOP + STEP * (row + 1) + 13, label))
    draw_frame(page, 200, 218, 382)
    assert [row[1] for row in rows_of(page)[1:]] == groups
