"""Columns of catalogues, of which all cells have one type."""

from __future__ import annotations

import pytest

from extractors.catalog.columns import parse_column, unify_column


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "", "-3"], [1, None, -3]),
        (["1", "2.5"], [1.0, 2.5]),
        (["True", "no"], [True, False]),
        (["007", "12"], ["007", "12"]),
        (["1", "x"], ["1", "x"]),
        (["$1,299.00", "$5"], [1299.0, 5.0]),
        (["1.299,00 €", "5,5 €"], [1299.0, 5.5]),
        (["$5", "€5"], ["$5", "€5"]),
        (["12,000", "7"], [12000.0, 7.0]),
        (["2026-11-20", "2026-01-02"], ["2026-11-20", "2026-01-02"]),
        (["12345678901234567890"], ["12345678901234567890"]),
        (["nan"], ["nan"]),
        (["5", "n/a", "-", "7.5"], [5.0, None, None, 7.5]),
        (["$5", "N/A"], [5.0, None]),
        (["n/a", "-"], ["n/a", "-"]),
        (["red", "n/a"], ["red", "n/a"]),
        (["", ""], [None, None]),
        (["a; b, c", "", "b"], [["a", "b", "c"], None, ["b"]]),
        (["red|blue", "red|red", "|"], [["red", "blue"], ["red"], None]),
        (["38; 40.5", "40"], [[38.0, 40.5], [40.0]]),
        (["wool, cotton", "cotton, silk"], [["wool", "cotton"], ["cotton", "silk"]]),
        (["S, M, L", "M, L", "S"], [["S", "M", "L"], ["M", "L"], ["S"]]),
        (["Doe, Jane; Roe, Richard", "Poe, Al"], [["Doe, Jane", "Roe, Richard"], ["Poe, Al"]]),
        (["1,5 l; 2 l"], [["1,5 l", "2 l"]]),
    ],
)
def test_column_gets_one_type(cells: list[str], values: list[object]) -> None:
    parsed = parse_column(cells)
    assert parsed == values
    assert [type(value) for value in parsed] == [type(value) for value in values]


@pytest.mark.parametrize(
    "cells",
    [
        ["Oslo, Norway", "Bergen, Norway", "Norway"],
        ["dairy, eggs", "dairy, eggs"],
        ["Keep dry; never wash it in a machine, or it shrinks.", "Wash; iron"],
        ["Salt &amp; Pepper", "Salt"],
        ["1,5", "2,5 kg"],
    ],
)
def test_punctuation_inside_texts_does_not_make_lists(cells: list[str]) -> None:
    assert parse_column(cells) == cells


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([["red", " new "], "blue", None, []], [["red", "new"], ["blue"], None, None]),
        ([[1, 2], [2.5]], [[1.0, 2.0], [2.5]]),
        ([[1, "a"], 2], [["1", "a"], ["2"]]),
        ([[True, False]], [["True", "False"]]),
        ([{"a": [1]}, None], ['{"a": [1]}', None]),
        ([5, "n/a", 7.5], [5.0, None, 7.5]),
        (["n/a", "b"], ["n/a", "b"]),
    ],
)
def test_json_lists_stay_lists_of_one_type(values: list[object], cells: list[object]) -> None:
    assert unify_column(values) == cells
