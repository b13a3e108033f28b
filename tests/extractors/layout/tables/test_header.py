"""How many rows of a table are its header."""

from __future__ import annotations

import pytest

from tests.support.drawn_tables import STEP, TOP, draw_frame, new_page, rows_of, write_rows


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
