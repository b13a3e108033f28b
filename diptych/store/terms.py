"""What BM25 reads: a text as stems, without stop words, identifiers kept whole.

The analysis is ours, not the engine's, so that the embedded store and every server rank alike, and so that a part
number, a decimal or a script without spaces survives it. The engine splits the result at spaces.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache
from typing import Any

from diptych.errors import SettingsError

TOKEN = re.compile(
    r"""
      (?P<cjk>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+)
    | (?P<word>[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+
        (?:[.,'’/_+\-][^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+)*)
    """,
    re.VERBOSE,
)
STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both
    but by can cannot could did do does doing down during each few for from further had has have having he her
    here hers him his how i if in into is it its itself just me more most my no nor not of off on once only or
    other our out over own same she should so some such than that the their them then there these they this
    those through to too under until up very was we were what when where which while who whom why will with
    would you your
    """.split()  # noqa: SIM905
)
STEMMING = threading.Lock()
"""A stemmer keeps the word it works on, so one thread at a time; `_tokens` remembers what it gave."""
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


def analyse(text: str, language: str = "english") -> str:
    """The tokens of a passage or a question, joined by spaces; only letters and digits remain in each."""
    folded = _folded(text)
    tokens: list[str] = []
    for match in TOKEN.finditer(folded):
        if match["cjk"]:
            tokens += _pairs(match["cjk"])
        else:
            tokens += _tokens(match["word"], language)
    return " ".join(tokens)


def _folded(text: str) -> str:
    """Compatibility forms made plain (ﬁ -> fi, Ｑ -> q), case and Latin accents dropped."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return plain
    apart = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", apart))


@lru_cache(maxsize=200_000)
def _tokens(word: str, language: str) -> tuple[str, ...]:
    """A word gives its stem; an identifier gives itself as one token, and its parts: AB-77 -> ab77 ab 77."""
    parts = re.split(r"[.,'’/_+\-]", word)
    if len(parts) == 1:
        return () if word in STOP_WORDS else (_stem(word, language),)
    if not any(character.isdigit() for character in word):
        word = re.sub(r"['’](s|t|re|ve|ll|d|m)$", "", word)
        return tuple(_stem(part, language) for part in re.split(r"[.,'’/_+\-]", word) if part not in STOP_WORDS)
    if THOUSANDS.fullmatch(word):
        return (word.replace(",", "").replace(".", "d"),)
    if re.fullmatch(r"\d+[.,]\d+", word):
        return (re.sub(r"[.,]", "d", word),)  # 3.5 must not meet 35
    whole = re.sub(r"[.,'’/_+\-]", "" if re.search(r"[^\W\d]", word) else "h", word)
    return (whole, *(part if part.isdigit() else _stem(part, language) for part in parts if part not in STOP_WORDS))


def _pairs(run: str) -> list[str]:
    """Scripts without spaces are read as overlapping pairs of characters."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _stem(word: str, language: str) -> str:
    if any(character.isdigit() for character in word):
        return word
    with STEMMING:
        return str(_stemmer(language).stemWord(word))


def check_language(language: str) -> None:
    """Raises `SettingsError` for a language that no stemmer knows."""
    _stemmer(language)


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Any:
    """Snowball's. Raises `SettingsError` for a language that it does not know."""
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        known = ", ".join(sorted(snowballstemmer.algorithms()))
        raise SettingsError(f"setting `language`: {language!r} has no stemmer; known: {known}")
    return snowballstemmer.stemmer(language)
