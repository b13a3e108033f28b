"""Where on a page a table may be."""

from __future__ import annotations

import pytest

from extractors.geometry import height
from extractors.layout.rules import find_rules
from extractors.layout.tables.lines import find_prose
from extractors.layout.tables.regions import TablePage, table_regions
from extractors.pdf.page_reader import read_page
from tests.support.drawn_tables import SENTENCE, draw_rule, new_page, write_rows


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
