"""Phrases become filters if the store has a matching field."""

from __future__ import annotations

import pytest

from diptych.search.query.plain_filters import FilteredText, extract_filters, field_kinds, rare_fields
from diptych.where import And, Compare
from extractors.types import FieldValue

SHOP = {"price": "number", "category": "text", "rating": "number", "year": "number"}

FILTERS = [
    ("jackets under $200", "jackets", "price < 200"),
    ("Under 200 dollars, a jacket", ", a jacket", "price < 200"),
    ("a lamp for less than €49.90", "a lamp", "price < 49.9"),
    ("sofa up to 1,200 EUR", "sofa", "price <= 1200"),
    ("sofa at most $1.5k in grey", "sofa in grey", "price <= 1500"),
    ("watches above £80", "watches", "price > 80"),
    ("boots between $50 and $100", "boots", "price >= 50 and price <= 100"),
    ("boots with a rating over 4", "boots", "rating > 4"),
    ("boots with a rating of at least 4.5 under $90", "boots", "rating >= 4.5 and price < 90"),
    ("boots not under $90", "boots", "price >= 90"),
    ("boots not above 90 dollars", "boots", "price <= 90"),
    ("price below 30 mugs", "mugs", "price < 30"),
    ("models since 2020", "models", "year >= 2020"),
    ("models before 2020", "models", "year < 2020"),
]
NOT_FILTERS = [
    "what happens under 200 bar",  # neither money nor a field
    'jackets "under $200"',  # quoted
    "what fell by more than 5 %",
    "pumps that weigh over 20 kg",
    "Figure 3 under the heading",
    "how many people earn over 40,000 people",
    "the years 2019-2021 and from 2019-2021",
]


@pytest.mark.parametrize(("text", "rest", "shown"), FILTERS)
def test_a_phrase_becomes_a_filter(text: str, rest: str, shown: str) -> None:
    found = extract_filters(text, SHOP)
    assert found.text == rest
    assert " and ".join(one for _, one in found.phrases) == shown


@pytest.mark.parametrize("text", NOT_FILTERS)
def test_other_phrases_stay_words(text: str) -> None:
    assert extract_filters(text, SHOP) == FilteredText(text)


def test_without_a_matching_field_nothing_becomes_a_filter() -> None:
    for fields in ({}, {"category": "text"}, {"price_note": "text"}):
        assert extract_filters("jackets under $200", fields) == FilteredText("jackets under $200")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"price": "text"}, "the values of price are texts, not numbers"),
        (
            {"price": "number", "cost": "number"},
            "it may mean price or cost; filter by one of them, such as price < 100",
        ),
        # Another catalogue has prices in texts: the limit must not only leave those of this one.
        (
            {"price_usd": "number", "price": "text"},
            "it may mean price_usd or price; filter by one of them, such as price_usd < 100",
        ),
    ],
)
@pytest.mark.parametrize("phrase", ["under $200", "between 10 and 20 dollars"])
def test_a_limit_that_no_single_field_holds_is_reported(phrase: str, fields: dict[str, str], why: str) -> None:
    text = f"jackets {phrase}"
    assert extract_filters(text, fields) == FilteredText(text, problem=f'"{phrase}" is not used as a filter: {why}')
    assert extract_filters("jackets under 200 bar", fields) == FilteredText("jackets under 200 bar")


def test_filters_are_expressions() -> None:
    assert extract_filters("boots under $90", SHOP).where == Compare("price", "<", 90)
    both = extract_filters("boots between $50 and $90", SHOP).where
    assert both == And((Compare("price", ">=", 50), Compare("price", "<=", 90)))


def test_a_query_that_is_only_a_filter_keeps_its_words() -> None:
    found = extract_filters("under $200", SHOP)
    assert (found.text, found.where) == ("under $200", Compare("price", "<", 200))


def test_a_year_covers_all_its_days_in_a_date_field() -> None:
    fields = {"published": "date"}
    assert extract_filters("reports after 2019", fields).where == Compare("published", ">=", "2020-01-01")
    assert extract_filters("reports until 2019", fields).where == Compare("published", "<", "2020-01-01")
    assert extract_filters("reports since 2019", fields).where == Compare("published", ">=", "2019-01-01")


DATES = [
    ("jackets released since 2024", "jackets", 'released >= "2024-01-01"'),
    ("jackets released before March 2023", "jackets", 'released < "2023-03-01"'),
    ("jackets between 2020 and 2022", "jackets", 'released >= "2020-01-01" and released < "2023-01-01"'),
    ("jackets released in 2021", "jackets", 'released >= "2021-01-01" and released < "2022-01-01"'),
    ("jackets newer than 2019", "jackets", 'released >= "2020-01-01"'),
    ("jackets older than June 2020", "jackets", 'released < "2020-06-01"'),
    ("until 31 Dec. 2022 jackets", "jackets", 'released < "2023-01-01"'),
    ("jackets after March 5th, 2023", "jackets", 'released >= "2023-03-06"'),
    ("jackets since 2023-03", "jackets", 'released >= "2023-03-01"'),
    ("jackets from 2020 to June 2021", "jackets", 'released >= "2020-01-01" and released < "2021-07-01"'),
    ("jackets in Q4 2021", "jackets", 'released >= "2021-10-01" and released < "2022-01-01"'),
    ("jackets no later than 2021 under $90", "jackets", 'released < "2022-01-01" and price < 90'),
]


@pytest.mark.parametrize(("text", "rest", "shown"), DATES)
def test_dates_in_the_wording_restrict_the_date_field(text: str, rest: str, shown: str) -> None:
    found = extract_filters(text, {"price": "number", "released": "date"})
    assert found.text == rest
    assert " and ".join(one for _, one in found.phrases) == shown


def test_the_word_before_a_date_names_the_field() -> None:
    fields = {"release_date": "date", "updated": "date", "year": "number"}
    assert extract_filters("apps updated since 2024", fields).where == Compare("updated", ">=", "2024-01-01")
    assert extract_filters("apps released since 2024", fields).where == Compare("release_date", ">=", "2024-01-01")
    assert not extract_filters("apps since 2024", fields).phrases, "two fields hold dates"


def test_a_number_of_the_year_matches_whole_years() -> None:
    years = {"year": "number"}
    assert extract_filters("models in 2021", years).where == Compare("year", "=", 2021)
    assert extract_filters("models newer than 2019", years).where == Compare("year", ">=", 2020)
    assert not extract_filters("models since March 2021", years).phrases


@pytest.mark.parametrize(
    "text", ["after 31 June 2021", "between 2022 and 2020", '"since 2024"', "in 2021/22", "in 2019-2021"]
)
def test_other_dates_stay_words(text: str) -> None:
    assert extract_filters(text, {"released": "date"}) == FilteredText(text)


def test_a_date_restricts_a_rare_field_only_if_it_is_named() -> None:
    fields = {"released": "date"}
    rows: list[dict[str, FieldValue]] = [{"released": "2024-05-01"}, {}, {}]
    assert rare_fields(rows) == {"released"}
    assert not extract_filters("revenue in 2021", fields, {"released"}).phrases
    assert extract_filters("jackets released in 2021", fields, {"released"}).phrases


def test_most_values_decide_the_kind_of_a_field() -> None:
    rows: list[dict[str, FieldValue]] = [
        {"price": 3, "when": "2024-05-01", "new": True},
        {"price": 4.5, "when": "2024-06-01", "new": False},
    ]
    assert field_kinds([*rows, {"price": "on request"}]) == {"price": "number", "when": "date", "new": "text"}
