"""Which language a text is in, and the words of that language that say nothing about what the text is about.

A text is in the language whose stop words it uses most. That is reliable for documents, and for queries it is what
matters: a query without stop words, such as "EBITDA 2021", has none that could be left out.
"""

import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

AUTO = "auto"
"""The setting `language` that detects the language of every document."""
DEFAULT = "english"
"""For texts whose language cannot be detected, such as tables, and for Latin words in Chinese, Japanese or Korean."""
SCRIPTS = {
    "ARABIC": "arabic", "ARMENIAN": "armenian", "DEVANAGARI": "hindi", "GREEK": "greek", "TAMIL": "tamil",
}  # fmt: skip
"""Scripts of languages that have a stemmer but no list of stop words here, as Unicode names their letters."""
MIN_STOP_WORDS = 2
"""Fewer stop words of a language are no evidence for it, because languages share short words."""
MAX_CHARACTERS = 200_000
"""The beginning of a text that is read to detect its language."""
WORD = re.compile(r"[^\W\d_]{2,}")
"""Single letters are more often symbols and remains of hyphenation than words."""


def detect_language(text: str) -> str:
    """The language of a document, named as Snowball names its stemmer; `DEFAULT` if it cannot be detected."""
    words = Counter(WORD.findall(fold(text[:MAX_CHARACTERS])))
    language, count = _most_used(words, tuple(_stop_words()))
    if count >= MIN_STOP_WORDS:
        return language
    scripts = Counter(unicodedata.name(word[0], "").partition(" ")[0] for word in words.elements())
    return SCRIPTS.get(scripts.most_common(1)[0][0], DEFAULT) if scripts else DEFAULT


def detect_query_language(text: str, languages: Sequence[str]) -> str:
    """The language of a query to documents in `languages`; the first of them if it cannot be detected."""
    words = Counter(WORD.findall(fold(text)))
    language, count = _most_used(words, (*languages, *_stop_words()))
    return language if count >= (1 if language in languages else MIN_STOP_WORDS) else languages[0]


def known_languages() -> tuple[str, ...]:
    """The languages that can be detected."""
    return (*_stop_words(), *SCRIPTS.values())


@cache
def stop_words(language: str) -> frozenset[str]:
    """As `fold` writes them; none for a language without a list."""
    return _stop_words().get(language, frozenset())


def fold(text: str) -> str:
    """Replace compatibility forms (ﬁ -> fi, Ｑ -> q), and drop case and Latin accents."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return plain
    decomposed = unicodedata.normalize("NFD", plain)
    return unicodedata.normalize("NFC", re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", decomposed))


def _most_used(words: Counter[str], languages: Sequence[str]) -> tuple[str, int]:
    """The language with the most stop words among `words`, the first of several, and their number.

    `languages` include all that have stop words.
    """
    counts = dict.fromkeys(languages, 0)
    for word, count in words.items():
        for language in _languages_by_stop_word().get(word, ()):
            counts[language] += count
    return max(counts.items(), key=lambda item: item[1])


@cache
def _languages_by_stop_word() -> dict[str, list[str]]:
    languages: dict[str, list[str]] = defaultdict(list)
    for language, words in _stop_words().items():
        for word in words:
            languages[word].append(language)
    return dict(languages)


@cache
def _stop_words() -> dict[str, frozenset[str]]:
    """By language; `DEFAULT` comes first, so that it wins ties."""
    lists = tomllib.loads(Path(__file__).with_name("stop_words.toml").read_text(encoding="utf-8"))
    names = sorted(lists, key=lambda name: (name != DEFAULT, name))
    return {name: frozenset(fold(lists[name]).split()) for name in names}
