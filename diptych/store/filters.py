"""Translate a parsed `where` expression into Qdrant's filter JSON, which both engines convert to their own classes."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from diptych.errors import QueryError
from diptych.where import BUILT_IN, PRINTED_LABEL, PRINTED_PAGE, STORE_FIELDS, And, Compare, Expression, In, Not, Or
from extractors.types import FieldValue

FLAGS = "flags"
"""Payload list of the user's fields that are true: qdrant-edge 0.9 cannot match booleans."""
LISTS = "lists"
"""Payload list of the user's fields that hold several values: `contains` compares those with whole values."""
FOLIO = "folio"
"""Payload field with the printed number of a page, if it differs from the position in the file."""
PRINTED = {PRINTED_PAGE: FOLIO, PRINTED_LABEL: "label"}
"""What documents print, as filters of the store call it -> its payload field."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?")
"""Of the forms of ISO 8601, those that both engines read."""
BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
Json = dict[str, Any]


def filter_json(where: Expression) -> Json:
    """The filter of an expression. Raises `QueryError` for a value that cannot be compared."""
    return {"must": [_condition(where)]}


def payload_key(field: str) -> str:
    """The payload path of a field in a filter; the user's own fields are stored below `fields`."""
    if field in PRINTED:
        return PRINTED[field]
    if field in BUILT_IN or field in STORE_FIELDS:
        return field
    return 'fields."' + field.replace('"', "") + '"'


def is_date(value: str) -> bool:
    """Whether a text is a day, or a day and a time, that exists."""
    try:
        return bool(_DATE.fullmatch(value)) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _condition(where: Expression) -> Json:
    match where:
        case And(parts):
            return {"must": [_condition(part) for part in parts]}
        case Or(parts):
            return {"should": [_condition(part) for part in _join_texts(parts)]}
        case Not(part):
            return {"must_not": [_condition(part)]}
        case In(field, values) if all(isinstance(value, str) for value in values):
            return {"key": payload_key(field), "match": {"any": list(values)}}
        case In(field, values):
            return {"should": [_equal(field, value) for value in values]}
        case Compare(field, "!=", value):
            return {"must_not": [_equal(field, value)]}
        case Compare(field, "=", value):
            return _equal(field, value)
        case Compare(field, "contains", value):
            return _contains(field, value)
        case Compare(field, operator, value):
            return _range(field, BOUNDS[operator], value)


def _join_texts(alternatives: Iterable[Expression]) -> list[Expression]:
    """The alternatives with all texts of a field in one of them: engines take milliseconds for each."""
    texts: dict[str, list[str]] = {}
    others: list[Expression] = []
    for one in alternatives:
        match one:
            case Compare(field, "=", str() as text):
                texts.setdefault(field, []).append(text)
            case In(field, values) if all(isinstance(value, str) for value in values):
                texts.setdefault(field, []).extend(map(str, values))
            case _:
                others.append(one)
    return [*(In(field, tuple(dict.fromkeys(found))) for field, found in texts.items()), *others]


def _equal(field: str, value: FieldValue) -> Json:
    key = payload_key(field)
    if isinstance(value, bool):
        is_true = {"key": FLAGS, "match": {"value": field}}
        return is_true if value else {"must_not": [{"is_empty": {"key": key}}, is_true]}
    if isinstance(value, str):
        return {"key": key, "match": {"value": value}}
    # A range, because a match is exact about the type, and 5 should find 5.0 too.
    return {"key": key, "range": {"gte": float(value), "lte": float(value)}}


def _contains(field: str, value: FieldValue) -> Json:
    """A list with this value, or a text with this part."""
    if not isinstance(value, str):
        return _equal(field, value)
    is_list = {"key": LISTS, "match": {"value": field}}
    has_part = {"key": payload_key(field), "match": {"substring": value}}
    return {"should": [_equal(field, value), {"must": [has_part], "must_not": [is_list]}]}


def _range(field: str, bound: str, value: FieldValue) -> Json:
    if not isinstance(value, str):
        return {"key": payload_key(field), "range": {bound: float(value)}}
    if not is_date(value):
        raise QueryError(f"filter on {field!r}: {value!r} is neither a number nor a date like 2026-01-31")
    return {"key": payload_key(field), "range": {bound: value}}
