"""Rows above and below the rules of a table that belong to it, and levels of headers between rules."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.drawn_tables import (
    COLUMNS,
    HARVEST,
    RIGHT,
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

SLOPES = [(f"Slope {n}", f"{n},204", f"{n}1.5", f"0.{n}2") for n in range(1, 9)]


def test_rows_of_numbers_above_the_rules_of_the_totals_belong_to_the_table() -> None:
    page = new_page()
    bottom = write_rows(page, SLOPES)
    totals = [("All", "9,204", "91.5", "0.92"), ("Mean", "4,204", "41.5", "0.42"), ("Least", "1,204", "11.5", "0.12")]
    draw_frame(page, bottom, bottom + 18, bottom + 36, bottom + 54)
    write_rows(page, totals, top=bottom)
    assert rows_of(page)[-11:] == (*SLOPES, *totals)


def test_group_below_an_inner_rule_belongs_to_the_table() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], *SLOPES[:3], ("Wild trees",), *SLOPES[3:]])
    draw_frame(page, 200, 218, 272)
    assert len(rows_of(page)) == 9


def test_level_rules_of_a_shaded_header_make_no_table_of_their_own() -> None:
    page = new_page()
    draw_frame(page, 200, 218, 236)
    write_cells(page, (204, 213, "Yield of the year"))
    write_rows(page, [HARVEST[0], *SLOPES], top=218)
    assert rows_of(page)[1:] == tuple(SLOPES)


def test_heading_of_many_lines_does_not_reach_into_the_text_beside_it() -> None:
    page = new_page()
    names = [("", f"line {n}", f"line {n}", f"line {n}") for n in range(4)]
    for n, row in enumerate(names):
        write_rows(page, [row], columns=(300, 380, 440, 500), top=200 + 11 * n)
    write_cells(page, (40, 213, "(figure 1)."))
    write_rows(page, [("All slopes",), *SLOPES], columns=(300, 380, 440, 500), top=246)
    assert rows_of(page)[0] == ("", *["line 0 line 1 line 2 line 3"] * 3)


def test_rule_below_several_headings_separates_levels() -> None:
    page = new_page()
    write_cells(page, (290, 213, "Yield of the year"))
    write_rows(page, [("", "Trees", "Tonnes", "Price")], top=220)
    write_rows(page, [("", "all", "all", "mean")], top=238)
    for y in (218, 238):
        draw_rule(page, y, 200, RIGHT - 30)
    write_rows(page, SLOPES, top=258)
    draw_frame(page, 200, 257, 404)
    year = "Yield of the year"
    assert rows_of(page)[0] == ("", f"{year} Trees all", f"{year} Tonnes all", f"{year} Price mean")


def test_second_level_of_a_header_with_rules_leaves_the_labels_empty() -> None:
    page = new_page()
    write_rows(page, [("", "Trees", "Tonnes", "Price"), ("", "median", "median", "mean"), *SLOPES])
    draw_frame(page, *(200 + 18 * n for n in range(11)))
    assert rows_of(page)[0] == ("", "Trees median", "Tonnes median", "Price mean")


def test_rest_of_a_row_from_the_page_before_is_no_level_of_the_header() -> None:
    page = new_page()
    write_rows(page, [("Slope", "Trees", "Tonnes", "Price"), ("", "in the valley", "", ""), *SLOPES])
    draw_frame(page, *(200 + 18 * n for n in range(11)))
    assert rows_of(page)[:2] == (("Slope", "Trees", "Tonnes", "Price"), ("", "in the valley", "", ""))


def test_number_that_is_broken_in_brackets_is_one_cell() -> None:
    page = new_page()
    cells = [(f"Slope {n}", f"0.{n} (0.1,", f"1.{n} [0.4,") for n in range(1, 7)]
    for n, row in enumerate(cells):
        write_rows(page, [row, ("", "0.9)", "3.5]")], top=230 + 36 * n)
    write_rows(page, [("Orchard", "Odds", "Ratio")], top=206)
    draw_frame(page, 200, *(228 + 36 * n for n in range(7)))
    assert rows_of(page)[1:] == tuple((a, f"{b} 0.9)", f"{c} 3.5]") for a, b, c in cells)


def test_two_columns_of_few_cells_stay_apart() -> None:
    page = new_page()
    few = {2: ("3.7", "0.04"), 9: ("2.2", "0.74")}
    rows = [(f"Tree {n}", f"{n}.5", *few.get(n, ("", ""))) for n in range(1, 15)]
    write_rows(page, [("Name", "Tonnes", "Mean", "Error"), *rows])
    draw_frame(page, 200, 218, 472)
    assert rows_of(page)[2] == ("Tree 2", "2.5", "3.7", "0.04")


def test_cells_alone_in_their_columns_are_not_joined_to_others() -> None:
    page = new_page()
    rows = [(f"Tree {n}", *(("3.7", "0.04") if n == 2 else ("", "")), f"{n}.5") for n in range(1, 9)]
    write_rows(page, [("Name", "", "", "Tonnes"), *rows])
    draw_frame(page, 200, 218, 364)
    assert rows_of(page)[2] == ("Tree 2", "3.7 0.04", "2.5")


def test_end_of_a_continued_caption_is_no_header() -> None:
    page = new_page()
    write_paragraph(page, 72, 60, 3)
    write_cells(page, (72, 196, "(Continued)"))
    write_rows(page, SLOPES)
    draw_frame(page, 184, 200, 344)
    assert rows_of(page)[-8:] == tuple(SLOPES)
    assert not any("Continued" in cell for row in rows_of(page) for cell in row)


def test_years_above_a_shaded_grid_are_its_header() -> None:
    page = new_page()
    header, *rows = [
        ("(millions)", "2021", "2020", "2019"),
        *((f"Slope {n}", f"$ {n},204", f"{n}31", f"{n}8") for n in (1, 2, 3)),
    ]
    write_rows(page, [header, *rows])
    for row in range(1, 5):
        draw_rule(page, 200 + 18 * row)
    for x in (*COLUMNS, RIGHT):
        page.draw_line((x, 218), (x, 272), width=0.7)
    assert rows_of(page) == (header, *rows)


def test_header_above_a_shaded_grid_of_which_one_heading_has_two_lines_is_its_header() -> None:
    page = new_page()
    rows = [(f"Slope {n}", f"{n},204", f"{n}31", f"{n}8") for n in (1, 2, 3)]
    write_rows(page, rows, top=218)
    shade_rows(page, 218, 236, 254)
    write_cells(
        page, *((x + 4, 201, text) for x, text in zip(COLUMNS, ("Orchard", "Trees", "Tonnes", "Number"), strict=True))
    )
    write_cells(page, (COLUMNS[-1] + 4, 212, "of rows"))
    assert rows_of(page) == (("Orchard", "Trees", "Tonnes", "Number of rows"), *rows)


def shade_rows(page: Any, *tops: float) -> None:
    for top in tops:
        for x0, x1 in pairwise((*COLUMNS, RIGHT)):
            page.draw_rect((x0, top, x1, top + 18), fill=(0.9, 0.95, 1), color=None)


def test_headings_of_several_levels_above_shaded_rows_are_their_header() -> None:
    page = new_page()
    write_cells(page, (280, 185, "May 31, 2021"), (196, 198, "Assets at"), (292, 198, "Other"))
    header = ("(millions)", "fair value", "assets", "Total")
    rows = [(f"Slope {n}", f"    {n},204", f"{n}31", f"{n}8") for n in (1, 2, 3)]
    shade_rows(page, 214, 232, 250)
    write_cells(page, *zip((76, 194, 292, 392), (210,) * 4, header, strict=True))
    write_rows(page, rows, top=214)
    assert rows_of(page)[0] == (
        "(millions)",
        "May 31, 2021 Assets at fair value",
        "May 31, 2021 Other assets",
        "May 31, 2021 Total",
    )


def test_headings_in_pieces_above_shaded_rows_are_their_header() -> None:
    page = new_page()
    shade_rows(page, 214, 232, 250)
    write_cells(page, (76, 210, "Name"), (204, 210, "Liabilities of level 1"), (315, 210, "2"), (384, 210, "NAV"))
    page.insert_text((412, 206), "(a)", fontsize=6)
    write_rows(page, [(f"Slope {n}", f"    {n},204", f"{n}31", f"{n}8") for n in (1, 2, 3)], top=214)
    assert rows_of(page)[0] == ("Name", "Liabilities of level 1", "2", "NAV (a)")


def test_single_shaded_row_below_headings_is_a_table() -> None:
    page = new_page()
    write_paragraph(page, 72, 100, 4)
    write_rows(page, [HARVEST[0], SLOPES[0]])
    shade_rows(page, 218)
    write_paragraph(page, 72, 260, 4)
    assert rows_of(page) == (HARVEST[0], SLOPES[0])


def test_heading_does_not_count_for_the_column_of_the_one_beside_it() -> None:
    page = new_page()
    write_cells(page, (226, 199, "Other"), (305, 199, "Other"), (222, 211, "current"), (262, 211, "other long-term"))
    rows = [(f"Slope {n}", f"{n}12", f"{n}31", f"{n}8") for n in range(1, 6)]
    write_rows(page, rows, columns=(72, 246, 336, 420), top=218)
    draw_frame(page, 186, 218, 308)
    assert rows_of(page)[0] == ("", "Other current", "Other other long-term", "")


@pytest.mark.parametrize(("size", "name"), [(18, "Yield"), (10, "Table 2")])
def test_titles_and_captions_above_shaded_rows_are_no_header(size: int, name: str) -> None:
    page = new_page()
    shade_rows(page, *(200 + 18 * n for n in range(4)))
    write_rows(page, [(name, "2021", "2020", "2019") for name in ("Trees", "Tonnes", "Price", "Sum")])
    for x, text in zip(COLUMNS, (name, "of the", "second", "year"), strict=True):
        page.insert_text((x + 4, 197), text, fontsize=size)
    assert rows_of(page)[0] == ("Trees", "2021", "2020", "2019")


def test_shaded_row_is_no_table_apart_from_the_rows_below_it() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0], *SLOPES[:1]])
    shade_rows(page, 218, 278)
    write_cells(page, (76, 249, "Trees that were planted"), (76, 261, "in the year:"))
    write_rows(page, SLOPES[1:4], top=260)
    draw_frame(page, 200, 216, 314)
    assert [row[1:] for row in rows_of(page)[1:]] == [row[1:] for row in SLOPES[:4]]


def test_shaded_rows_in_the_middle_are_no_table_apart_from_the_others() -> None:
    page = new_page()
    bottom = write_rows(page, [HARVEST[0], *SLOPES])
    shade_rows(page, 254, 272, 290)
    draw_frame(page, 200, 218, bottom)
    assert rows_of(page) == (HARVEST[0], *SLOPES)


def test_text_between_the_rules_below_a_grid_is_no_part_of_it() -> None:
    page = new_page()
    draw_grid(page)
    write_cells(page, (76, 330, "Trees that bear fruit are counted"), (300, 344, "in the year"))
    draw_frame(page, 360)
    assert rows_of(page) == tuple(HARVEST)


def test_unit_and_date_above_a_table_are_its_title() -> None:
    page = new_page()
    write_cells(page, (230, 180, "December 31, 2020"), (230, 195, "(in thousands)"))
    draw_grid(page)
    (table,) = tables_of(page)
    assert table.title == "December 31, 2020 (in thousands)"


def test_unit_below_the_years_is_no_heading_of_a_column() -> None:
    page = new_page()
    write_rows(page, [("", "2021", "2020", "2019")])
    write_cells(page, (280, 228, "(in thousands)"))
    write_rows(page, SLOPES, top=236)
    draw_frame(page, 200, 234, 380)
    (table,) = tables_of(page)
    assert (table.title, rows_in(table)[0]) == ("(in thousands)", ("", "2021", "2020", "2019"))


def test_numbered_notes_above_the_rule_at_the_foot_of_a_page_are_no_rows() -> None:
    page = new_page()
    bottom = write_rows(page, [HARVEST[0], *SLOPES])
    for n in (1, 2):
        text = "The yield was corrected for the trees that were planted in the last year of it"
        page.insert_text((73, bottom + 14 * n), f"({n})", fontsize=6)
        page.insert_text((90, bottom + 14 * n), text, fontsize=8)
    draw_frame(page, 200, 218, bottom, bottom + 60)
    assert rows_of(page) == (HARVEST[0], *SLOPES)


def test_title_of_a_section_above_the_upper_rule_is_no_header() -> None:
    page = new_page()
    page.insert_text((73, 180), "D.2", fontsize=11, fontname="hebo")
    page.insert_text((108, 180), "Main Results", fontsize=11, fontname="hebo")
    bottom = write_rows(page, [HARVEST[0], *SLOPES])
    page.insert_text((73, bottom + 18), "Table 6: Yield of all slopes in the last year of the report.", fontsize=9)
    draw_frame(page, 200, 218, bottom)
    assert rows_of(page) == (HARVEST[0], *SLOPES)


def test_page_number_above_the_rule_at_the_foot_is_no_row() -> None:
    page = new_page()
    bottom = write_rows(page, [HARVEST[0], *SLOPES])
    write_cells(page, (76, bottom + 16, "See the notes."), (250, bottom + 110, "18"))
    draw_frame(page, 200, 218, bottom, bottom + 120)
    (table,) = tables_of(page)
    assert rows_in(table) == (HARVEST[0], *SLOPES)
    assert table.box[3] < bottom + 30


def test_labels_of_several_lines_end_level_with_their_numbers() -> None:
    page = new_page()
    write_rows(page, [HARVEST[0]])
    for n in range(5):
        y = 232 + 22 * n
        write_cells(page, (76, y, f"Trees that were planted {n}"), (76, y + 9.5, "during the year"))
        write_cells(page, *((x + 4, y + 9.5, f"{n},{x:.0f}") for x in (240, 300, 380)))
    draw_frame(page, 200, 218, 345)
    assert [row[0] for row in rows_of(page)[1:]] == [f"Trees that were planted {n} during the year" for n in range(5)]


def test_label_of_several_long_lines_does_not_end_a_table() -> None:
    page = new_page()
    right = (72, 440, 500)
    write_rows(page, [("", "2021", "2020"), *(row[:3] for row in SLOPES[:3])], right)
    label = "Trees of the north slope in the year, of which all but a few bear fruit and some do not", "in both years"
    page.insert_text((76, 286), label, fontsize=8)
    write_rows(page, [("", "9,204", "91.5"), *(row[:3] for row in SLOPES[3:6])], right, top=282)
    for y in (200, 218, 354):
        draw_rule(page, y, 72, 540)
    assert len(rows_of(page)) == 8


def test_heading_alone_over_years_is_that_of_all_of_them() -> None:
    page = new_page()
    write_cells(page, (225, 196, "Year ended May 31,"))
    write_rows(page, [("", "2021", "2020", "2019"), *SLOPES[:4]])
    draw_frame(page, 184, 218, 290)
    assert rows_of(page)[0] == ("", *(f"Year ended May 31, {year}" for year in (2021, 2020, 2019)))


def test_heading_stands_over_the_columns_whose_headings_are_below_its_rule() -> None:
    page = new_page()
    write_cells(page, (280, 196, "All slopes"))
    write_rows(page, [HARVEST[0], *SLOPES[:4]])
    draw_frame(page, 184, 218, 290)
    draw_rule(page, 199, 212, 425)
    assert rows_of(page)[0] == ("Orchard", *(f"All slopes {name}" for name in HARVEST[0][1:]))


def test_page_number_below_the_last_row_is_no_part_of_it() -> None:
    page = new_page()
    bottom = write_rows(page, SLOPES, top=620)
    draw_frame(page, 620, 638, bottom, bottom + 24)
    page.insert_text((293, bottom + 8), "18", fontsize=10)
    assert not any("18" in cell for cell in rows_of(page)[-1])


def test_one_label_of_two_lines_in_the_middle_of_all_rows_is_that_of_all() -> None:
    page = new_page()
    write_rows(page, HARVEST[:1])
    for n in range(5):
        write_rows(page, [("", *SLOPES[n][1:])], top=218 + 30 * n)
    write_cells(page, (76, 280, "Wild"), (76, 291, "trees"))
    draw_frame(page, 200, 218, 368)
    assert [row[0] for row in rows_of(page)[1:]] == ["Wild trees"] * 5


def test_unit_over_two_columns_does_not_join_them() -> None:
    page = new_page()
    write_rows(page, [("", "2021", "2020", "2019")])
    write_cells(page, (230, 228, "(in thousands, except percentages)"))
    write_rows(page, [(name, f"$ {trees}", tonnes, price) for name, trees, tonnes, price in SLOPES[:2]], top=236)
    draw_rule(page, 218, 200)
    assert rows_of(page)[0] == ("", "2021", "2020", "2019")
    assert rows_of(page)[1] == ("Slope 1", "$ 1,204", "11.5", "0.12")


def test_header_above_a_unit_and_the_label_of_a_group_belongs_to_the_table() -> None:
    page = new_page()
    write_paragraph(page, 72, 100, 4)
    write_rows(page, [("", "North", "South", "West")])
    write_cells(page, (230, 228, "(in thousands)"), (76, 243, "Yield:"))
    write_rows(page, [(f"  {name}", *rest) for name, *rest in SLOPES[:4]], top=246)
    assert rows_of(page)[0] == ("", "North", "South", "West")
