"""What the wording of a query asks for. Pure functions over its text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise

from diptych.search.synonyms import Synonyms
from diptych.store.terms import analyse
from extractors.layout.labels import mentioned_labels

SENTENCE_END = re.compile(r"(?<=\?)\s*|(?<=[.!])\s+(?=[A-Z])")
INSTRUCTION = re.compile(
    r"\s*(?:(?:please|kindly|directly)\s+)*(?:(?:your|the)\s+)?(?:answers?|round|give|return|write|format|save|provide"
    r"|express|state|respond|reply|use|note|for example|e\.g\.)\b",
    re.IGNORECASE,
)
"""The start of a sentence that says what the answer should look like, which does not help to find it."""
FILLER_WORDS = (
    "according figure chart graph table diagram picture image photo slide document report paper page guidebook book "
    "text section mention show shown many much name please following answer give list appear include based provide "
    "describe display illustrate present number"
)
"""Words used to phrase questions; they distinguish no page."""
MIN_DISTINCTIVE_WORDS = 3
"""In shorter queries filler words count too: a query for "photo paper" means both words."""
FIGURE_WORD = re.compile(
    r"\b(?:figures?|charts?|graphs?|diagrams?|maps?|pictures?|images?|photos?|illustrat\w*|cartoons?|icons?|logos?"
    r"|colou?rs?|legends?|bars?|curves?|axis|plot|pie|screenshots?)\b",
    re.IGNORECASE,
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
CARDINALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PAGE_NUMBER = re.compile(
    rf"\b(?:pages?|slides?|pp?\.)\s*\(?(?:number\s|no\.\s?|#)?\s*(\d{{1,4}}|{'|'.join(CARDINALS)})\b"
    r"(?:\)?\s*(-|–|to|and|,|&)\s*(\d{1,4})\b)?",
    re.IGNORECASE,
)
PAGE_POSITION = re.compile(
    rf"\b({'|'.join(ORDINALS)}|last|cover|front|title)\s+(?:page|slide)\b|\b(?:on|of|in)\s+the\s+(cover)\b",
    re.IGNORECASE,
)
FISCAL_YEAR = re.compile(r"\bFY ?['’]?(\d{4}|\d{2})\b", re.IGNORECASE)
MAX_RANGE = 50
"""Pages in the longest range that is taken as one."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """The words and phrases of a query together with those of a synonym file."""

    words: tuple[str, ...]
    phrases: tuple[tuple[str, str], ...]
    documents: tuple[str, ...]
    """Stems, separated by spaces, of phrases: only documents with one of them are meant. Empty: all documents."""


@dataclass(frozen=True, slots=True)
class QueryIntent:
    """A text query as ranking reads it."""

    text: str
    """Without instructions on the form of the answer."""
    words: tuple[str, ...]
    """Distinct stems that BM25 searches for: those that distinguish pages."""
    phrases: tuple[tuple[str, str], ...]
    """Pairs of adjacent stems."""
    expansions: tuple[Expansion, ...] = ()
    """One for each synonym file with terms of the query."""
    page_numbers: frozenset[int] = frozenset()
    positions: frozenset[int] = frozenset()
    """Pages named by position: 1 is the first page, -1 the last."""
    labels: frozenset[str] = frozenset()
    """Normalised labels of figures and tables."""
    asks_for_figure: bool = False
    """Whether the answer is something seen in a figure."""


def parse_intent(text: str, language: str = "english", synonyms: Sequence[Synonyms] = ()) -> QueryIntent:
    """Analyse a query; `language` chooses the stemmer."""
    asked = strip_instructions(text)
    without_pages = PAGE_POSITION.sub("; ", PAGE_NUMBER.sub("; ", asked))
    content = analyse(without_pages, language).split()
    stems, filler = content or analyse(asked, language).split(), _filler_stems(language)
    distinctive = [stem for stem in stems if stem not in filler]
    kept = distinctive if len(distinctive) >= MIN_DISTINCTIVE_WORDS else stems
    words = tuple(dict.fromkeys([*kept, *_fiscal_years(text)]))
    phrases = tuple(dict.fromkeys(pair for pair in _pairs(content) if not set(pair) <= filler))
    page_numbers, positions = _named_pages(asked)
    return QueryIntent(
        text=asked,
        words=words,
        phrases=phrases,
        expansions=tuple(_expansions(words, phrases, text, language, synonyms)),
        page_numbers=page_numbers,
        positions=positions,
        labels=frozenset(mentioned_labels(asked)),
        asks_for_figure=bool(FIGURE_WORD.search(asked)),
    )


def strip_instructions(text: str) -> str:
    """The text without sentences that only say how to answer; unchanged if nothing else would be left."""
    sentences = [sentence for sentence in SENTENCE_END.split(text) if sentence.strip()]
    kept = [sentence for sentence in sentences if not INSTRUCTION.match(sentence)]
    return " ".join(kept).strip() if len(kept) < len(sentences) and kept else text


def _expansions(
    words: Sequence[str],
    phrases: Sequence[tuple[str, str]],
    text: str,
    language: str,
    synonyms: Iterable[Synonyms],
) -> Iterator[Expansion]:
    for file in synonyms:
        if related := [analyse(phrase, language).split() for phrase in file.related_phrases(text)]:
            yield Expansion(
                words=tuple(dict.fromkeys([*words, *chain.from_iterable(related)])),
                phrases=tuple(dict.fromkeys([*phrases, *chain.from_iterable(map(_pairs, related))])),
                documents=tuple(analyse(phrase, language) for phrase in file.documents),
            )


def _fiscal_years(text: str) -> list[str]:
    """FY2021 and FY21 are printed as 2021."""
    return [year if len(year) == 4 else f"20{year}" for year in FISCAL_YEAR.findall(text)]


def _named_pages(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """(page numbers, positions) that the text names."""
    numbers: set[int] = set()
    for first, joined, last in PAGE_NUMBER.findall(text):
        start = CARDINALS.index(first.lower()) + 1 if first.isalpha() else int(first)
        end = int(last) if last else start
        is_range = joined in ("-", "–", "to") and start <= end <= start + MAX_RANGE
        numbers |= set(range(start, end + 1)) if is_range else {start, end}
    found = [(word or cover).lower() for word, cover in PAGE_POSITION.findall(text)]
    positions = {-1 if word == "last" else ORDINALS.index(word) + 1 if word in ORDINALS else 1 for word in found}
    return frozenset(numbers), frozenset(positions)


def _pairs(stems: list[str]) -> Iterable[tuple[str, str]]:
    return ((first, second) for first, second in pairwise(stems) if first != second)


@lru_cache(maxsize=8)
def _filler_stems(language: str) -> frozenset[str]:
    return frozenset(analyse(FILLER_WORDS, language).split())
