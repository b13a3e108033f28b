"""Plain phrases that are filters: "jackets under $200" asks for jackets, and for a price below 200.

Only numeric fields that the store really has are meant, only by a phrase that names one or its money, and never what
stands in double quotes: those words are searched as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diptych.where import And, Compare, Expression, Operator
from extractors.types import FieldValue

MONEY_NAMES = ("price", "cost", "amount", "preis", "prix", "precio")
"""Fields whose name has one of these words hold money."""
YEAR_NAMES = ("year", "published", "date", "jahr")
FEWEST = 0.5
"""Share of a field's values that have to be numbers for it to be a numeric field."""

_BELOW: dict[str, Operator] = {
    "under": "<", "below": "<", "less than": "<", "cheaper than": "<", "lower than": "<", "smaller than": "<",
    "up to": "<=", "at most": "<=", "no more than": "<=", "not more than": "<=", "maximum": "<=", "max": "<=",
    "over": ">", "above": ">", "more than": ">", "higher than": ">", "greater than": ">", "larger than": ">",
    "at least": ">=", "no less than": ">=", "not less than": ">=", "minimum": ">=", "min": ">=", "from": ">=",
}  # fmt: skip
_SINCE: dict[str, Operator] = {"since": ">=", "from": ">=", "after": ">", "before": "<", "until": "<="}
_NUMBER = r"(?P<{0}>\d+(?:,\d{{3}})*(?:\.\d+)?)(?P<{0}k>k\b)?"
_MARK = r"(?:us\$|[$€£¥]|usd|eur|gbp|dollars?|euros?|pounds?|bucks)"
_AMOUNT = rf"(?:(?P<before>{_MARK})\s?)?{_NUMBER.format('n')}(?:\s?(?P<after>{_MARK})(?!\w))?"
_COMPARED = "|".join(sorted(map(re.escape, _BELOW), key=len, reverse=True))
_BETWEEN = re.compile(
    rf"\bbetween\s+(?:{_MARK}\s?)?{_NUMBER.format('low')}(?:\s?{_MARK}(?!\w))?\s+and\s+"
    rf"(?P<mark>{_MARK}\s?)?{_NUMBER.format('high')}(?:\s?(?P<tail>{_MARK})(?!\w))?",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    rf"(?:(?:with|at|of|for)\s+(?:an?\s+)?)?(?:\b(?P<name>\w+)\s+(?:of\s+|is\s+)?)?(?<!\w)(?P<word>{_COMPARED})\s+"
    rf"{_AMOUNT}(?!\w|[.,]\d|\s?%)",
    re.IGNORECASE,
)
_YEAR = re.compile(
    r"\b(?P<word>since|from|after|before|until)\s+(?P<year>(?:19|20)\d\d)\b(?!\s?[-–]\s?\d)", re.IGNORECASE
)
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')

FieldKinds = Mapping[str, str]
"""The store's own fields: name -> `number`, `date` or `text`."""


@dataclass(frozen=True, slots=True)
class FilteredText:
    """A question with its plain phrases taken as filters."""

    text: str
    """The question without them; as it was when nothing else would be left."""
    where: Expression | None = None
    phrases: tuple[tuple[str, str], ...] = ()
    """(the phrase, the filter that it became), to be shown."""


def field_kinds(records: Iterable[Mapping[str, FieldValue]]) -> dict[str, str]:
    """What the values of each field are, of the fields of some documents."""
    seen: dict[str, list[str]] = {}
    for fields in records:
        for name, value in fields.items():
            seen.setdefault(name, []).append(_kind(value))
    return {name: max(("number", "date", "text"), key=found.count) for name, found in seen.items() if _clear(found)}


def may_limit_a_field(text: str) -> bool:
    """Whether `text` has any phrase that could limit a field: most have none, and then no store need be looked at."""
    return any(pattern.search(_unquoted(text)) for pattern in (_BETWEEN, _LIMIT, _YEAR))


def extract_filters(text: str, fields: FieldKinds) -> FilteredText:
    """Take the phrases of `text` that limit one of `fields` as filters."""
    bare = _unquoted(text)
    found: list[tuple[int, int, Sequence[Compare]]] = []
    for pattern, read in ((_BETWEEN, _between), (_LIMIT, _limit), (_YEAR, _year)):
        for match in pattern.finditer(bare):
            start, parts = read(match, fields)
            if parts and not any(start < end and begin < match.end() for begin, end, _ in found):
                found.append((start, match.end(), parts))
    if not found:
        return FilteredText(text)
    found.sort(key=lambda one: one[0])
    left, at = "", 0
    for start, end, _ in found:
        left, at = left + text[at:start], end
    left = " ".join((left + text[at:]).split())
    compared = [part for _, _, parts in found for part in parts]
    phrases = tuple((text[start:end].strip(), " and ".join(map(_shown, parts))) for start, end, parts in found)
    where: Expression = compared[0] if len(compared) == 1 else And(tuple(compared))
    return FilteredText(left if re.search(r"\w", left) else text, where, phrases)


def _unquoted(text: str) -> str:
    """What stands in quotes blotted out; columns stay as they are."""
    return _QUOTED.sub(lambda quoted: " " * len(quoted.group()), text)


def _between(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    name = _money(fields) if _MARKED.search(match.group()) else ""
    if not name:
        return match.start(), ()
    low, high = _value(match, "low"), _value(match, "high")
    return match.start(), (Compare(name, ">=", low), Compare(name, "<=", high))


def _limit(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    """A field that is named right before (`rating over 4`), else the one that holds money (`under $200`)."""
    word, number = match["word"].lower(), _value(match, "n")
    named = next((name for name in fields if fields[name] == "number" and _same(name, match["name"])), "")
    if named:
        return match.start(), (Compare(named, _BELOW[word], number),)
    if (match["before"] or match["after"]) and (name := _money(fields)):
        start = match.start("word") if match["name"] else match.start()
        return start, (Compare(name, _BELOW[word], number),)
    return match.start(), ()


def _year(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    named = [name for name in fields if fields[name] != "text" and _words(name) & set(YEAR_NAMES)]
    if len(named) != 1:
        return match.start(), ()
    operator, year = _SINCE[match["word"].lower()], int(match["year"])
    if fields[named[0]] == "number":
        return match.start(), (Compare(named[0], operator, year),)
    # A year is all its days: after 2019 begins with 2020, and until 2019 ends with it.
    first = year + 1 if operator in (">", "<=") else year
    return match.start(), (Compare(named[0], ">=" if operator in (">", ">=") else "<", f"{first}-01-01"),)


def _money(fields: FieldKinds) -> str:
    """The one numeric field that holds money; empty when there is none, or more than one."""
    names = [name for name, kind in fields.items() if kind == "number" and _words(name) & set(MONEY_NAMES)]
    return names[0] if len(names) == 1 else ""


def _value(match: re.Match[str], group: str) -> float:
    value = float(match[group].replace(",", "")) * (1000 if match[f"{group}k"] else 1)
    return int(value) if value.is_integer() else value


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_\d]+", name.lower()))


def _same(field: str, word: str | None) -> bool:
    return bool(word) and field.lower().replace("_", " ") == str(word).lower()


def _kind(value: FieldValue) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "date" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d.*", value) else "text"


def _clear(found: Sequence[str]) -> bool:
    return max(found.count(kind) for kind in ("number", "date", "text")) >= FEWEST * len(found)


def _shown(part: Compare) -> str:
    value = f'"{part.value}"' if isinstance(part.value, str) else f"{part.value:g}"
    name = part.field if re.fullmatch(r"[^\W\d][\w.\-]*", part.field) else f"`{part.field}`"
    return f"{name} {part.operator} {value}"


_MARKED = re.compile(_MARK, re.IGNORECASE)
