"""Which regions are pictures or charts, and no tables."""

from __future__ import annotations

from itertools import pairwise

import pytest

from extractors.layout.charts import are_curves_on_one_axis
from extractors.pdf.render import pymupdf
from tests.support.drawn_tables import (
    HARVEST,
    STEP,
    TOP,
    draw_grid,
    draw_rule,
    new_page,
    rows_of,
    tables_of,
    write_rows,
)


def test_coloured_cells_of_many_widths_are_no_bars() -> None:
    page = new_page()
    edges = (72, 210, 262, 300, 365, 440)
    for x0, x1 in pairwise(edges):
        page.draw_rect((x0, 200, x1, 218), fill=(1, 1, 0.5), color=None)
    draw_grid(page)
    assert rows_of(page) == tuple(HARVEST)


def test_frame_with_the_marks_of_a_chart_is_no_table() -> None:
    page = new_page()
    draw_grid(page, [("*", "a", "ab", "#"), ("", "b", "*", "a"), ("a", "c", "#", ""), ("*", "", "a", "b")])
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


@pytest.mark.parametrize("outlined", [False, True])
def test_upright_bars_on_one_line_are_no_table(outlined: bool) -> None:
    page = new_page()
    write_rows(page, [("100", "100", "100"), ("75", "75", "75"), ("50", "50", "50"), ("2019", "2020", "2021")])
    for number, bar in enumerate((55, 40, 62, 30, 20)):
        x = 90 + 60 * number
        colour = (0.1, 0.4, 0.7)
        style = {"color": colour} if outlined else {"color": None, "fill": colour}
        page.draw_rect((x, TOP + 66 - bar, x + 20, TOP + 66), **style)
    assert not tables_of(page)


def test_scattered_data_points_are_no_table_but_a_column_of_marks_is() -> None:
    plot, rated = new_page(), new_page()
    for page in (plot, rated):
        write_rows(page, HARVEST)
    for n in range(9):
        plot.draw_rect((150 + 31 * n, TOP + 13 * (n % 7), 154 + 31 * n, TOP + 13 * (n % 7) + 4), fill=(0, 0, 0))
        rated.draw_rect((436, TOP + 6 + 9 * n, 440, TOP + 10 + 9 * n), fill=(0, 0, 0))
    assert tables_of(rated)
    assert not tables_of(plot)


def test_panels_of_a_plot_are_no_table() -> None:
    page = new_page()
    draw_grid(page)
    page.draw_polyline([(80, 280), (180, 220), (300, 270), (430, 210)], color=(1, 0, 0))
    assert not tables_of(page)


def test_names_below_the_bars_of_two_charts_are_no_table() -> None:
    page = new_page()
    for n in range(4):
        page.draw_rect((150 + 80 * n, 130 + 12 * n, 180 + 80 * n, 230), fill=(1, 0.6, 0), color=None)
    write_rows(page, [("0", "10", "20", "30"), ("5", "15", "25", "35"), ("8", "12", "16", "20"), ("1", "2", "3", "4")])
    assert not tables_of(page)


def test_table_over_a_watermark_is_found() -> None:
    page = new_page()
    watermark = pymupdf().Pixmap(pymupdf().csRGB, (0, 0, 60, 60), False)
    watermark.clear_with(240)
    page.insert_image((60, 150, 540, 800), pixmap=watermark)
    draw_grid(page, [HARVEST[0], *HARVEST[1:] * 3])
    (table,) = tables_of(page)
    assert table.grid.rows == 13


def test_shades_that_reach_below_the_last_row_are_no_bars() -> None:
    page = new_page()
    cells = (72, 196, 200, 246, 250, 290, 336, 340, 380, 436, 440)
    rows = [("Stock of the years", "2021", "2020", "2019"), ("Content of the year", "1,204", "986", "770")]
    for top in (150, 250):
        write_rows(page, rows, top=top)
        draw_rule(page, top, 72)
        for x0, x1 in pairwise(cells):
            page.draw_rect((x0, top + 18, x1, top + 38), color=None, fill=(0.8, 0.93, 1))
    page.insert_text((76, 220), "The following tables show what the orchards had in stock.", fontsize=10)
    assert len(tables_of(page)) == 2


def test_boxes_joined_by_arrows_are_no_table_but_cells_with_signs_are() -> None:
    diagram, rated = new_page(), new_page()
    for page in (diagram, rated):
        draw_grid(page)
        for y in (227, 245, 263):
            page.draw_polyline([(290, y - 3), (290, y + 3), (296, y)], color=None, fill=(0, 0, 0), closePath=True)
    for y in (227, 245, 263):
        diagram.draw_line((250, y), (290, y))
    assert tables_of(rated)
    assert not tables_of(diagram)


def test_axis_between_two_plots_is_no_table_but_dashed_rules_are() -> None:
    plots, dashed = new_page(), new_page()
    for page in (plots, dashed):
        draw_rule(page, TOP - 4)
        draw_rule(page, write_rows(page, HARVEST) + 4)
    for n in range(6):
        plots.draw_line((90 + 60 * n, TOP - 4), (90 + 60 * n, TOP))
        for y in range(int(TOP) - 4, int(TOP) + 60, 8):
            dashed.draw_line((72 + 73 * n, y), (72 + 73 * n, y + 4))
    assert tables_of(dashed)
    assert not tables_of(plots)


def test_row_cut_by_the_end_of_the_page_is_no_axis() -> None:
    page = new_page()
    draw_grid(page)
    foot = TOP + STEP * len(HARVEST)
    draw_rule(page, foot + 5)
    for x in (72, 150, 200, 245, 290, 335, 380, 440):
        page.draw_line((x, foot), (x, foot + 5))
    assert rows_of(page) == tuple(HARVEST)


def test_values_of_the_points_in_a_plot_are_no_table() -> None:
    page = new_page()
    page.draw_rect((60, TOP - 40, 460, TOP + 120), color=(0, 0, 0))
    write_rows(page, HARVEST)
    for n in range(6):
        page.draw_line((60, TOP - 20 + 25 * n), (64, TOP - 20 + 25 * n))
        page.draw_line((80 + 60 * n, TOP + 116), (80 + 60 * n, TOP + 120))
    assert not tables_of(page)


def test_names_between_two_rows_of_plots_are_no_table() -> None:
    page = new_page()
    write_rows(page, HARVEST)
    for n in range(3):
        x = 90 + 120 * n
        page.draw_polyline([(x, TOP + 60), (x + 40, TOP + 100), (x + 70, TOP + 70)], color=(1, 0, 0))
    assert not tables_of(page)


def test_rule_below_a_strip_is_no_axis() -> None:
    strip = (50, 40, 530, 130)
    assert not are_curves_on_one_axis(strip, (50, 212.8, 530, 214.2))
    assert are_curves_on_one_axis(strip, (50, 212, 530, 218))
