"""The numbers that a text states, and whether a text states a number: 1,200 is 1200 is 1.2 thousand is twelve hundred.

What an answer says is read strictly, what the evidence says generously: `1 200` in evidence may be one number or two
cells of a table. Nothing is computed: a sum, a difference or a share that evidence does not print is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from diptych.answering.quotes import missing, plain

Standing = Literal["stands", "no percent", "absent"]
"""`no percent`: the number stands there, but nothing says that it is a percentage."""

_UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen 
    eighteen nineteen
""".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ORDINALS = """
    zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth 
    fifteenth sixteenth seventeenth eighteenth nineteenth
""".split()  # noqa: SIM905
_WORDS = {word: value for value, word in enumerate(_UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_HIGH = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALES = {
    **{word: Decimal(value) for word, value in _HIGH.items()},
    **dict.fromkeys(("k", "K"), Decimal(1000)),
    **dict.fromkeys(("M", "m", "mn", "mln", "mio"), Decimal(10**6)),
    **dict.fromkeys(("bn", "bln", "B"), Decimal(10**9)),
    **dict.fromkeys(("tn", "trn", "T"), Decimal(10**12)),
}
_SCALE = r"(?:\s?(?P<scale>(?i:hundred|thousand|million|billion|trillion)s?|mn|mln|mio|bn|bln|tn|trn|[kKMBT])(?![\w]))?"
_PERCENT = r"(?P<percent>\s?%|\s?(?i:per\s?cent|percent\w*))?"
_NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>(?<![\w)])-(?=[$€£¥.\d]))?[$€£¥]?(?<![\d.,])(?P<digits>\d+(?:[.,]\d+)*|(?<!\w)\.\d+)(?:\^(?P<power>-?\d+))?"
    + _SCALE + _PERCENT + r"(?P<close>\))?"
)  # fmt: skip
_ANY = "|".join([*_WORDS, *_HIGH])
_WORDED = re.compile(
    rf"\b(?:{'|'.join(_WORDS)}|a\s(?:{'|'.join(_HIGH)}))(?:(?:-|\s|(?<=dred)\sand\s|(?<=sand)\sand\s)(?:{_ANY}))*\b"
    + _PERCENT,
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"(?<![\w$€£])[^\W\d_]+[-./_]?\d[\w]*(?:[-./]\w+)*")
_CURRENCY = re.compile(r"\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SGD|IDR|MYR|RM|Rs|Rp|US)(?=\$?\d)")
_SPAN = re.compile(r"(?<!\d)((?:1[5-9]|20)\d\d)([-/])(\d\d)(?!\d|[-/]\d)")
_EUROPEAN = re.compile(r"(?<![\d.,])\d+,\d{1,2}(?![\d,])|\d\.\d{3},\d")
_THOUSANDS_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d])")


@dataclass(frozen=True, slots=True)
class Numeral:
    shown: str
    """As it stands in the text."""
    value: Decimal | None
    """Without its scale; None: an identifier, such as AB-77 or Q3, or a version, such as 1.2.3."""
    scale: Decimal = Decimal(1)
    percent: bool = False
    digits: str = ""
    """With its points and commas, whatever they mean."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a piece of evidence says."""

    values: frozenset[Decimal]
    digits: frozenset[str]
    scales: frozenset[Decimal]
    percent: bool


def numerals(text: str) -> list[Numeral]:
    """The numbers and identifiers that an answer states, in digits or in words; `one` is no number, but a pronoun."""
    rest = _spans(_CURRENCY.sub("", plain(text)))
    identifiers = [m[0].rstrip(".") for m in _IDENTIFIER.finditer(rest) if _identifies(m[0])]
    for identifier in identifiers:
        rest = rest.replace(identifier, " ", 1)
    rest = re.sub(r"(?<=[^\W\d_])-(?=\d)", " ", rest)  # mid-2015, sub-10
    european = bool(_EUROPEAN.search(rest))
    found = [Numeral(name, None) for name in identifiers]
    found += [_read(match, european) for match in _NUMBER.finditer(_joined(rest))]
    return found + [one for one in _worded(rest) if one.value not in (0, 1)]


def standing(numeral: Numeral, text: str) -> Standing:
    """Whether `text`, the words of one piece of evidence, states the number."""
    stated = _stated(text)
    if numeral.value is None:
        return "stands" if numeral.digits in stated.digits or not missing(numeral.shown, text) else "absent"
    in_units = numeral.value in stated.values and numeral.scale in stated.scales  # a table "in millions"
    alike = numeral.scale == 1 and numeral.digits in stated.digits  # 1.200 stands for itself in any country
    if numeral.value * numeral.scale not in stated.values and not in_units and not alike:
        return "absent"
    return "no percent" if numeral.percent and not stated.percent else "stands"


@lru_cache(maxsize=256)
def _stated(text: str) -> _Stated:
    whole = _spans(_CURRENCY.sub("", plain(text)), keep=True)
    bare = _IDENTIFIER.sub(_only_years, whole)
    european = bool(_EUROPEAN.search(whole))
    read = [_read(m, european) for form in (bare, _joined(bare)) for m in _NUMBER.finditer(form)] + list(_worded(bare))
    values = {value for one in read if one.value is not None for value in (one.value, one.value * one.scale)}
    values |= {Decimal(n) for n, word in enumerate(_ORDINALS) if n and re.search(rf"\b{word}\b", whole, re.IGNORECASE)}
    # "fell by 5" is what a table prints as -5 or (5); the other way round a sign would be made up.
    values |= {abs(value) for value in values}
    words = re.findall(r"[A-Za-z]{2,}|(?<=[$€£])[mMkK]\b", whole)
    scales = {_scale(word) for word in words} | {one.scale for one in read}
    if re.search(r"['’]000\b", text):
        scales.add(Decimal(1000))
    digits = frozenset(one.digits for one in read if one.digits)
    return _Stated(frozenset(values), digits, frozenset(scales), bool(re.search(r"%|per\s?cent", whole, re.IGNORECASE)))


def _only_years(match: re.Match[str]) -> str:
    """Of an identifier in evidence, what it states as a number: AB-77 nothing, FY2015 and mid-2015 the year."""
    return " " if _identifies(match[0]) and not re.match(r"[FC]Y[-/]?\d", match[0]) else re.sub(r"^\D+", " ", match[0])


def _scale(word: str | None) -> Decimal:
    """1 for a word that is no scale."""
    if not word:
        return Decimal(1)
    return _SCALES.get(word) or _SCALES.get(word.lower().removesuffix("s"), Decimal(1))


def _read(match: re.Match[str], european: bool) -> Numeral:
    digits = printed = match["digits"]
    if european:
        digits = re.sub(r"\.(?=\d{3}(?!\d))", "", digits).replace(",", ".")
    elif re.fullmatch(r"\d+,\d{1,2}|\d+,\d{4,}", digits):
        digits = digits.replace(",", ".")
    digits = digits.replace(",", "")
    if digits.count(".") > 1:
        return Numeral(printed, None, digits=printed)
    value, power = Decimal(digits), int(match["power"] or 0)
    if 0 < abs(power) < 100:
        value = value**power
    negative = match["sign"] or (match["open"] and match["close"] and not match["percent"])
    shown = printed if match["open"] else match[0].rstrip(") ")
    scale, percent = _scale(match["scale"]), bool(match["percent"])
    sign = "-" if negative else ""
    return Numeral(shown, -value if negative else value, scale, percent, "" if power else sign + printed)


def _worded(text: str) -> Iterator[Numeral]:
    """Numbers in English words: `ninety`, `twenty-five`, `two hundred and five thousand`."""
    for match in _WORDED.finditer(text):
        total = part = 0
        for word in re.findall(r"[a-z]+", match[0].lower()):
            if word in _WORDS:
                part += _WORDS[word]
            elif word == "hundred":
                part = max(part, 1) * 100
            elif word in _HIGH:
                total, part = total + max(part, 1) * _HIGH[word], 0
        yield Numeral(match[0], Decimal(total + part), percent=bool(match["percent"]))


def _identifies(word: str) -> bool:
    """Whether letters and digits make a name, as AB-77 and Q3 do, and mid-2015 does not."""
    letters = re.match(r"[^\W\d_]+", word)
    assert letters
    return letters[0] != letters[0].lower() or len(letters[0]) == 1 or word[letters.end()] != "-"


def _spans(text: str, *, keep: bool = False) -> str:
    """2015-16 and 2015/16 as 2015 2016; `keep`: the short form as well."""
    return _SPAN.sub(lambda m: f"{m[1]} {m[1][:2]}{m[3]}" + (f" {m[3]}" if keep else ""), text)


def _joined(text: str) -> str:
    """Thousands that are set apart by spaces as one number."""
    return _THOUSANDS_SPACED.sub(lambda m: m[0].replace(" ", ""), text)
