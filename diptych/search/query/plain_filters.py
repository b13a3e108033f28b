"""Turns phrases of a query into filters: "jackets under $200" becomes "jackets" with price < 200.

A phrase is a filter only if the store has a matching numeric or date field, named in the phrase or implied by its
currency or date. Text in double quotes is never a filter.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from diptych.search.query.date_phrases import DATE_PHRASE, Period, parse_period
from diptych.where import And, Compare, Expression, Operator
from extractors.types import FieldValue

MONEY_NAMES = ("price", "cost", "amount", "preis", "prix", "precio")
"""A field whose name contains one of these words holds money."""
YEAR_NAMES = ("year", "published", "date", "jahr")
"""A number in a field whose name contains one of these words is a year; of several dates, such a field is preferred."""
MIN_COMMON_LETTERS = 5
"""Words that begin with so many equal letters (a word of four: with all) are forms of one word: `released` names the
field `release_date`."""
MIN_SHARE = 0.5
"""Minimum share of a field's values that must be of one kind."""

_BELOW: dict[str, Operator] = {
    "under": "<", "below": "<", "less than": "<", "cheaper than": "<", "lower than": "<", "smaller than": "<",
    "up to": "<=", "at most": "<=", "no more than": "<=", "not more than": "<=", "maximum": "<=", "max": "<=",
    "not over": "<=", "not above": "<=", "not under": ">=", "not below": ">=",
    "over": ">", "above": ">", "more than": ">", "higher than": ">", "greater than": ">", "larger than": ">",
    "at least": ">=", "no less than": ">=", "not less than": ">=", "minimum": ">=", "min": ">=", "from": ">=",
}  # fmt: skip
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
_MARKED = re.compile(_MARK, re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')

FieldKinds = Mapping[str, str]
"""Field name -> `number`, `date` or `text`."""


class KnownFields(NamedTuple):
    """The fields that limits in the wording may mean."""

    kinds: FieldKinds
    rare: Set[str] = frozenset()
    """See `rare_fields`."""

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, FieldValue]]) -> "KnownFields":
        """Those of some documents."""
        found = list(documents)
        return cls(field_kinds(found), rare_fields(found))


@dataclass(frozen=True, slots=True)
class FilteredText:
    """A query's text with some of its phrases turned into a filter."""

    text: str
    """The text without those phrases; unchanged if nothing else would be left."""
    where: Expression | None = None
    phrases: tuple[tuple[str, str], ...] = ()
    """(phrase, filter that it became), to show to users."""
    problem: str = ""
    """Why a limit with a currency became no filter although fields hold money; or empty."""


def field_kinds(documents: Iterable[Mapping[str, FieldValue]]) -> dict[str, str]:
    """The most frequent kind of each field in some documents, without fields whose values are too mixed."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for fields in documents:
        for name, value in fields.items():
            kinds[name].append(_kind(value))
    main = {name: max(("number", "date", "text"), key=found.count) for name, found in kinds.items()}
    return {name: kind for name, kind in main.items() if kinds[name].count(kind) >= MIN_SHARE * len(kinds[name])}


def rare_fields(documents: Iterable[Mapping[str, FieldValue]]) -> frozenset[str]:
    """Fields that fewer than half of some documents have."""
    found = list(documents)
    counts = Counter(name for fields in found for name in fields)
    return frozenset(name for name, count in counts.items() if count < MIN_SHARE * len(found))


def may_contain_filter(text: str) -> bool:
    """Whether any phrase of `text` could be a filter. Most texts have none, and then no field needs to be read."""
    if not re.search(r"\d", text):  # all of them have a number
        return False
    return any(pattern.search(_blank_quotes(text)) for pattern in (_BETWEEN, _LIMIT, DATE_PHRASE))


def extract_filters(text: str, fields: FieldKinds, rare: Set[str] = frozenset()) -> FilteredText:
    """Turn phrases of `text` that restrict one of `fields` into filters.

    A date restricts a `rare` field only if the wording names it: "revenue in 2021" does not mean the few documents
    that have a date.
    """
    found: list[tuple[int, int, Sequence[Compare]]] = []
    problem = ""
    for start, stop, parts in _phrases(_blank_quotes(text), fields, rare):
        if parts and not any(start < end and begin < stop for begin, end, _ in found):
            found.append((start, stop, parts))
        elif not parts and _MARKED.search(text, start, stop):
            problem = problem or _money_problem(text[start:stop].strip(), fields)
    if not found:
        return FilteredText(text, problem=problem)
    found.sort(key=lambda item: item[0])
    rest, at = "", 0
    for start, end, _ in found:
        rest, at = rest + text[at:start], end
    rest = " ".join((rest + text[at:]).split())
    compared = [part for _, _, parts in found for part in parts]
    phrases = tuple((text[start:end].strip(), " and ".join(map(_format, parts))) for start, end, parts in found)
    where: Expression = compared[0] if len(compared) == 1 else And(tuple(compared))
    return FilteredText(rest if re.search(r"\w", rest) else text, where, phrases, problem)


def _phrases(text: str, fields: FieldKinds, rare: Set[str]) -> Iterator[tuple[int, int, Sequence[Compare]]]:
    """(start, end, comparisons) of every phrase with a limit; no comparisons if no field matches."""
    for match in _BETWEEN.finditer(text):
        yield match.start(), match.end(), _parse_between(match, fields)
    for match in _LIMIT.finditer(text):
        start, parts = _parse_limit(match, fields)
        yield start, match.end(), parts
    for match in DATE_PHRASE.finditer(text):
        start, parts = _parse_date(match, fields, rare)
        yield start, match.end(), parts


def _blank_quotes(text: str) -> str:
    """Quoted text replaced by as many spaces, so that offsets stay valid."""
    return _QUOTED.sub(lambda quoted: " " * len(quoted.group()), text)


def _parse_between(match: re.Match[str], fields: FieldKinds) -> Sequence[Compare]:
    name = _money_field(fields) if _MARKED.search(match.group()) else ""
    if not name:
        return ()
    return Compare(name, ">=", _number(match, "low")), Compare(name, "<=", _number(match, "high"))


def _parse_limit(match: re.Match[str], fields: FieldKinds) -> tuple[int, Sequence[Compare]]:
    """Restricts the field named directly before (`rating over 4`), or else the money field (`under $200`)."""
    word, number = match["word"].lower(), _number(match, "n")
    start = match.start("word") if match["name"] else match.start()
    named = next((name for name in fields if fields[name] == "number" and _names_field(match["name"], name)), "")
    if named:
        return match.start(), (Compare(named, _BELOW[word], number),)
    if (match["before"] or match["after"]) and (name := _money_field(fields)):
        return start, (Compare(name, _BELOW[word], number),)
    return start, ()


def _parse_date(match: re.Match[str], fields: FieldKinds, rare: Set[str]) -> tuple[int, Sequence[Compare]]:
    """Restricts the field named directly before (`released since 2024`), or else the only field with dates."""
    period = parse_period(match)
    dated = [name for name, kind in fields.items() if kind == "date" or (kind == "number" and _holds_years(name))]
    named = [name for name in dated if match["name"] and _mentions(match["name"], name)]
    chosen = named or [name for name in dated if _holds_years(name)] or dated
    if not period or len(chosen) != 1 or (not named and chosen[0] in rare):
        return match.start(), ()
    return match.start() if named else match.start("limit"), _date_limits(chosen[0], fields[chosen[0]], period)


def _date_limits(name: str, kind: str, period: Period) -> Sequence[Compare]:
    """Empty if the field holds years and the period does not consist of whole years."""
    ends: tuple[tuple[Operator, date | None], ...] = ((">=", period.first), ("<", period.end))
    bounds = [(operator, day) for operator, day in ends if day]
    if kind == "date":
        return [Compare(name, operator, day.isoformat()) for operator, day in bounds]
    if any((day.month, day.day) != (1, 1) for _, day in bounds):
        return ()
    if period.first and period.end and period.end.year - period.first.year == 1:
        return [Compare(name, "=", period.first.year)]
    return [Compare(name, operator, day.year) for operator, day in bounds]


def _money_field(fields: FieldKinds) -> str:
    """The only field that holds money; empty if there is none, or more than one, or its values are texts."""
    names = _money_fields(fields)
    return names[0] if len(names) == 1 and fields[names[0]] == "number" else ""


def _money_fields(fields: FieldKinds) -> list[str]:
    """Numeric fields named after money, and a `price` whose values are texts, but no `price_note`."""
    named = {name: _words(name) & set(MONEY_NAMES) for name in fields}
    return [name for name in fields if named[name] and (fields[name] == "number" or name.lower() in named[name])]


def _money_problem(phrase: str, fields: FieldKinds) -> str:
    names = _money_fields(fields)
    if not names:
        return ""
    why = f"the values of {names[0]} are texts, not numbers"
    if len(names) > 1:
        why = f"it may mean {' or '.join(names)}; filter by one of them, such as {names[0]} < 100"
    return f'"{phrase}" is not used as a filter: {why}'


def _number(match: re.Match[str], group: str) -> float:
    value = float(match[group].replace(",", "")) * (1000 if match[f"{group}k"] else 1)
    return int(value) if value.is_integer() else value


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_\d]+", name.lower()))


def _holds_years(name: str) -> bool:
    return bool(_words(name) & set(YEAR_NAMES))


def _mentions(word: str, field: str) -> bool:
    """Whether a word is a form of one in a field's name."""
    for other in _words(field):
        letters = max(4, min(MIN_COMMON_LETTERS, len(word), len(other)))
        if word[:letters].lower() == other[:letters]:
            return True
    return False


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
