"""The grid of a table, and what Markdown, HTML and JSON keep of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractors.table_grid import (
    SpannedText,
    body_rows,
    column_headers,
    grid_from_rows,
    split_rows,
    table_from_json,
    table_html,
    table_json,
)
from extractors.types import TableCell, TableGrid
from tests.support.table_markdown import table_markdown

ENROLMENT = grid_from_rows(
    [
        [SpannedText("School", row_span=2), SpannedText("Pupils", column_span=2)],
        ["2023", "2024"],
        [SpannedText("Cities:", column_span=3)],
        ["Leeds", "40", "42"],
        ["York", "31", "30"],
        [SpannedText("Villages", column_span=3)],
        [SpannedText("Ash", row_span=2), "5", "6"],
        ["7", "8"],
    ],
    header_rows=2,
)


def test_markdown_has_complete_headers_and_the_labels_of_groups() -> None:
    assert table_markdown(ENROLMENT) == (
        "| School | Pupils 2023 | Pupils 2024 |\n| --- | --- | --- |\n"
        "| Cities: Leeds | 40 | 42 |\n| Cities: York | 31 | 30 |\n"
        "| Villages: Ash | 5 | 6 |\n| Villages: Ash | 7 | 8 |"
    )


def test_html_keeps_spans_groups_and_scopes() -> None:
    html = table_html(ENROLMENT, "Table 1")
    assert html.startswith(
        '<table><caption>Table 1</caption><thead><tr><th scope="col" rowspan="2">School</th>'
        '<th scope="colgroup" colspan="2">Pupils</th></tr><tr><th scope="col">2023</th><th scope="col">2024</th></tr>'
        '</thead><tbody><tr><th scope="rowgroup" colspan="3">Cities:</th></tr><tr><td>Leeds</td>'
    )
    assert html.count("<tbody>") == 2
    assert html.endswith(
        '<tr><td rowspan="2">Ash</td><td>5</td><td>6</td></tr><tr><td>7</td><td>8</td></tr></tbody></table>'
    )


def test_texts_are_escaped() -> None:
    grid = grid_from_rows([["a|b", "<script>"], ["one\ntwo", '"&']], 1)
    assert table_markdown(grid) == '| a\\|b | <script> |\n| --- | --- |\n| one two | "& |'
    assert "<td>&quot;&amp;</td>" in table_html(grid, "<b>")
    assert "<script>" not in table_html(grid)
    assert "<caption>&lt;b&gt;</caption>" in table_html(grid, "<b>")


def test_json_is_compact_and_gives_the_grid_back() -> None:
    value = table_json(ENROLMENT)
    assert value["rows"][:3] == [["School", "Pupils", None], [None, "2023", "2024"], ["Cities:", None, None]]
    assert value["spans"] == [[0, 0, 2, 1], [0, 1, 1, 2], [2, 0, 1, 3], [5, 0, 1, 3], [6, 0, 2, 1]]
    assert table_from_json(json.loads(json.dumps(value))) == ENROLMENT
    assert table_json(grid_from_rows([["a", "b"]])) == {"rows": [["a", "b"]]}


@pytest.mark.parametrize("value", [{}, {"rows": 3}, {"rows": [["a"]], "spans": [[0, 0, 2, 1]]}, {"rows": [[{}]]}])
def test_malformed_json_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="table"):
        table_from_json(value)


def test_part_of_a_table_keeps_its_header_and_the_label_of_its_group() -> None:
    (part,) = split_rows(ENROLMENT, [[4, 6]])
    assert column_headers(part) == ["School", "Pupils 2023", "Pupils 2024"]
    assert list(body_rows(part).values()) == [["Cities: York", "31", "30"], ["Villages: Ash", "5", "6"]]
    assert part.rows == 6
    assert max(cell.row_span for cell in part.cells if cell.text == "Ash") == 1


def test_long_text_beside_several_rows_is_not_repeated_but_a_label_is() -> None:
    note, label = (
        "Only in the summer months and not in a leap year",
        "Schools of the towns and villages along the old river",
    )
    rows: list[list[str | SpannedText]] = [[SpannedText(label, 2), "5", SpannedText(note, 2)], ["6"]]
    assert list(body_rows(grid_from_rows(rows, 0)).values()) == [[label, "5", note], [label, "6", ""]]
    headed = grid_from_rows([["School", "Pupils", note], *rows], 1)
    assert list(body_rows(headed).values()) == [[label, "5", note], [label, "6", ""]]
    assert list(body_rows(grid_from_rows([["School", note], ["Ash", "5"]], 1)).values()) == [["Ash", "5"]]


def test_group_labels_in_a_row_are_nested_and_replace_as_many() -> None:
    def wide(text: str) -> list[SpannedText]:
        return [SpannedText(text, column_span=2)]

    rows: list[list[str] | list[SpannedText]] = [
        ["", "2024"], wide("Assets"), wide("Current:"), ["Cash", "1"], wide("Fixed:"), ["Land", "2"],
        wide("Liabilities"), wide("Loans:"), ["Bank", "3"], ["Total", "6"], wide("Notes"),
    ]  # fmt: skip
    grid = grid_from_rows(rows, 1)
    assert [row[0] for row in body_rows(grid).values()] == [
        "Assets: Current: Cash", "Assets: Fixed: Land", "Liabilities: Loans: Bank", "Liabilities: Loans: Total",
        "Liabilities: Loans: Notes",
    ]  # fmt: skip


def test_long_text_across_columns_stands_once_in_markdown_and_short_text_in_each() -> None:
    note = "a note on how all of these values were measured, and by whom"
    grid = grid_from_rows([["", "A", "B"], ["x", SpannedText("none", 1, 2)], ["y", SpannedText(note, 1, 2)]], 1)
    assert list(body_rows(grid).values()) == [["x", "none", "none"], ["y", note, ""]]


def test_columns_without_a_cell_are_left_out_and_spans_cut() -> None:
    grid = grid_from_rows([[SpannedText("a", 9, 10**9), SpannedText("b", -1, 3)], ["c"]])
    assert (grid.rows, grid.columns) == (2, 2)
    assert [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells] == [
        ("a", 0, 0, 2, 1), ("b", 0, 1, 1, 1), ("c", 1, 1, 1, 1),
    ]  # fmt: skip


def test_header_cells_are_counted_when_the_number_of_header_rows_is_unknown() -> None:
    grid = grid_from_rows(
        [[SpannedText("a", header=True), SpannedText("b", header=True)], [SpannedText("c", header=True), "1"]]
    )
    assert grid.header_rows == 1
    assert '<th scope="row">c</th>' in table_html(grid)


def test_cell_beyond_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond"):
        TableGrid(1, 2, (TableCell(0, 1, "", column_span=2),))


_TEXTS = st.builds(SpannedText, st.text(max_size=3), st.integers(-1, 4), st.integers(-1, 4), st.booleans())


@given(st.lists(st.lists(_TEXTS, max_size=4), max_size=5), st.one_of(st.none(), st.integers(0, 3)))
def test_no_cell_is_lost_or_covered(rows: list[list[SpannedText]], header_rows: int | None) -> None:
    grid = grid_from_rows(rows, header_rows)
    places = [
        (r, c)
        for x in grid.cells
        for r in range(x.row, x.row + x.row_span)
        for c in range(x.column, x.column + x.column_span)
    ]
    assert len(places) == len(set(places))
    assert [cell.text for cell in grid.cells] == [" ".join(text.text.split()) for row in rows for text in row]
    assert table_html(table_from_json(table_json(grid))) == table_html(grid)
    (body,) = split_rows(grid, [range(grid.header_rows, grid.rows)])
    assert table_html(body) == table_html(grid)
    assert len(table_markdown(grid).splitlines()) >= 2
