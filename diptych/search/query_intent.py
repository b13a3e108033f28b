"""What a question asks for, told from how it is put: pure functions over its text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from diptych.search.thesaurus import related
from diptych.store.terms import analyse
from extractors.layout.labels import mentioned_labels

SENTENCE = re.compile(r"(?<=\?)\s*|(?<=[.!])\s+(?=[A-Z])")
INSTRUCTION = re.compile(
    r"\s*(?:(?:please|kindly|directly)\s+)*(?:(?:your|the)\s+)?(?:answers?|round|give|return|write|format|save|provide"
    r"|express|state|respond|reply|use|note|for example|e\.g\.)\b",
    re.IGNORECASE,
)
"""How a sentence begins that says what the answer shall look like: it tells nothing of where the answer stands."""
SCAFFOLD = (
    "according figure chart graph table diagram picture image photo slide document report paper page guidebook book "
    "text section mention show shown many much name please following answer give list appear include based provide "
    "describe display illustrate present number"
)
"""Words that questions are put with, which no page is told by."""
ENOUGH = 3
"""Other words that a question must have, else these count too: who types `photo paper` means it."""
PICTURED = re.compile(
    r"\b(?:figures?|charts?|graphs?|diagrams?|maps?|pictures?|images?|photos?|illustrat\w*|cartoons?|icons?|logos?"
    r"|colou?rs?|legends?|bars?|curves?|axis|plot|pie|screenshots?)\b",
    re.IGNORECASE,
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERED = re.compile(
    rf"\b(?:pages?|slides?|pp?\.)\s*\(?(?:number\s|no\.\s?|#)?\s*(\d{{1,4}}|{'|'.join(CARDINALS)})\b"
    r"(?:\)?\s*(-|–|to|and|,|&)\s*(\d{1,4})\b)?",
    re.IGNORECASE,
)
PLACED = re.compile(
    rf"\b({'|'.join(ORDINALS)}|last|cover|front|title)\s+(?:page|slide)\b|\b(?:on|of|in)\s+the\s+(cover)\b",
    re.IGNORECASE,
)
FISCAL = re.compile(r"\bFY ?['’]?(\d{4}|\d{2})\b", re.IGNORECASE)
WIDEST = 50
"""Pages that a range names at most."""


@dataclass(frozen=True, slots=True)
class QueryIntent:
    """A text question, as the ranking reads it."""

    text: str
    """Less its instructions on the answer's form."""
    words: tuple[str, ...]
    """Stems that tell pages apart, and those of related terms, each once: what BM25 is asked."""
    phrases: tuple[tuple[str, str], ...]
    """Pairs of stems that stand beside each other in the question or in a related term."""
    numbers: frozenset[int] = frozenset()
    """Of pages that it names."""
    places: frozenset[int] = frozenset()
    """Pages that it names by their place: the first is 1, the last -1."""
    labels: frozenset[str] = frozenset()
    """Normalised labels of figures and tables that it names."""
    pictured: bool = False
    """Whether it asks for something that is seen in a figure."""


def parse_intent(text: str, language: str = "english") -> QueryIntent:
    """Take a question apart; stems are those of `language`."""
    asked = strip_instructions(text)
    terms = [analyse(phrase, language).split() for phrase in (*related(text), *_years(text))]
    content = analyse(PLACED.sub("; ", NUMBERED.sub("; ", asked)), language).split()  # page numbers are read below
    stems, scaffold = content or analyse(asked, language).split(), _scaffold(language)
    telling = [stem for stem in stems if stem not in scaffold]
    words = telling if len(telling) >= ENOUGH else stems
    more = [stem for term in terms for stem in term]
    phrases = [pair for pair in _pairs(content) if not set(pair) <= scaffold]
    phrases += (pair for term in terms for pair in _pairs(term))
    numbers, places = _pages(asked)
    return QueryIntent(
        text=asked,
        words=tuple(dict.fromkeys([*words, *more])),
        phrases=tuple(dict.fromkeys(phrases)),
        numbers=numbers,
        places=places,
        labels=frozenset(mentioned_labels(asked)),
        pictured=bool(PICTURED.search(asked)),
    )


def strip_instructions(text: str) -> str:
    """The text less the sentences that only say what the answer shall look like; all of it where nothing else is."""
    sentences = [sentence for sentence in SENTENCE.split(text) if sentence.strip()]
    kept = [sentence for sentence in sentences if not INSTRUCTION.match(sentence)]
    return " ".join(kept).strip() if len(kept) < len(sentences) and kept else text


def _years(text: str) -> list[str]:
    """FY2021 and FY21 are printed as 2021."""
    return [year if len(year) == 4 else f"20{year}" for year in FISCAL.findall(text)]


def _pages(text: str) -> tuple[frozenset[int], frozenset[int]]:
    numbers: set[int] = set()
    for first, between, last in NUMBERED.findall(text):
        start = CARDINALS.index(first.lower()) + 1 if first.isalpha() else int(first)
        end = int(last) if last else start
        whole = between in ("-", "–", "to") and start <= end <= start + WIDEST
        numbers |= set(range(start, end + 1)) if whole else {start, end}
    found = [(word or cover).lower() for word, cover in PLACED.findall(text)]
    places = {-1 if word == "last" else ORDINALS.index(word) + 1 if word in ORDINALS else 1 for word in found}
    return frozenset(numbers), frozenset(places)


def _pairs(stems: list[str]) -> Iterable[tuple[str, str]]:
    return ((first, second) for first, second in pairwise(stems) if first != second)


@lru_cache(maxsize=8)
def _scaffold(language: str) -> frozenset[str]:
    return frozenset(analyse(SCAFFOLD, language).split())
