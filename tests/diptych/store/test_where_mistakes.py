"""A filter that can never hold is told as a mistake; `nothing found` would look like an answer."""

from __future__ import annotations

import pytest

from diptych.errors import QueryError
from diptych.where import Compare, from_mapping, own_fields, parse


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            'kind = "chart"',
            "column 8: no kind is called 'chart'; there are figure, notes, page, photo, slide, table, text",
        ),
        ('modality != "picture"', "column 13: no modality is called 'picture'; there are image, text"),
        ('kind in ("figure", "foto")', "column 20: no kind is called 'foto'"),
        ('page = "three"', "column 8: page is a number, not 'three'"),
        ("category = juice", 'column 12: expected a number, a date, true, false or a text in quotes ("juice"), found'),
        ('category = "juice', "column 12: cannot read '\"juice'; the text in quotes has no end"),
        ("price < $200", "column 9: cannot read '$200'; write the number alone"),
        ('category in ["a"]', "column 13: cannot read '[\"a\"]'; a list stands in ( )"),
    ],
)
def test_a_mistake_is_told_with_its_column_and_what_is_right(text: str, says: str) -> None:
    with pytest.raises(QueryError) as error:
        parse(text)
    assert str(error.value).startswith(f"filter, {says}")


def test_a_mapping_is_held_to_the_same_values() -> None:
    with pytest.raises(QueryError, match=r"filter: no kind is called 'chart'"):
        from_mapping({"kind": ["figure", "chart"]})


def test_dates_need_no_quotes_and_curly_quotes_are_quotes() -> None:
    assert parse("sold > 2026-01-31") == Compare("sold", ">", "2026-01-31")
    assert parse("category = “Juice”") == Compare("category", "=", "Juice")


def test_the_fields_of_ones_own_in_a_filter() -> None:
    assert own_fields(parse('not (price < 3 or page = 2) and colour in ("red")')) == {"price", "colour"}
