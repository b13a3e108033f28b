"""The state of a search in its address: words, image, filters; and the form and the chips that change it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from diptych.errors import QueryError
from diptych.search.query.plain_filters import FilteredText
from diptych.serve.page.hits import PICTURES, short_name
from diptych.serve.prefix import address
from diptych.serve.served_library import NotFound, ServedLibrary
from diptych.serve.store_fields import StoreField
from diptych.where import ALLOWED_VALUES, And, Compare, Expression, In, Operator, parse_where
from extractors.types import FieldValue

MAX_CHOICES = 12
"""Values of a field that are offered as check boxes, if some repeat; others are searched by a part of their text."""
MAX_FIELDS = 24
"""Fields in the form; filters on others are written as expressions."""
RANGES: tuple[tuple[str, Operator], ...] = (("min", ">="), ("max", "<="))
FILTERS = re.compile(r"(kind|document|where)$|(min|max|is|has)\.")
"""Names of parameters that are filters."""

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, and the address of the search without it."""

    condition: str
    without: str
    phrase: str = ""
    """The words of the query that it was read from."""


class SearchState:
    """The parameters of an address."""

    def __init__(self, path: str, parameters: Parameters) -> None:
        self.path = path
        self._all = [(name, value.strip()) for name, value in parameters if value.strip()]

    def get(self, name: str) -> str:
        return next((value for key, value in self._all if key == name), "")

    def values(self, name: str) -> list[str]:
        return [value for key, value in self._all if key == name]

    def address(self, changed: Mapping[str, object] | None = None, drop: Iterable[str] = ()) -> str:
        """The address with some parameters changed or left out, from the first hit on unless `from` is changed."""
        changed = changed or {}
        dropped = {*drop, *changed, "from"}
        kept = [(name, value) for name, value in self._all if name not in dropped]
        kept += [(name, str(value)) for name, value in changed.items() if value not in (None, "")]
        return address(self.path) + (f"?{urlencode(kept)}" if kept else "")

    def without_filters(self) -> str:
        return self.address(drop=[name for name, _ in self._all if FILTERS.match(name)])

    @property
    def first(self) -> int:
        """Rank of the first hit shown."""
        text = self.get("from")
        return max(1, min(int(text), 10_000)) if text.isdecimal() else 1

    def pages(self, size: int, line: str, *, more: bool) -> dict[str, str]:
        """The previous and the next page of a list, and a line about this one; `more`: there is a next one."""
        return {
            "previous": self.address({"from": max(1, self.first - size)}) if self.first > 1 else "",
            "next": self.address({"from": self.first + size}) if more else "",
            "shown": line,
        }

    def pages_of(self, size: int, total: int, noun: str) -> dict[str, str]:
        last = min(self.first + size - 1, total)
        return self.pages(size, f"{noun} {self.first} to {last} of {total:,}", more=last < total)

    def where(self) -> Expression | None:
        """All filters. Raises `QueryError`."""
        parts = [part for _, _, part in self._conditions()]
        return None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))

    def chips(self, understood: FilteredText) -> list[Chip]:
        """The filters in use, those read from the wording first."""
        words = self.get("q")
        read = [
            Chip(condition.replace("`", ""), self.address({"q": " ".join(words.replace(phrase, " ").split())}), phrase)
            for phrase, condition in understood.phrases
        ]
        return read + [Chip(text, self.address(drop=[name])) for name, text, _ in self._conditions()]

    def _conditions(self) -> list[tuple[str, str, Expression]]:
        """(parameter, condition as text, condition) of each filter."""
        found: list[tuple[str, str, Expression]] = []
        for name in dict.fromkeys(name for name, _ in self._all if FILTERS.match(name)):
            how, _, field = name.partition(".")
            values = self.values(name)
            if how == "where":
                found.append((name, values[0], parse_where(values[0])))
            elif how in ("kind", "is"):
                found.append((name, f"{field or how}: {', '.join(values)}", _one_of(field or how, values)))
            elif how in ("document", "has"):
                operator: Operator = "=" if how == "document" else "contains"
                sign = ":" if how == "document" else " contains"
                found.append((name, f"{field or how}{sign} {values[0]}", Compare(field or how, operator, values[0])))
            else:
                operator = dict(RANGES)[how]
                sign = "≥" if how == "min" else "≤"
                found.append((name, f"{field} {sign} {values[0]}", Compare(field, operator, _limit(field, values[0]))))
        return found

    def form(self, fields: Sequence[StoreField]) -> dict[str, Any]:
        """What the template of the form shows."""
        return {
            "q": self.get("q"),
            "image": self.get("image"),
            "like": self.get("like"),
            "document": self.get("document"),
            "where": self.get("where"),
            "kinds": ALLOWED_VALUES["kind"],
            "chosen_kinds": self.values("kind"),
            "without_image": self.address(drop=["image"]),
            "fields": [self._field(one) for one in fields[:MAX_FIELDS]],
        }

    def _field(self, field: StoreField) -> dict[str, Any]:
        choices = ("true", "false") if field.kind == "boolean" else field.choices
        offered = len(choices) <= MAX_CHOICES and (field.kind == "boolean" or len(choices) < field.documents)
        return {
            "name": field.name,
            "kind": field.kind,
            "choices": choices if offered else (),
            "low": _format_limit(field.low),
            "high": _format_limit(field.high),
            "chosen": self.values(f"is.{field.name}"),
            "low_chosen": self.get(f"min.{field.name}"),
            "high_chosen": self.get(f"max.{field.name}"),
            "text_chosen": self.get(f"has.{field.name}"),
        }


def _format_limit(value: float | str | None) -> str:
    return value if isinstance(value, str) else "" if value is None else f"{value:g}"


def _one_of(field: str, values: Sequence[str]) -> Expression:
    """A choice may be a true or false field, whose values are no texts."""
    choices: list[FieldValue] = [{"true": True, "false": False}.get(value, value) for value in values]
    if field == "kind" and (unknown := set(values) - set(ALLOWED_VALUES["kind"])):
        known = ", ".join(ALLOWED_VALUES["kind"])
        raise QueryError(f"filter: there is no kind {min(unknown)[:40]!r}; choose from {known}")
    return Compare(field, "=", choices[0]) if len(choices) == 1 else In(field, tuple(choices))


def _limit(field: str, text: str) -> FieldValue:
    """A number or a date. Raises `QueryError` for anything else."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return text
    try:
        number = float(text)
    except ValueError:
        raise QueryError(
            f"filter: {field} is compared with a number or a date (2026-01-31), not {text[:40]!r}"
        ) from None
    return int(number) if number.is_integer() else number


async def query_image(name: str, library: ServedLibrary) -> bytes:
    """The bytes of a kept image: messages about them name no path of this machine."""
    try:
        return (await library.picture(name)).read_bytes()
    except NotFound:
        raise QueryError("the image to search with is no longer kept; choose it again") from None


async def image_and_hit(state: SearchState, library: ServedLibrary) -> dict[str, Any]:
    """What the form shows of the image, or of the hit, that is searched with."""
    image, like = state.get("image"), state.get("like")
    shown = {
        "image_address": address(PICTURES + quote(image)),
        "like_link": address(f"/hits/{quote(like)}"),
        "like_name": "a hit",
    }
    with suppress(NotFound):
        part = await library.part(like) if like else None
        if part:
            shown["like_name"] = part.caption or part.title or short_name(part.document)
    return shown
