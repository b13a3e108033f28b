"""A filter that can never match is reported as a mistake: an empty result would look like an answer."""

from __future__ import annotations

import pytest

from diptych.errors import QueryError
from diptych.where import Compare, own_fields, parse_where, where_from_fields


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'kind = "chart"',
            "column 8: there is no kind 'chart'; choose from figure, form, notes, page, panel, photo, slide, table, "
            "text",
        ),
        ('modality != "picture"', "column 13: there is no modality 'picture'; choose from image, text"),
        ('kind in ("figure", "foto")', "column 20: there is no kind 'foto'"),
        ('page = "three"', "column 8: page is a number, not 'three'"),
        ("category = juice", 'column 12: expected a number, a date, true, false or a text in quotes ("juice"), found'),
        ('category = "juice', "column 12: cannot read '\"juice'; the closing quote is missing"),
        ("price < $200", "column 9: cannot read '$200'; write the number without a currency sign"),
        (f"{'(' * 51}page = 1{')' * 51}", "column 51: more than 50 levels of ( ) and `not`"),
        ("not " * 990 + "page = 1", "column 201: more than 50 levels of ( ) and `not`"),
        (f"page = {'1' * 5000}", f"column 8: {'1' * 20} is too large a number"),
        ('colour = "\udcff"', "column 11: expected characters, found bytes that are not UTF-8"),
        ("price < 1e999", "column 9: 1e999 is too large a number"),
        (
            'uri contains "/home/"',
            "column 1: expected a field of documents (uri is none; `document` finds them by name)",
        ),
        ("page = 1 or `generation` > 0", "column 13: expected a field of documents (generation is none"),
        ('category in ["a"]', "column 13: cannot read '[\"a\"]'; write lists in ( )"),
    ],
)
def test_mistakes_are_reported_with_column_and_fix(text: str, says: str) -> None:
    with pytest.raises(QueryError) as error:
        parse_where(text)
    assert str(error.value).startswith(f"filter, {says}")


def test_mappings_are_checked_like_expressions() -> None:
    with pytest.raises(QueryError, match=r"filter: there is no kind 'chart'"):
        where_from_fields({"kind": ["figure", "chart"]})


def test_dates_need_no_quotes_and_curly_quotes_work() -> None:
    assert parse_where("sold > 2026-01-31") == Compare("sold", ">", "2026-01-31")
    assert parse_where("category = “Juice”") == Compare("category", "=", "Juice")


def test_own_fields_lists_the_users_fields() -> None:
    assert own_fields(parse_where('not (price < 3 or page = 2) and colour in ("red")')) == {"price", "colour"}


def test_many_levels_next_to_each_other_are_fine() -> None:
    assert parse_where(" or ".join(["not (page = 1)"] * 60))
