"""Regions that hold several tables."""

from __future__ import annotations

from tests.support.drawn_tables import (
    HARVEST,
    SENTENCE,
    STEP,
    TOP,
    draw_rule,
    new_page,
    rows_in,
    tables_of,
    write_rows,
)


def _sales(year: int) -> list[tuple[str, ...]]:
    return [
        ("", "2023", "2022"),
        *((name, f"{year + n},5", f"{year - n},7") for n, name in enumerate(("Pears", "Figs"))),
    ]


def test_header_that_comes_again_begins_another_table() -> None:
    page = new_page()
    write_rows(page, [*_sales(300), ("Costs of the year",), *_sales(500)], columns=(72, 300, 400))
    for y in (TOP + STEP, TOP + 3 * STEP, TOP + 5 * STEP, TOP + 7 * STEP):
        draw_rule(page, y)
    assert [len(rows_in(table)) for table in tables_of(page)] == [3, 3]


def test_running_text_between_rows_of_numbers_ends_a_table() -> None:
    page = new_page()
    write_rows(page, [(f"Row {n}", f"{n}.5", f"{3 * n}.1") for n in range(2, 6)], columns=(72, 300, 400))
    page.insert_text((72, 290), SENTENCE, fontsize=10)
    write_rows(page, [(f"Row {n}", f"{n}.5", f"{3 * n}.1") for n in range(6, 10)], columns=(72, 300, 400), top=300)
    assert [len(rows_in(table)) for table in tables_of(page)] == [4, 4]


def test_caption_between_rows_begins_another_table() -> None:
    page = new_page()
    bottom = write_rows(page, HARVEST)
    page.insert_text((76, bottom + 13), "Table 4. The harvest of the year before", fontsize=10)
    end = write_rows(page, [("Orchard", "Trees", "Weight", "Price"), *HARVEST[1:]], top=bottom + STEP)
    for y in (TOP, TOP + STEP, bottom, bottom + STEP, bottom + 2 * STEP, end):
        draw_rule(page, y)
    assert [rows_in(table)[0][2] for table in tables_of(page)] == ["Tonnes", "Weight"]
