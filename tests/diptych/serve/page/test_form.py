"""Searches in addresses: filters as conditions, chips that remove them, and the form."""

from __future__ import annotations

import pytest

from diptych.errors import QueryError
from diptych.search.query.plain_filters import FilteredText
from diptych.serve.page.form import SearchState
from diptych.serve.store_fields import StoreField
from diptych.where import parse_where

PARAMETERS = [
    ("q", "jackets under $200"),
    ("kind", "figure"),
    ("kind", "table"),
    ("min.price", "10"),
    ("max.made", "2024-05-01"),
    ("is.sale", "true"),
    ("has.name", "rain"),
    ("document", "shop/"),
    ("where", "page < 20"),
    ("from", "21"),
    ("max.price", " "),
]


def test_filters_become_one_condition() -> None:
    state = SearchState("/", PARAMETERS)
    assert state.where() == parse_where(
        'kind in ("figure", "table") and price >= 10 and made <= 2024-05-01 and sale = true and name contains "rain" '
        'and document = "shop/" and page < 20'
    )
    assert SearchState("/", []).where() is None
    assert state.first == 21


def test_a_chip_removes_its_filter_and_shows_the_first_hits() -> None:
    state = SearchState("/", [("q", "jackets under $200"), ("kind", "figure"), ("why", "1"), ("from", "21")])
    read, kind = state.chips(FilteredText("jackets", phrases=(("under $200", "`price in €` < 200"),)))
    assert (read.condition, read.phrase) == ("price in € < 200", "under $200")
    assert read.without == "/?kind=figure&why=1&q=jackets"
    assert (kind.condition, kind.without) == ("kind: figure", "/?q=jackets+under+%24200&why=1")
    assert state.without_filters() == "/?q=jackets+under+%24200&why=1"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("min.price", "cheap", "price is compared with a number or a date"),
        ("kind", "<b>", "there is no kind '<b>'; choose from"),
        ("where", "price <", "column 8"),
    ],
)
def test_mistakes_are_explained(name: str, value: str, sentence: str) -> None:
    with pytest.raises(QueryError, match=sentence):
        SearchState("/", [(name, value)]).where()


def test_the_form_offers_what_the_fields_allow() -> None:
    fields = [
        StoreField("colour", "text", 9, choices=("blue", "red")),
        StoreField("name", "text", 90, choices=tuple(map(str, range(30)))),
        StoreField("code", "text", 2, choices=("a", "b")),
        StoreField("price", "number", 90, low=9.5, high=1480),
        StoreField("sale", "boolean", 90),
    ]
    colour, name, code, price, sale = SearchState("/", [("is.colour", "red"), ("min.price", "10")]).form(fields)[
        "fields"
    ]
    assert (colour["choices"], colour["chosen"]) == (("blue", "red"), ["red"])
    assert name["choices"] == code["choices"] == ()
    assert (price["low"], price["high"], price["low_chosen"]) == ("9.5", "1480", "10")
    assert sale["choices"] == ("true", "false")
