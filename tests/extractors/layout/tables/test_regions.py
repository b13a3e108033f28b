"""Where on a page a table may be."""

from __future__ import annotations

import pytest

from extractors.geometry import height
from extractors.layout.rules import find_rules
from extractors.layout.tables.lines import find_prose
from extractors.layout.tables.regions import TablePage, table_regions
from extractors.pdf.page_reader import read_page
from tests.support.drawn_tables import COLUMNS, RIGHT, SENTENCE, STEP, TOP, draw_rule, new_page, rows_of, write_rows


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


def test_shaded_rows_below_a_shaded_header_are_no_table_of_their_own() -> None:
    page, bottom = new_page(), TOP + 12 * STEP
    page.draw_rect((COLUMNS[0], TOP, RIGHT, TOP + STEP), fill=(0.8, 0.8, 0.8), color=None)
    for top in (bottom - 3 * STEP, bottom - 2 * STEP):
        end = bottom if top > bottom - 3 * STEP else top + STEP
        for left, right in zip(COLUMNS, (*COLUMNS[1:], RIGHT), strict=True):
            page.draw_rect((left, top, right, end), fill=(0.9, 0.9, 0.9), color=None)
    texts = [
        ("pear trees that", "near the", "kept by", "sold at"),
        ("stand in rows", "old river", "the town", "a market"),
    ]
    write_rows(page, [("Orchard", "Place", "Owner", "Use"), *texts * 4, ("Gardens",), *texts])
    header, *body = rows_of(page)
    assert header == ("Orchard", "Place", "Owner", "Use")
    assert "pear trees that" in body[0][0]
    assert "old river" in body[-1][1]
