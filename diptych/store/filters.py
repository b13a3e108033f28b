"""The filter tree in an engine's words. Both engines think alike and differ in spelling only: see `Dialect`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from diptych.errors import QueryError
from diptych.where import BUILT_IN, And, Compare, Expression, In, Not, Or
from extractors.types import FieldValue

INTERNAL = ("document_id", "generation", "content_hash", "uri")
"""Payload keys that the store itself filters by."""
FLAGS = "flags"
"""Payload list of the user's fields that are true: qdrant-edge 0.9 cannot match booleans."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")
BOUNDS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}


class Dialect(Protocol):
    """How an engine spells a condition."""

    def all_of(self, conditions: Sequence[Any]) -> Any: ...

    def any_of(self, conditions: Sequence[Any]) -> Any: ...

    def none_of(self, conditions: Sequence[Any]) -> Any: ...

    def equal(self, key: str, value: str) -> Any: ...

    def among(self, key: str, values: Sequence[str]) -> Any: ...

    def number(self, key: str, bounds: dict[str, float]) -> Any: ...

    def date(self, key: str, bounds: dict[str, str]) -> Any: ...

    def empty(self, key: str) -> Any: ...


def translate(where: Expression | None, dialect: Dialect) -> Any:
    """The engine's own filter, None for no filter. Raises `QueryError` for a value that cannot be compared."""
    return dialect.all_of([_condition(where, dialect)]) if where else None


def key_of(name: str) -> str:
    """The payload path of a filter's name: the user's own fields lie below `fields`."""
    if name in BUILT_IN or name in INTERNAL:
        return name
    return 'fields."' + name.replace('"', "") + '"'


def _condition(where: Expression, dialect: Dialect) -> Any:
    match where:
        case And(parts):
            return dialect.all_of([_condition(part, dialect) for part in parts])
        case Or(parts):
            return dialect.any_of([_condition(part, dialect) for part in parts])
        case Not(part):
            return dialect.none_of([_condition(part, dialect)])
        case In(field, values):
            return _any(field, values, dialect)
        case Compare(field, "!=", value):
            return dialect.none_of([_equal(field, value, dialect)])
        case Compare(field, "=", value):
            return _equal(field, value, dialect)
        case Compare(field, operator, value):
            return _range(field, BOUNDS[operator], value, dialect)


def _equal(field: str, value: FieldValue, dialect: Dialect) -> Any:
    key = key_of(field)
    if isinstance(value, bool):
        flagged = dialect.equal(FLAGS, field)
        return flagged if value else dialect.none_of([dialect.empty(key), flagged])
    if isinstance(value, str):
        return dialect.equal(key, value)
    # A range, because a match is exact about the type and 5 should find 5.0 too.
    return dialect.number(key, {"gte": float(value), "lte": float(value)})


def _any(field: str, values: tuple[FieldValue, ...], dialect: Dialect) -> Any:
    if all(isinstance(value, str) for value in values):
        return dialect.among(key_of(field), [str(value) for value in values])
    return dialect.any_of([_equal(field, value, dialect) for value in values])


def _range(field: str, bound: str, value: FieldValue, dialect: Dialect) -> Any:
    if not isinstance(value, str):
        return dialect.number(key_of(field), {bound: float(value)})
    if not DATE.match(value):
        raise QueryError(f"filter on {field!r}: {value!r} is neither a number nor a date like 2026-01-31")
    return dialect.date(key_of(field), {bound: value})
