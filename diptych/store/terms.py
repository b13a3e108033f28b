"""Text analysis for BM25: stems, no stop words, identifiers kept whole.

Diptych analyses text itself instead of leaving it to the engine, so that the embedded store and every server rank
alike, and so that part numbers, decimals and scripts without spaces survive. The engine only splits the result at
spaces.
"""

import re
import threading
from functools import lru_cache
from typing import Any

from diptych.errors import SettingsError
from diptych.store.languages import AUTO, DEFAULT, fold, stop_words

TOKEN = re.compile(
    r"""
      (?P<cjk>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+)
    | (?P<word>[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+
        (?:[.,'’/_+\-][^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+)*)
    """,
    re.VERBOSE,
)
STEMMER_LOCK = threading.Lock()
"""A stemmer keeps the word it works on, so only one thread may use it at a time; `_tokens` caches its results."""
SEPARATORS = re.compile(r"[.,'’/_+\-]")
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


def analyse(text: str, language: str = DEFAULT, spoken: str = "") -> str:
    """The tokens of a passage or a query, joined by spaces; tokens only contain letters and digits.

    `language` chooses the stemmer. `spoken` is the language whose stop words are left out, if it is another one.
    """
    tokens: list[str] = []
    for match in TOKEN.finditer(fold(text)):
        cjk, word = match["cjk"], match["word"]
        tokens += _character_pairs(cjk) if cjk else _tokens(word, language, spoken or language)
    return " ".join(tokens)


@lru_cache(maxsize=200_000)
def _tokens(word: str, language: str, spoken: str) -> tuple[str, ...]:
    """The stem of a word; for an identifier, one token for all of it and its parts: AB-77 -> ab77 ab 77."""
    parts, unwanted = SEPARATORS.split(word), stop_words(spoken)
    if len(parts) == 1:
        return () if word in unwanted else (_stem(word, language),)
    if not any(character.isdigit() for character in word):
        word = re.sub(r"['’](s|t|re|ve|ll|d|m)$", "", word)
        return tuple(_stem(part, language) for part in SEPARATORS.split(word) if part not in unwanted)
    if THOUSANDS.fullmatch(word):
        return (word.replace(",", "").replace(".", "d"),)
    if re.fullmatch(r"\d+[.,]\d+", word):
        return (re.sub(r"[.,]", "d", word),)  # 3.5 must not match 35
    whole = SEPARATORS.sub("" if re.search(r"[^\W\d]", word) else "h", word)
    return (whole, *(part if part.isdigit() else _stem(part, language) for part in parts if part not in unwanted))


def _character_pairs(run: str) -> list[str]:
    """Overlapping pairs of characters, for scripts without spaces."""
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]


def _stem(word: str, language: str) -> str:
    if any(character.isdigit() for character in word):
        return word
    with STEMMER_LOCK:
        return str(_stemmer(language).stemWord(word))


def check_language(language: str) -> None:
    """Raises `SettingsError` for a language that is neither `auto` nor has a Snowball stemmer."""
    if language != AUTO:
        _stemmer(language)


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Any:
    import snowballstemmer

    if language not in snowballstemmer.algorithms():
        known = ", ".join(sorted(snowballstemmer.algorithms()))
        raise SettingsError(f"setting `language`: {language!r} has no stemmer; known: {AUTO}, {known}")
    return snowballstemmer.stemmer(language)
