"""Turns phrases of a query into filters: "jackets under $200" becomes "jackets" with price < 200.

A phrase is a filter only if the store has a matching numeric or date field, named in the phrase or implied by its
currency or year. Text in double quotes is never a filter.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diptych.where import And, Compare, Expression, Operator
from extractors.types import FieldValue

MONEY_NAMES = ("price", "cost", "amount", "preis", "prix", "precio")
"""A field whose name contains one of these words holds money."""
YEAR_NAMES = ("year", "published", "date", "jahr")
MIN_SHARE = 0.5
"""Minimum share of a field's values that must be of one kind."""

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
_MARKED = re.compile(_MARK, re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')

FieldKinds = Mapping[str, str]
"""Field name -> `number`, `date` or `text`."""


@dataclass(frozen=True, slots=True)
class FilteredText:
    """A query's text with some of its phrases turned into a filter."""

    text: str
    """The text without those phrases; unchanged if nothing else would be left."""
    where: Expression | None = None
    phrases: tuple[tuple[str, str], ...] = ()
    """(phrase, filter that it became), to show to users."""


def field_kinds(documents: Iterable[Mapping[str, FieldValue]]) -> dict[str, str]:
    """The most frequent kind of each field in some documents, without fields whose values are too mixed."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for fields in documents:
        for name, value in fields.items():
            kinds[name].append(_kind(value))
    main = {name: max(("number", "date", "text"), key=found.count) for name, found in kinds.items()}
    return {name: kind for name, kind in main.items() if kinds[name].count(kind) >= MIN_SHARE * len(kinds[name])}


def may_contain_filter(text: str) -> bool:
    """Whether any phrase of `text` could be a filter. Most texts have none, and then no field needs to be read."""
    return any(pattern.search(_blank_quotes(text)) for pattern in (_BETWEEN, _LIMIT, _YEAR))


def extract_filters(text: str, fields: FieldKinds) -> FilteredText:
    """Turn phrases of `text` that restrict one of `fields` into filters."""
    unquoted = _blank_quotes(text)
    found: list[tuple[int, int, Sequence[Compare]]] = []
    for pattern, parse in ((_BETWEEN, _parse_between), (_LIMIT, _parse_limit), (_YEAR, _parse_year)):
        for match in pattern.finditer(unquoted):
            start, parts = parse(match, fields)
            if parts and not any(start < end and begin < match.end() for begin, end, _ in found):
                found.append((start, match.end(), parts))
    if not found:
        return FilteredText(text)
    found.sort(key=lambda item: item[0])
    rest, at = "", 0
    for start, end, _ in found:
        rest, at = rest + text[at:start], end
    rest = " ".join((rest + text[at:]).split())
    compared = [part for _, _, parts in found for part in parts]
    phrases = tuple((text[start:end].strip(), " and ".join(map(_format, parts))) for start, end, parts in found)
    where: Expression = compared[0] if len(compared) == 1 else And(tuple(compared))
    return FilteredText(rest if re.search(r"\w", rest) else text, where, phrases)


def _blank_quotes(text: str) -> str:
    """Quoted text replaced by as many spaces, so that offsets stay valid."""
    return _QUOTED.sub(lambda quoted: " " * len(quoted.group()), text)


def _parse_between(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    name = _money_field(fields) if _MARKED.search(match.group()) else ""
    if not name:
        return match.start(), ()
    low, high = _number(match, "low"), _number(match, "high")
    return match.start(), (Compare(name, ">=", low), Compare(name, "<=", high))


def _parse_limit(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    """Restricts the field named directly before (`rating over 4`), or else the money field (`under $200`)."""
    word, number = match["word"].lower(), _number(match, "n")
    named = next((name for name in fields if fields[name] == "number" and _names_field(match["name"], name)), "")
    if named:
        return match.start(), (Compare(named, _BELOW[word], number),)
    if (match["before"] or match["after"]) and (name := _money_field(fields)):
        start = match.start("word") if match["name"] else match.start()
        return start, (Compare(name, _BELOW[word], number),)
    return match.start(), ()


def _parse_year(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    named = [name for name in fields if fields[name] != "text" and _words(name) & set(YEAR_NAMES)]
    if len(named) != 1:
        return match.start(), ()
    operator, year = _SINCE[match["word"].lower()], int(match["year"])
    if fields[named[0]] == "number":
        return match.start(), (Compare(named[0], operator, year),)
    # A date is compared with the first day of a year: "after 2019" starts with 2020, "until 2019" ends before it.
    first = year + 1 if operator in (">", "<=") else year
    return match.start(), (Compare(named[0], ">=" if operator in (">", ">=") else "<", f"{first}-01-01"),)


def _money_field(fields: FieldKinds) -> str:
    """The only numeric field that holds money; empty if there is none, or more than one."""
    names = [name for name, kind in fields.items() if kind == "number" and _words(name) & set(MONEY_NAMES)]
    return names[0] if len(names) == 1 else ""


def _number(match: re.Match[str], group: str) -> float:
    value = float(match[group].replace(",", "")) * (1000 if match[f"{group}k"] else 1)
    return int(value) if value.is_integer() else value


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_\d]+", name.lower()))


def _names_field(word: str | None, field: str) -> bool:
    return bool(word) and field.lower().replace("_", " ") == str(word).lower()


def _kind(value: FieldValue) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return "date" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d.*", value) else "text"


def _format(part: Compare) -> str:
    value = f'"{part.value}"' if isinstance(part.value, str) else f"{part.value:g}"
    name = part.field if re.fullmatch(r"[^\W\d][\w.\-]*", part.field) else f"`{part.field}`"
    return f"{name} {part.operator} {value}"
