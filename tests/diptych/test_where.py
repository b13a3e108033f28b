"""Filters are parsed into trees."""

from __future__ import annotations

import pytest

from diptych.errors import QueryError
from diptych.where import And, Compare, Expression, In, Not, Or, all_of, parse_where, where_from_fields

TREES: list[tuple[str, Expression]] = [
    ("page = 3", Compare("page", "=", 3)),
    ("price<-1.5e2", Compare("price", "<", -150.0)),
    ("kind == 'figure'", Compare("kind", "=", "figure")),
    (r'name = "a \"b\" \\ c"', Compare("name", "=", 'a "b" \\ c')),
    ("`unit price` <> 4", Compare("unit price", "!=", 4)),
    ("sold = TRUE", Compare("sold", "=", True)),
    ("a=1 and b=2 or c=3", Or((And((Compare("a", "=", 1), Compare("b", "=", 2))), Compare("c", "=", 3)))),
    ("a=1 and (b=2 or c=3)", And((Compare("a", "=", 1), Or((Compare("b", "=", 2), Compare("c", "=", 3)))))),
    ("not a=1 and b=2", And((Not(Compare("a", "=", 1)), Compare("b", "=", 2)))),
    ('colour in ("red", "blue")', In("colour", ("red", "blue"))),
    ("page not in (1, 2)", Not(In("page", (1, 2)))),
    ('tags CONTAINS "wax"', Compare("tags", "contains", "wax")),
    ('tags not contains "wax"', Not(Compare("tags", "contains", "wax"))),
    ("`contains` contains 5", Compare("contains", "contains", 5)),
    ("größe >= 42", Compare("größe", ">=", 42)),
]


@pytest.mark.parametrize(("text", "tree"), TREES)
def test_parse_where_returns_the_tree(text: str, tree: Expression) -> None:
    assert parse_where(text) == tree


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("price <", 8), ("price 200", 7), ("(a = 1", 7), ("a = 1 b = 2", 7), ("a = #", 5), ("", 1), ("a in 3", 6),
        ("a not 3", 7), ("a = red", 5), ("and", 4), ('a = "open', 5), ("a = 12px", 5),
    ],
)  # fmt: skip
def test_a_malformed_filter_is_reported_with_its_column(text: str, column: int) -> None:
    with pytest.raises(QueryError, match=rf"column {column}: "):
        parse_where(text)


def test_all_fields_of_a_mapping_must_match() -> None:
    assert where_from_fields({"document": "a.pdf", "kind": ["figure", "table"]}) == And(
        (Compare("document", "=", "a.pdf"), In("kind", ("figure", "table")))
    )
    assert where_from_fields({}) is None


def test_a_mapping_holds_values_and_lists_only() -> None:
    with pytest.raises(QueryError, match="'page'"):
        where_from_fields({"page": []})


def test_all_of_ignores_missing_filters() -> None:
    one, two = Compare("a", "=", 1), Compare("b", "=", 2)
    assert all_of(one, two) == And((one, two))
    assert all_of(None, two) == two
    assert all_of(one, None) == one
