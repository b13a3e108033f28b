"""Tables with many, few or no rules are found; similar layouts are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from extractors.layout.tables.tables import find_tables
from extractors.page import Drawing, Line, PageLayout
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from tests.support.drawn_tables import (
    HARVEST,
    RIGHT,
    SENTENCE,
    STEP,
    TOP,
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


def test_long_texts_side_by_side_below_a_header_are_a_table() -> None:
    page = new_page()
    y = 200.0
    draw_rule(page, y, 40, 560)
    for x, name in zip((44, 174, 304, 434), ("Orchard", "Method", "Findings", "Sources"), strict=True):
        page.insert_text((x, y + 13), name, fontsize=9)
    for row in range(3):
        draw_rule(page, y + (18 if row == 0 else 0), 40, 560)
        y += 20 if row == 0 else 4
        text = SENTENCE * 2
        for x, top, cell in ((44, y + 6, text), (174, y, text), (304, y, text), (434, y, f"\n\n[{row}]")):
            page.insert_textbox((x, top, x + 120, y + 140), cell, fontsize=9)
        y += 110
    draw_rule(page, y, 40, 560)
    (table,) = tables_of(page)
    assert (table.grid.rows, table.grid.columns, table.grid.header_rows) == (4, 4, 1)


def test_table_in_one_block_with_the_text_around_it_is_found() -> None:
    page = new_page()
    rows = [(f"{a} or so much", *(f"${n} or less" for n in (1, 22, 340))) for a in ("Lowest", "Low", "High", "Highest")]
    bottom = write_rows(page, rows)
    for y in (TOP, TOP + STEP, bottom):
        draw_rule(page, y)
    layout = read_page(page, 1)
    prose = [replace(layout.lines[0], text=SENTENCE, box=(72, y, 520, y + 12)) for y in range(300, 700, 14)]
    lines = tuple(replace(line, block=0) for line in (*layout.lines, *prose))
    (table,) = find_tables(replace(layout, lines=lines))
    assert rows_in(table) == tuple(rows)


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


def test_columns_of_running_text_beside_a_table_are_none_of_its_columns() -> None:
    page = new_page()
    page.insert_textbox((40, 180, 130, 400), f"{SENTENCE} " * 4, fontsize=8)
    write_rows(page, HARVEST, (150, 220, 260, 310))
    (table,) = tables_of(page)
    assert rows_in(table) == tuple(HARVEST)


def test_background_of_a_slide_is_no_cell() -> None:
    texts = [("A title", 176, 44, 930, 140)]
    texts += [(text, x, y, x + 80, y + 41) for y in (176, 247, 318) for x, text in ((173, "alice"), (721, "{bob}"))]
    texts += [("2", 193, 686, 211, 728), ("{alice,bob}", 683, 681, 836, 722)]
    lines = tuple(Line((x0, y0, x1, y1), text, y1 - y0) for text, x0, y0, x1, y1 in texts)
    night = Drawing((0, 0, 1024, 768), 1, filled=True, stroked=False, fill=(0, 0, 0), rectangle=True)
    assert not find_tables(PageLayout(1, 1024, 768, lines, drawings=(night,)))


def test_total_below_the_last_shade_is_part_of_the_table() -> None:
    page = new_page()
    for n in range(4):
        page.draw_rect((72, 200 + 36 * n, 440, 218 + 36 * n), fill=(0.8, 0.9, 1), color=None)
    rows = [("", "2021"), *((f"Loan {n}", f"{n},145") for n in range(1, 7)), ("Total", "21,870")]
    for n, (label, value) in enumerate(rows):
        page.insert_text((76, 213 + 18 * n), label, fontsize=10)
        page.insert_text((430 - pymupdf().get_text_length(value, fontsize=10), 213 + 18 * n), value, fontsize=10)
    assert rows_of(page)[-1] == ("Total", "21,870")


def test_framed_rows_of_long_paragraphs_are_a_table() -> None:
    page = new_page()
    for y in (200, 220, 340, 460):
        draw_rule(page, y)
    for x, bottom in ((72, 460), (176, 220), (316, 220), (440, 460)):
        page.draw_line((x, 200), (x, bottom), width=0.7)
    for x, heading in ((76, "Goal"), (180, "What it means"), (320, "Trend of the year")):
        page.insert_text((x, 213), heading, fontsize=10)
        for y in (235, 355):
            for n in range(8):
                page.insert_text((x, y + 12 * n), "many words in a cell"[: 12 if x < 100 else 20], fontsize=10)
    (table,) = tables_of(page)
    assert (table.grid.rows, table.grid.columns) == (3, 3)


def test_labels_with_references_to_notes_belong_to_the_numbers() -> None:
    page = new_page()
    for y in (200, 254, 308):
        draw_rule(page, y, 300, RIGHT)
    for n in range(6):
        cells = (76, f"Receivables {n}"), (240, str(n + 3)), (310, f"4,5{n}5"), (390, f"6,8{n}6")
        write_cells(page, *((x, 213 + 18 * n, text) for x, text in cells))
    assert rows_of(page)[-1] == ("Receivables 5", "8", "4,555", "6,856")


def test_bars_that_one_path_draws_are_no_cells() -> None:
    page = new_page()
    write_rows(page, [("North", "12", "24"), ("South", "18", "27"), ("East", "22", "30"), ("West", "25", "35")])
    bars = tuple((200.0, 202.0 + 18 * n, 260.0 + 20 * n, 214.0 + 18 * n) for n in range(4))
    layout = read_page(page, 1)
    path = Drawing((200, 202, 320, 268), 4, filled=True, stroked=False, fill=(0.4, 0.4, 0.4), parts=bars)
    assert find_tables(replace(layout, drawings=(path,))) == find_tables(layout)


def test_algorithm_between_rules_is_no_table() -> None:
    page = new_page()
    lines = [("1:", "x = 3"), ("2:", "y = x + 1"), ("3:", "while y > x:"), ("4:", "y = y - 1"), ("5:", "return y")]
    page.insert_text((76, TOP + 13), "Algorithm 1 Counting down", fontsize=10)
    bottom = write_rows(page, lines, columns=(72, 110), top=TOP + STEP)
    for y in (TOP, TOP + STEP, bottom):
        draw_rule(page, y, 72, 300)
    assert tables_of(page) == []
