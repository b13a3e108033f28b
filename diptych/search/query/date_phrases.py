"""Dates in the wording of a query: `since 2024`, `before March 2023`, `between 2020 and 2022`, `in Q2 2021`."""

import re
from datetime import date, timedelta
from typing import NamedTuple

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d\d"
_DATE = "|".join(
    (
        rf"{_YEAR}-\d\d-\d\d",
        rf"{_YEAR}-(?:0[1-9]|1[0-2])(?![\d-])",
        rf"(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}",
        rf"{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+{_YEAR}",
        rf"{_MONTH},?\s+(?:of\s+)?{_YEAR}",
        rf"q[1-4]\s+{_YEAR}",
        rf"(?:the\s+year\s+)?{_YEAR}",
    )
)
_SINCE = r"since|starting\s+(?:in|from)|not\s+(?:before|older\s+than)|no\s+(?:earlier|older)\s+than|from"
_AFTER = r"after|(?:newer|later|more\s+recent)\s+than"
_BEFORE = r"before|prior\s+to|(?:older|earlier)\s+than"
_UNTIL = r"until|till|up\s+to|through|not\s+after|no\s+(?:later|newer)\s+than"
DATE_PHRASE = re.compile(
    r"(?:\b(?P<name>\w+)\s+)?\b(?P<limit>"
    rf"(?:between|from)\s+(?P<low>{_DATE})\s+(?:and|to|until|till|through)\s+(?P<high>{_DATE})"
    rf"|(?:(?P<since>{_SINCE})|(?P<after>{_AFTER})|(?P<before>{_BEFORE})|(?P<until>{_UNTIL})|(?P<within>in|during|on))"
    rf"\s+(?P<date>{_DATE}))(?!\w|\s?[-–/]\s?\d|[.,]\d|\s?%)",
    re.IGNORECASE,
)
"""A limit on a date, with the word before it, which may name the field: `released since 2024`."""


class Period(NamedTuple):
    """The days from `first` up to, but without, `end`; None is no limit."""

    first: date | None
    end: date | None


def parse_period(match: re.Match[str]) -> Period | None:
    """The period that `DATE_PHRASE` matched; None for an impossible date, such as 31 June."""
    try:
        if match["low"]:
            low, high = _days(match["low"]), _days(match["high"])
            return Period(low.first, high.end) if low.first < high.end else None
        days = _days(match["date"])
    except ValueError:
        return None
    if match["since"]:
        return Period(days.first, None)
    if match["after"]:
        return Period(days.end, None)
    if match["before"]:
        return Period(None, days.first)
    return Period(None if match["until"] else days.first, days.end)


class _Days(NamedTuple):
    first: date
    end: date


def _days(text: str) -> _Days:
    """The days of a date, a month, a quarter or a year. Raises `ValueError` for an impossible date."""
    year = int(re.findall(_YEAR, text)[0])
    if quarter := re.match(r"q([1-4])", text, re.IGNORECASE):
        return _months(year, 3 * int(quarter[1]) - 2, 3)
    if iso := re.fullmatch(r"\d{4}-(\d\d)(?:-(\d\d))?", text):
        month, day = int(iso[1]), iso[2]
    else:
        name = re.search(_MONTH, text, re.IGNORECASE)
        if not name:
            return _months(year, 1, 12)
        month = MONTHS.index(name[0][:3].lower()) + 1
        number = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", text)
        day = number and number[1]
    if not day:
        return _months(year, month, 1)
    first = date(year, month, int(day))
    return _Days(first, first + timedelta(days=1))


def _months(year: int, first: int, count: int) -> _Days:
    years, month = divmod(first - 1 + count, 12)
    return _Days(date(year, first, 1), date(year + years, month + 1, 1))
