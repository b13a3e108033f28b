"""The filter tree in the words of qdrant-edge."""

from __future__ import annotations

import re

from qdrant_edge import FieldCondition, Filter, MatchAny, MatchValue, RangeDateTime, RangeFloat

from diptych.errors import QueryError
from diptych.where import BUILT_IN, And, Compare, Expression, In, Not, Or
from extractors.types import FieldValue

INTERNAL = ("document_id", "generation", "content_hash", "uri")
"""Payload keys that the store itself filters by."""
FLAGS = "flags"
"""Payload list of the user's fields that are true: the engine cannot match booleans (qdrant-edge 0.9)."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")
BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


def edge_filter(where: Expression | None) -> Filter | None:
    return Filter(must=[_condition(where)]) if where else None


def key_of(name: str) -> str:
    """The payload path of a filter's name: the user's own fields lie below `fields`."""
    if name in BUILT_IN or name in INTERNAL:
        return name
    return 'fields."' + name.replace('"', "") + '"'


def _condition(where: Expression) -> Filter | FieldCondition:
    match where:
        case And(parts):
            return Filter(must=[_condition(part) for part in parts])
        case Or(parts):
            return Filter(should=[_condition(part) for part in parts])
        case Not(part):
            return Filter(must_not=[_condition(part)])
        case In(field, values):
            return _any(field, values)
        case Compare(field, "!=", value):
            return Filter(must_not=[_equal(field, value)])
        case Compare(field, "=", value):
            return _equal(field, value)
        case Compare(field, operator, value):
            return _range(field, BOUNDS[operator], value)


def _equal(field: str, value: FieldValue) -> Filter | FieldCondition:
    key = key_of(field)
    if isinstance(value, bool):
        flagged = FieldCondition(key=FLAGS, match=MatchValue(field))
        known = Filter(must_not=[FieldCondition(key=key, is_empty=True)])
        return flagged if value else Filter(must=[known], must_not=[flagged])
    if isinstance(value, str):
        return FieldCondition(key=key, match=MatchValue(value))
    # A range, because a match is exact about the type and 5 should find 5.0 too.
    return FieldCondition(key=key, range=RangeFloat(gte=float(value), lte=float(value)))


def _any(field: str, values: tuple[FieldValue, ...]) -> Filter | FieldCondition:
    if all(isinstance(value, str) for value in values):
        return FieldCondition(key=key_of(field), match=MatchAny([str(value) for value in values]))
    return Filter(should=[_equal(field, value) for value in values])


def _range(field: str, bound: str, value: FieldValue) -> FieldCondition:
    if isinstance(value, str):
        if not DATE.match(value):
            raise QueryError(f"filter on {field!r}: {value!r} is neither a number nor a date like 2026-01-31")
        return FieldCondition(key=key_of(field), range=RangeDateTime(**{bound: value}))
    return FieldCondition(key=key_of(field), range=RangeFloat(**{bound: float(value)}))
