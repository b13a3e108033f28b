"""Dates in filters: both engines read those that are accepted, and others are a mistake of the user."""

from __future__ import annotations

import pytest
import qdrant_edge

from diptych.errors import QueryError
from diptych.store.filters import filter_json, is_date
from diptych.where import parse_where


@pytest.mark.parametrize(
    "date",
    ["2024-05-01", "2024-05-01T10:00", "2024-05-01 10:00:00.5", "2024-05-01T10:00:00Z", "2024-05-01T10:00:00+02:00"],
)
def test_dates_that_are_accepted_are_read_by_the_engine(date: str) -> None:
    assert is_date(date)
    qdrant_edge.RangeDateTime(gt=date)


@pytest.mark.parametrize("text", ["0000-00-00", "2024-02-30", "2024-05-01T10", "2024-05-01*10:00", "2024-05-01x"])
def test_dates_that_do_not_exist_are_mistakes_in_the_filter(text: str) -> None:
    with pytest.raises(QueryError, match="neither a number nor a date like 2026-01-31"):
        filter_json(parse_where(f'made > "{text}"'))


def test_texts_that_a_field_may_equal_are_one_condition() -> None:
    where = 'price < 5 or category = "a" or category in ("b", "a") or not category = "c"'
    other = filter_json(parse_where('price < 5 or not category = "c"'))["must"][0]["should"]
    found = filter_json(parse_where(where))["must"][0]["should"]
    assert found == [{"key": 'fields."category"', "match": {"any": ["a", "b"]}}, *other]
