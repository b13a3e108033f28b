"""Signals that rank pages: values from 0 to 1 that show how well a page answers a query, 1 for the best page.

Only the pages that were found are compared. How much a word counts depends on how rare it is among them: in a report
about batteries, "battery" distinguishes no page, however rare it is elsewhere. Pure functions over plain data.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from diptych.search.query_intent import Expansion, QueryIntent
from diptych.search.ranking_inputs import Page, Place

PAGE_WORDS, PAGE_PHRASES = "pages.bm25", "pages.phrases"
PAGE_HEADINGS, PAGE_PICTURES = "pages.headings", "pages.pictures"
NAMED, DOCUMENT_WORDS, DOCUMENT_NAME = "named", "documents.bm25", "documents.name"
SIGNALS = (PAGE_WORDS, PAGE_PHRASES, PAGE_HEADINGS, PAGE_PICTURES, NAMED, DOCUMENT_WORDS, DOCUMENT_NAME)
"""In order: BM25 of the page's words; adjacent pairs of words; BM25 of its headings and captions; a figure on the page
if the query asks for one; its page number or a label on it is named in the query; BM25 of the best pages of its
document; words in its document's name and title."""
BM25_K1, BM25_B = 1.2, 0.75
"""The usual constants of BM25."""
PAGES_PER_DOCUMENT = 3
"""A document is scored by this many of its best pages."""
POSITION_VALUE = 0.6
"""Value of `named` for a page whose position in the file was named while another number is printed on it."""

Values = Mapping[Place, float]


def measure_signals(
    intent: QueryIntent, pages: Mapping[Place, Page], expanded: Sequence[Set[str]] = ()
) -> dict[str, Values]:
    """Signal -> values of the pages for which it is above 0.

    `expanded`: for each expansion of the query, the documents that are measured by it instead of the query itself.
    """
    signals = _measure(intent, pages)
    for expansion, documents in zip(intent.expansions, expanded, strict=False):
        of_documents = {place: page for place, page in pages.items() if place[0] in documents}
        for signal, values in _measure(
            replace(intent, words=expansion.words, phrases=expansion.phrases), of_documents
        ).items():
            others = {place: value for place, value in signals[signal].items() if place not in of_documents}
            signals[signal] = {**others, **values}
    return signals


def _measure(intent: QueryIntent, pages: Mapping[Place, Page]) -> dict[str, Values]:
    places, contents = list(pages), list(pages.values())
    texts = [f" {page.words} " for page in contents]
    scores, usage = bm25(intent.words, texts)
    measured = {
        PAGE_WORDS: scores,
        PAGE_PHRASES: _phrases(intent, texts, usage),
        PAGE_HEADINGS: bm25(intent.words, [f" {page.headings} " for page in contents])[0],
        PAGE_PICTURES: [float(intent.asks_for_figure and "figure" in page.kinds) for page in contents],
        NAMED: [_named(intent, place[1], page) for place, page in pages.items()],
        DOCUMENT_WORDS: _document_words(places, scores),
        DOCUMENT_NAME: _document_name(intent, places, contents),
    }
    return {signal: _relative(places, values) for signal, values in measured.items()}


def find_documents(expansion: Expansion, pages: Mapping[Place, Page]) -> set[str]:
    """The documents that an expansion is meant for, as far as their pages were found."""
    phrases = [f" {phrase} " for phrase in expansion.documents] or [" "]
    return {place[0] for place, page in pages.items() if any(phrase in f" {page.words} " for phrase in phrases)}


class WordUse(NamedTuple):
    """How a word is used in a set of texts."""

    idf: float
    rows: frozenset[int]
    """Indices of the texts that contain it."""


def bm25(words: Iterable[str], texts: Sequence[str]) -> tuple[list[float], dict[str, WordUse]]:
    """BM25 scores of `texts` (stems, each with a space on either side), and how each word is used in them.

    Immediate repetitions of a word count once.
    """
    lengths = [text.count(" ") for text in texts]
    average = sum(lengths) / len(lengths) if lengths else 1
    damping = [BM25_K1 * (1 - BM25_B + BM25_B * length / average) for length in lengths]
    scores, usage = [0.0] * len(texts), {}
    for word in words:
        term = f" {word} "
        counts = {row: text.count(term) for row, text in enumerate(texts) if term in text}
        idf = _idf(len(texts), len(counts))
        usage[word] = WordUse(idf, frozenset(counts))
        for row, count in counts.items():
            scores[row] += idf * count * (BM25_K1 + 1) / (count + damping[row])
    return scores, usage


def _idf(total: int, containing: int) -> float:
    return math.log(1 + (total - containing + 0.5) / (containing + 0.5))


def _phrases(intent: QueryIntent, texts: Sequence[str], usage: Mapping[str, WordUse]) -> list[float]:
    """A pair counts if its words appear in this order with at most one word in between."""
    scores = [0.0] * len(texts)
    filler = WordUse(0.0, frozenset(range(len(texts))))  # scores nothing itself but may complete a phrase
    for first, second in intent.phrases:
        one, other = usage.get(first, filler), usage.get(second, filler)
        for row in one.rows & other.rows:
            if _adjacent(first, second, texts[row]):
                scores[row] += one.idf + other.idf
    return scores


def _adjacent(first: str, second: str, text: str) -> bool:
    """Without a regular expression, because every query would have to compile its own."""
    if f" {first} {second} " in text:
        return True
    term, following = f" {first} ", f" {second} "
    at = text.find(term)
    while at >= 0:
        space = text.find(" ", at + len(term))
        if space >= 0 and text.startswith(following, space):
            return True
        at = text.find(term, at + 1)
    return False


def _named(intent: QueryIntent, number: int, page: Page) -> float:
    if page.labels & intent.labels or number in intent.positions or (page.last and -1 in intent.positions):
        return 1.0
    if page.folio is None:
        return float(number in intent.page_numbers)
    return 1.0 if page.folio in intent.page_numbers else POSITION_VALUE * (number in intent.page_numbers)


def _document_words(places: Sequence[Place], scores: Sequence[float]) -> list[float]:
    """The mean of the best pages of each page's document; all zero if there is only one document."""
    by_document: dict[str, list[float]] = defaultdict(list)
    for (document, _), score in zip(places, scores, strict=True):
        by_document[document].append(score)
    if len(by_document) < 2:
        return [0.0] * len(places)
    best = {
        name: sum(sorted(values)[-PAGES_PER_DOCUMENT:]) / PAGES_PER_DOCUMENT for name, values in by_document.items()
    }
    return [best[document] for document, _ in places]


def _document_name(intent: QueryIntent, places: Sequence[Place], pages: Sequence[Page]) -> list[float]:
    """The summed idf of query words in the document's name and title; words in all names do not count."""
    names = {document: f" {page.name} " for (document, _), page in zip(places, pages, strict=True)}
    scores = dict.fromkeys(names, 0.0)
    for word in intent.words:
        containing = [document for document, name in names.items() if f" {word} " in name]
        for document in containing if len(containing) < len(names) else ():
            scores[document] += _idf(len(names), len(containing))
    return [scores[document] for document, _ in places]


def _relative(places: Sequence[Place], values: Sequence[float]) -> dict[Place, float]:
    """Positive values as shares of the greatest."""
    greatest = max(values, default=0.0)
    return {place: value / greatest for place, value in zip(places, values, strict=True) if value > 0}
