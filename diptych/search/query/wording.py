"""Words of queries in many languages: those that name pages and figures, and those that merely phrase a question."""

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from diptych.store.languages import fold, known_languages, stop_words
from diptych.store.terms import analyse

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
CHINESE = "一二三四五六七八九十"
MAX_RANGE = 50
"""Pages in the longest range that is taken as one."""


def named_pages(text: str, spoken: str) -> tuple[frozenset[int], frozenset[int]]:
    """(page numbers, positions: 1 is the first page, -1 the last) that a query in the language `spoken` names."""
    numbers: set[int] = set()
    for match in _page_number(spoken).finditer(text):
        start = _number(match["first"] or match["counted"])
        end = int(match["last"] or start)
        is_range = match["joined"] in _words("ranges") and start <= end <= start + MAX_RANGE
        numbers |= set(range(start, end + 1)) if is_range else {start, end}
    ordinals = {ORDINALS.index(match[1].lower()) + 1 for match in _ORDINAL_PAGE.finditer(text)}
    ends = {position for name, position in (("first_page", 1), ("last_page", -1)) if _pattern(name).search(text)}
    return frozenset(numbers), frozenset(ordinals | ends)


def without_pages(text: str, spoken: str) -> str:
    """The text without references to pages."""
    for pattern in (_page_number(spoken), _ORDINAL_PAGE, _pattern("first_page"), _pattern("last_page")):
        text = pattern.sub("; ", text)
    return text


def without_questions(text: str, spoken: str) -> str:
    """The text without question words of the language `spoken`, and of scripts that do not separate words."""
    return _question(spoken).sub(" ", text)


def has_function_words(text: str) -> bool:
    """Whether the text has a stop word or a question word of any language."""
    words = set(re.findall(r"\w{2,}", fold(text)))
    return any(words & stop_words(language) or _question(language).search(text) for language in known_languages())


def asks_for_figure(text: str) -> bool:
    return bool(_pattern("figures").search(text))


def filler_words(language: str) -> frozenset[str]:
    """Words used to phrase questions in a language; they distinguish no page."""
    return frozenset(_table()["filler"].get(language, "").split())


@cache
def filler_stems(spoken: str, language: str) -> frozenset[str]:
    """The filler words of a query's language, as they are stemmed in another."""
    return frozenset(analyse(" ".join(filler_words(spoken)), language, spoken).split())


_ORDINAL_PAGE = re.compile(rf"\b({'|'.join(ORDINALS)})\s+(?:page|slide)\b", re.IGNORECASE)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("wording.toml").read_text(encoding="utf-8"))


def _words(name: str) -> list[str]:
    return str(_table()[name]).split()


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """Any of the words; Chinese, Japanese and Korean have no spaces between words."""
    return re.compile(_any_of(_words(name)), re.IGNORECASE)


@cache
def _page_number(spoken: str) -> re.Pattern[str]:
    pages = _any_of([*_words("pages"), *_table()["pages_in"].get(spoken, "").split()])
    joined = "|".join(re.escape(word) for word in _words("joined"))
    first = rf"(?P<first>\d{{1,4}}|{'|'.join(CARDINALS)})\b"
    before = rf"{pages}\s*\(?(?:(?:{'|'.join(_words('numbers'))})\s?|#)?\s*{first}"
    more = rf"(?:\)?\s*(?P<joined>{joined})\s*(?P<last>\d{{1,4}})\b)?"
    after = rf"第\s?(?:\d{{1,4}}|[{CHINESE}])\s?[页頁]|第?\s?\d{{1,4}}\s?(?:ページ|페이지|쪽)|\b\d{{1,4}}\.?\s?oldal\w*"
    return re.compile(rf"{before}{more}|(?P<counted>{after})", re.IGNORECASE)


@cache
def _question(spoken: str) -> re.Pattern[str]:
    return re.compile(_any_of([*_words("questions"), *_table()["questions_in"].get(spoken, "").split()]), re.IGNORECASE)


def _any_of(words: Iterable[str]) -> str:
    found = sorted(words, key=len, reverse=True)
    spaced, unspaced = (
        [word for word in found if bool(re.search(r"[\u3040-\ud7af]", word)) == cjk] for cjk in (False, True)
    )
    parts = [rf"\b(?:{'|'.join(spaced)})(?:(?<=\.)|\b)"] if spaced else []
    return f"(?:{'|'.join([*parts, *unspaced])})"


def _number(text: str) -> int:
    if text.lower() in CARDINALS:
        return CARDINALS.index(text.lower()) + 1
    digits = re.search(r"\d+", text)
    return int(digits[0]) if digits else CHINESE.index(re.sub(rf"[^{CHINESE}]", "", text)[0]) + 1
