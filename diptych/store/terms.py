"""Text analysis for BM25: stems, no stop words, identifiers kept whole.

Diptych analyses text itself instead of leaving it to the engine, so that the embedded store and every server rank
alike, and so that part numbers, decimals and scripts without spaces survive. The engine only splits the result at
spaces.
"""

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
STEMMER_LOCK = threading.Lock()
"""A stemmer keeps the word it works on, so only one thread may use it at a time; `_tokens` caches its results."""
SEPARATORS = re.compile(r"[.,'’/_+\-]")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


def analyse(text: str, language: str = "english") -> str:
    """The tokens of a passage or a query, joined by spaces; tokens only contain letters and digits."""
    tokens: list[str] = []
    for match in TOKEN.finditer(_fold(text)):
        tokens += _character_pairs(match["cjk"]) if match["cjk"] else _tokens(match["word"], language)
    return " ".join(tokens)


def _fold(text: str) -> str:
    """Replace compatibility forms (ﬁ -> fi, Ｑ -> q), and drop case and Latin accents."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return plain
    decomposed = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", decomposed))


@lru_cache(maxsize=200_000)
def _tokens(word: str, language: str) -> tuple[str, ...]:
    """The stem of a word; for an identifier, one token for all of it and its parts: AB-77 -> ab77 ab 77."""
    parts = SEPARATORS.split(word)
    if len(parts) == 1:
        return () if word in STOP_WORDS else (_stem(word, language),)
    if not any(character.isdigit() for character in word):
        word = re.sub(r"['’](s|t|re|ve|ll|d|m)$", "", word)
        return tuple(_stem(part, language) for part in SEPARATORS.split(word) if part not in STOP_WORDS)
    if THOUSANDS.fullmatch(word):
        return (word.replace(",", "").replace(".", "d"),)
    if re.fullmatch(r"\d+[.,]\d+", word):
        return (re.sub(r"[.,]", "d", word),)  # 3.5 must not match 35
    whole = SEPARATORS.sub("" if re.search(r"[^\W\d]", word) else "h", word)
    return (whole, *(part if part.isdigit() else _stem(part, language) for part in parts if part not in STOP_WORDS))


def _character_pairs(run: str) -> list[str]:
    """Overlapping pairs of characters, for scripts without spaces."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _stem(word: str, language: str) -> str:
    if any(character.isdigit() for character in word):
        return word
    with STEMMER_LOCK:
        return str(_stemmer(language).stemWord(word))


def check_language(language: str) -> None:
    """Raises `SettingsError` for a language without a Snowball stemmer."""
    _stemmer(language)


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Any:
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        known = ", ".join(sorted(snowballstemmer.algorithms()))
        raise SettingsError(f"setting `language`: {language!r} has no stemmer; known: {known}")
    return snowballstemmer.stemmer(language)
