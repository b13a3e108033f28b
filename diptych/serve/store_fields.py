"""The users' own fields in a store, by which hits can be filtered."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from diptych.search.query.plain_filters import field_kinds

DATE = re.compile(r"\d{4}-\d\d-\d\d")
MAX_CHOICES = 40
"""Distinct values that are listed; a field with more is searched by a part of its text."""
MAX_CHOICE_LENGTH = 60

FieldKind = Literal["number", "date", "boolean", "text"]


@dataclass(frozen=True, slots=True)
class StoreField:
    """A field, as the documents of the store have it."""

    name: str
    kind: FieldKind
    documents: int
    """Number of documents that have it."""
    several: bool = False
    """Whether documents may have several values of it, such as tags: `contains` finds each."""
    choices: tuple[str, ...] = ()
    """The distinct values of a text, if they are few and short."""
    low: float | str | None = None
    """The smallest number or the first date."""
    high: float | str | None = None


def store_fields(documents: Iterable[Mapping[str, Any]]) -> list[StoreField]:
    """The fields of documents, sorted by name; without those whose values are of too many kinds."""
    known = [fields for fields in documents if fields]
    kinds = field_kinds(known)
    return [_describe(name, kinds[name], [one[name] for one in known if name in one]) for name in sorted(kinds)]


def _describe(name: str, kind: str, found: Sequence[Any]) -> StoreField:
    several = any(isinstance(value, list) for value in found)
    values = [one for value in found for one in (value if isinstance(value, list) else [value])]
    if kind == "number":
        numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        return StoreField(name, "number", len(found), several, (), min(numbers), max(numbers))
    if kind == "date":
        dates = sorted(str(value) for value in values if DATE.match(str(value)))
        return StoreField(name, "date", len(found), several, (), dates[0], dates[-1])
    if values and all(isinstance(value, bool) for value in values):
        return StoreField(name, "boolean", len(found), several)
    distinct = sorted({str(value) for value in values})
    few = len(distinct) <= MAX_CHOICES and all(len(one) <= MAX_CHOICE_LENGTH for one in distinct)
    return StoreField(name, "text", len(found), several, tuple(distinct) if few else ())
