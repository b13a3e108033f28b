"""Finds the numbers in a text, and checks whether a text states a number.

1,200, 1200, 1.2 thousand and twelve hundred are the same number. Answers are read strictly and evidence generously:
`1 200` in evidence may be one number or two cells of a table. Nothing is computed: evidence does not state a sum, a
difference or a share that it does not print.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from diptych.answering.quotes import find_quote_problem, normalise_text

NumberStatus = Literal["stated", "no percent", "absent"]
"""`no percent`: the number is stated, but not as a percentage."""

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
_LARGE_NUMBERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SCALES = {
    **{word: Decimal(value) for word, value in _LARGE_NUMBERS.items()},
    **dict.fromkeys(("k", "K"), Decimal(1000)),
    **dict.fromkeys(("M", "m", "mn", "mln", "mio"), Decimal(10**6)),
    **dict.fromkeys(("bn", "bln", "B"), Decimal(10**9)),
    **dict.fromkeys(("tn", "trn", "T"), Decimal(10**12)),
}
_SCALE_WORD = (
    r"(?:\s?(?P<scale>(?i:hundred|thousand|million|billion|trillion)s?|mn|mln|mio|bn|bln|tn|trn|[kKMBT])(?![\w]))?"
)
_PERCENT = r"(?P<percent>\s?%|\s?(?i:per\s?cent|percent\w*))?"
_NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>(?<![\w)])-(?=[$€£¥.\d]))?[$€£¥]?(?<![\d.,])(?P<digits>\d+(?:[.,]\d+)*|(?<!\w)\.\d+)(?:\^(?P<power>-?\d+))?"
    + _SCALE_WORD + _PERCENT + r"(?P<close>\))?"
)  # fmt: skip
_ANY = "|".join([*_WORDS, *_LARGE_NUMBERS])
_NUMBER_IN_WORDS = re.compile(
    rf"\b(?:{'|'.join(_WORDS)}|a\s(?:{'|'.join(_LARGE_NUMBERS)}))(?:(?:-|\s|(?<=dred)\sand\s|(?<=sand)\sand\s)(?:{_ANY}))*\b"
    + _PERCENT,
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"(?<![\w$€£])[^\W\d_]+[-./_]?\d[\w]*(?:[-./]\w+)*")
_CURRENCY = re.compile(r"\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|SGD|IDR|MYR|RM|Rs|Rp|US)(?=\$?\d)")
_YEAR_SPAN = re.compile(r"(?<!\d)((?:1[5-9]|20)\d\d)([-/])(\d\d)(?!\d|[-/]\d)")
_EUROPEAN = re.compile(r"(?<![\d.,])\d+,\d{1,2}(?![\d,])|\d\.\d{3},\d")
_THOUSANDS_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d])")


@dataclass(frozen=True, slots=True)
class Number:
    shown: str
    """As printed."""
    value: Decimal | None
    """Without its scale; None for an identifier such as AB-77 or Q3, or a version such as 1.2.3."""
    scale: Decimal = Decimal(1)
    percent: bool = False
    digits: str = ""
    """With its points and commas."""


@dataclass(frozen=True, slots=True)
class _StatedNumbers:
    """The numbers in an item of evidence."""

    values: frozenset[Decimal]
    digits: frozenset[str]
    scales: frozenset[Decimal]
    percent: bool


def find_numbers(text: str) -> list[Number]:
    """The numbers and identifiers in an answer, in digits or words. Zero and one in words do not count."""
    rest = _expand_year_spans(_CURRENCY.sub("", normalise_text(text)))
    identifiers = [m[0].rstrip(".") for m in _IDENTIFIER.finditer(rest) if _is_identifier(m[0])]
    for identifier in identifiers:
        rest = rest.replace(identifier, " ", 1)
    rest = re.sub(r"(?<=[^\W\d_])-(?=\d)", " ", rest)  # mid-2015, sub-10
    european = bool(_EUROPEAN.search(rest))
    found = [Number(name, None) for name in identifiers]
    found += [_parse_number(match, european) for match in _NUMBER.finditer(_join_thousands(rest))]
    return found + [one for one in _numbers_in_words(rest) if one.value not in (0, 1)]


def check_number(number: Number, text: str) -> NumberStatus:
    """Whether `text`, an item of evidence, states the number."""
    stated = _stated_numbers(text)
    if number.value is None:
        return "stated" if number.digits in stated.digits or not find_quote_problem(number.shown, text) else "absent"
    in_units = number.value in stated.values and number.scale in stated.scales  # a table "in millions"
    as_printed = number.scale == 1 and number.digits in stated.digits  # 1.200 equals 1.200 in any country
    if number.value * number.scale not in stated.values and not in_units and not as_printed:
        return "absent"
    return "no percent" if number.percent and not stated.percent else "stated"


@lru_cache(maxsize=256)
def _stated_numbers(text: str) -> _StatedNumbers:
    whole = _expand_year_spans(_CURRENCY.sub("", normalise_text(text)), keep=True)
    bare = _IDENTIFIER.sub(_identifier_number, whole)
    european = bool(_EUROPEAN.search(whole))
    matches = [*_NUMBER.finditer(bare), *_NUMBER.finditer(_join_thousands(bare))]
    numbers = [*(_parse_number(match, european) for match in matches), *_numbers_in_words(bare)]
    values = {value for one in numbers if one.value is not None for value in (one.value, one.value * one.scale)}
    values |= {Decimal(n) for n, word in enumerate(_ORDINALS) if n and re.search(rf"\b{word}\b", whole, re.IGNORECASE)}
    # "fell by 5" is printed as -5 or (5) in a table. The reverse would invent a sign.
    values |= {abs(value) for value in values}
    words = re.findall(r"[A-Za-z]{2,}|(?<=[$€£])[mMkK]\b", whole)
    scales = {_scale(word) for word in words} | {one.scale for one in numbers}
    if re.search(r"['’]000\b", text):
        scales.add(Decimal(1000))
    digits = frozenset(one.digits for one in numbers if one.digits)
    percent = bool(re.search(r"%|per\s?cent", whole, re.IGNORECASE))
    return _StatedNumbers(frozenset(values), digits, frozenset(scales), percent)


def _identifier_number(match: re.Match[str]) -> str:
    """The number in an identifier of the evidence: none in AB-77, the year in FY2015 and mid-2015."""
    is_name = _is_identifier(match[0]) and not re.match(r"[FC]Y[-/]?\d", match[0])
    return " " if is_name else re.sub(r"^\D+", " ", match[0])


def _scale(word: str | None) -> Decimal:
    """1 for a word that is not a scale."""
    if not word:
        return Decimal(1)
    return _SCALES.get(word) or _SCALES.get(word.lower().removesuffix("s"), Decimal(1))


def _parse_number(match: re.Match[str], european: bool) -> Number:
    digits = printed = match["digits"]
    if european:
        digits = re.sub(r"\.(?=\d{3}(?!\d))", "", digits).replace(",", ".")
    elif re.fullmatch(r"\d+,\d{1,2}|\d+,\d{4,}", digits):
        digits = digits.replace(",", ".")
    digits = digits.replace(",", "")
    if digits.count(".") > 1:
        return Number(printed, None, digits=printed)
    value, power = Decimal(digits), int(match["power"] or 0)
    if 0 < abs(power) < 100:
        value = value**power
    negative = match["sign"] or (match["open"] and match["close"] and not match["percent"])
    shown = printed if match["open"] else match[0].rstrip(") ")
    scale, percent = _scale(match["scale"]), bool(match["percent"])
    sign = "-" if negative else ""
    return Number(shown, -value if negative else value, scale, percent, "" if power else sign + printed)


def _numbers_in_words(text: str) -> Iterator[Number]:
    """Numbers in English words: `ninety`, `twenty-five`, `two hundred and five thousand`."""
    for match in _NUMBER_IN_WORDS.finditer(text):
        total = part = 0
        for word in re.findall(r"[a-z]+", match[0].lower()):
            if word in _WORDS:
                part += _WORDS[word]
            elif word == "hundred":
                part = max(part, 1) * 100
            elif word in _LARGE_NUMBERS:
                total, part = total + max(part, 1) * _LARGE_NUMBERS[word], 0
        yield Number(match[0], Decimal(total + part), percent=bool(match["percent"]))


def _is_identifier(word: str) -> bool:
    """Whether letters and digits form a name, as in AB-77 and Q3 but not in mid-2015."""
    letters = re.match(r"[^\W\d_]+", word)
    assert letters
    return letters[0] != letters[0].lower() or len(letters[0]) == 1 or word[letters.end()] != "-"


def _expand_year_spans(text: str, *, keep: bool = False) -> str:
    """2015-16 and 2015/16 become 2015 2016; `keep` adds the short form."""
    return _YEAR_SPAN.sub(lambda m: f"{m[1]} {m[1][:2]}{m[3]}" + (f" {m[3]}" if keep else ""), text)


def _join_thousands(text: str) -> str:
    """Join thousands that are separated by spaces into one number."""
    return _THOUSANDS_SPACED.sub(lambda m: m[0].replace(" ", ""), text)
