"""What the wording of a query asks for. Pure functions over its text."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from diptych.search.query.synonyms import Synonyms
from diptych.search.query.wording import (
    asks_for_figure,
    filler_stems,
    named_pages,
    without_pages,
    without_questions,
)
from diptych.store.languages import DEFAULT, detect_query_language
from diptych.store.terms import analyse
from extractors.layout.labels import mentioned_labels

SENTENCE_END = re.compile(r"(?<=[?？。！])\s*|(?<=[.!])\s+(?=[A-ZÀ-ÞА-Я])")
INSTRUCTION = re.compile(
    r"\s*(?:(?:please|kindly|directly|bitte)\s+)*(?:(?:your|the)\s+)?(?:answers?|round|give|return|write|format|save|provide"
    r"|express|state|respond|reply|use|note|for example|e\.g\.|antworte\w*|runde|gib|répond\w+|arrondi\w*"
    r"|responde?|redondea|rispond\w+|arrotonda|responda|antwoord|svara)\b|请?回答|答えて",
    re.IGNORECASE,
)
"""The start of a sentence that says what the answer should look like, which does not help to find it."""
MIN_DISTINCTIVE_WORDS = 3
"""In shorter queries filler words count too: a query for "photo paper" means both words."""
FISCAL_YEAR = re.compile(r"\bFY ?['’]?(\d{4}|\d{2})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expansion:
    """The words of a query together with those of a synonym file."""

    words: tuple[str, ...]
    documents: tuple[str, ...]
    """Stems, separated by spaces, of phrases: only documents with one of them are meant. Empty: all documents."""
    tables: tuple[re.Pattern[str], ...] = ()
    """Titles of tables that are meant."""


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


def parse_intent(text: str, languages: Sequence[str] = (DEFAULT,), synonyms: Sequence[Synonyms] = ()) -> QueryIntent:
    """Analyse a query to documents in `languages`.

    Stop words and question words are those of the query's own language. The other words are stemmed in each of
    `languages`, because the same word has other stems in documents of another language.
    """
    asked = strip_instructions(text)
    spoken = detect_query_language(asked, languages)
    content = without_questions(without_pages(asked, spoken), spoken)
    read = [_read_terms(content, asked, language, spoken) for language in languages]
    words = tuple(dict.fromkeys([*chain.from_iterable(words for words, _ in read), *_fiscal_years(text)]))
    phrases = tuple(dict.fromkeys(chain.from_iterable(phrases for _, phrases in read)))
    page_numbers, positions = named_pages(asked, spoken)
    return QueryIntent(
        text=asked,
        words=words,
        phrases=phrases,
        expansions=tuple(_expansions(words, text, languages, synonyms)),
        page_numbers=page_numbers,
        positions=positions,
        labels=frozenset(mentioned_labels(asked)),
        asks_for_figure=asks_for_figure(asked),
    )


def _read_terms(content: str, asked: str, language: str, spoken: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Words and phrases, stemmed in a language."""
    stems, filler = analyse(content, language, spoken).split(), filler_stems(spoken, language)
    words = stems or analyse(asked, language, spoken).split()
    distinctive = [stem for stem in words if stem not in filler]
    return (
        distinctive if len(distinctive) >= MIN_DISTINCTIVE_WORDS else words,
        [pair for pair in _pairs(stems) if not set(pair) <= filler],
    )


def strip_instructions(text: str) -> str:
    """The text without sentences that only say how to answer; unchanged if nothing else would be left."""
    sentences = [sentence for sentence in SENTENCE_END.split(text) if sentence.strip()]
    kept = [sentence for sentence in sentences if not INSTRUCTION.match(sentence)]
    return " ".join(kept).strip() if len(kept) < len(sentences) and kept else text


def _expansions(
    words: Sequence[str],
    text: str,
    languages: Sequence[str],
    synonyms: Iterable[Synonyms],
) -> Iterator[Expansion]:
    def stems(phrases: Iterable[str]) -> list[list[str]]:
        return [analyse(phrase, language).split() for phrase in phrases for language in languages]

    for file in synonyms:
        if related := stems(file.related_phrases(text)):
            yield Expansion(
                words=tuple(dict.fromkeys([*words, *chain.from_iterable(related)])),
                documents=tuple(map(" ".join, stems(file.documents))),
                tables=file.related_tables(text),
            )


def _fiscal_years(text: str) -> list[str]:
    """FY2021 and FY21 are printed as 2021."""
    return [year if len(year) == 4 else f"20{year}" for year in FISCAL_YEAR.findall(text)]


def _pairs(stems: list[str]) -> Iterable[tuple[str, str]]:
    return ((first, second) for first, second in pairwise(stems) if first != second)
