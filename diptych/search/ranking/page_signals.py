"""Signals that rank pages: values from 0 to 1 that show how well a page answers a query, 1 for the best page.

Only the pages that were found are compared. How much a word counts depends on how rare it is among them: in a report
about batteries, "battery" distinguishes no page, however rare it is elsewhere. Pure functions over plain data.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from diptych.search.query.query_intent import Expansion, QueryIntent
from diptych.search.ranking.ranking_inputs import Page, Place

PAGE_WORDS, PAGE_PHRASES = "pages.bm25", "pages.phrases"
PAGE_HEADINGS, PAGE_SECTIONS = "pages.headings", "pages.sections"
PAGE_PICTURES, PAGE_TABLES = "pages.pictures", "pages.tables"
PAGE_VECTORS, PAGE_IMAGES = "pages.dense", "pages.patches"
NAMED, DOCUMENT_WORDS, DOCUMENT_NAME = "named", "documents.words", "documents.name"
PAGE_SIGNALS = (PAGE_WORDS, PAGE_PHRASES, PAGE_HEADINGS, PAGE_SECTIONS, PAGE_PICTURES, PAGE_TABLES, NAMED)
SIGNALS = (*PAGE_SIGNALS, PAGE_VECTORS, PAGE_IMAGES, DOCUMENT_WORDS, DOCUMENT_NAME)
"""In order: BM25 of the page's words; adjacent pairs of words; BM25 of its headings and captions; a heading above its
parts that the query contains whole; a figure on the page if the query asks for one; a table with a title that a synonym
file gives for the query; its page number or a label on it is named in the query; cosine similarity of its best part;
similarity of its image, by a page encoder; words of the query anywhere on the pages of its document that were found;
words in its document's name and title."""
BM25_K1, BM25_B = 1.2, 0.75
"""The usual constants of BM25."""
POSITION_VALUE = 0.6
"""Value of `named` for a page whose position in the file was named while another number is printed on it."""

Values = Mapping[Place, float]
_NUMBER = re.compile(r"\d+(?:[dh]\d+)*")
"""A number or a date as it is indexed: 12, 3d5, 2024h03h01."""


class WordUse(NamedTuple):
    """How a word is used in a set of texts."""

    idf: float
    rows: frozenset[int]
    """Indices of the texts that contain it."""


def measure_signals(
    intent: QueryIntent,
    pages: Mapping[Place, Page],
    expanded: Sequence[Set[str]] = (),
    similarities: Mapping[str, Values] | None = None,
) -> dict[str, Values]:
    """Signal -> values of the pages for which it is above 0.

    `expanded`: for each expansion of the query, the documents that are measured by it instead of the query itself.
    `similarities`: of the best part of each page, for the signals that compare vectors.
    """
    signals, usage = _measure_pages(intent, pages)
    for expansion, documents in zip(intent.expansions, expanded, strict=False):
        own = {place: page for place, page in pages.items() if place[0] in documents}
        # The documents do not print the phrases of the query: that is why it has an expansion.
        wider = replace(intent, words=expansion.words, phrases=())
        for signal, values in _measure_pages(wider, own, expansion.tables)[0].items():
            others = {place: value for place, value in signals[signal].items() if place not in own}
            signals[signal] = {**others, **values}
    compared = {name: _above_least((similarities or {}).get(name, {})) for name in (PAGE_VECTORS, PAGE_IMAGES)}
    return signals | {
        **compared,
        DOCUMENT_WORDS: _document_words(usage, pages),
        DOCUMENT_NAME: _document_name(intent, pages),
    }


def _measure_pages(
    intent: QueryIntent, pages: Mapping[Place, Page], tables: Sequence[re.Pattern[str]] = ()
) -> tuple[dict[str, Values], dict[str, WordUse]]:
    """Values by signal, and how each word is used in the pages."""
    places, contents = list(pages), list(pages.values())
    texts = [f" {page.words} " for page in contents]
    scores, usage = bm25(intent.words, texts)
    measured = {
        PAGE_WORDS: scores,
        PAGE_HEADINGS: bm25(intent.words, [f" {page.headings} " for page in contents])[0],
        PAGE_PICTURES: ["figure" in page.kinds for page in contents] if intent.asks_for_figure else (),
        PAGE_TABLES: [any(t.search(line) for t in tables for line in page.tables) for page in contents if tables],
        NAMED: [_named(intent, place[1], page) for place, page in pages.items()] if _names_pages(intent) else (),
    }
    values = {signal: _relative(dict(zip(places, found, strict=False))) for signal, found in measured.items()}
    phrases, sections = _phrases(intent, places, texts, usage), _named_sections(intent, pages, usage)
    return {PAGE_PHRASES: phrases, PAGE_SECTIONS: sections, **values}, usage


def find_documents(expansion: Expansion, pages: Mapping[Place, Page]) -> set[str]:
    """The documents that an expansion is meant for, as far as their pages were found."""
    phrases = [f" {phrase} " for phrase in expansion.documents] or [" "]
    return {place[0] for place, page in pages.items() if any(phrase in f" {page.words} " for phrase in phrases)}


def bm25(words: Iterable[str], texts: Sequence[str]) -> tuple[list[float], dict[str, WordUse]]:
    """BM25 scores of `texts` (stems, each with a space on either side), and how each word is used in them.

    Immediate repetitions of a word count once.
    """
    lengths = [text.count(" ") for text in texts]
    average = sum(lengths) / len(lengths) if lengths else 1
    damping = [BM25_K1 * (1 - BM25_B + BM25_B * length / average) for length in lengths]
    filled = [(row, text) for row, text in enumerate(texts) if not text.isspace()]  # many pages have no headings
    scores, usage = [0.0] * len(texts), {}
    for word in words:
        term = f" {word} "
        counts = {row: count for row, text in filled if (count := text.count(term))}
        idf = _idf(len(texts), len(counts))
        usage[word] = WordUse(idf, frozenset(counts))
        for row, count in counts.items():
            scores[row] += idf * count * (BM25_K1 + 1) / (count + damping[row])
    return scores, usage


def _idf(total: int, containing: int) -> float:
    return math.log(1 + (total - containing + 0.5) / (containing + 0.5))


def _phrases(
    intent: QueryIntent, places: Sequence[Place], texts: Sequence[str], usage: Mapping[str, WordUse]
) -> Values:
    """The share of the query's pairs that a page has: of all pairs, so that a page with a minor one has little.

    A pair counts if its words appear in this order with at most one word in between.
    """
    scores, total = [0.0] * len(texts), 0.0
    filler = WordUse(0.0, frozenset(range(len(texts))))  # scores nothing itself but may complete a phrase
    for first, second in intent.phrases:
        one, other = usage.get(first, filler), usage.get(second, filler)
        total += one.idf + other.idf
        for row in one.rows & other.rows:
            if _adjacent(first, second, texts[row]):
                scores[row] += one.idf + other.idf
    return {place: score / total for place, score in zip(places, scores, strict=True) if score > 0}


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


def _named_sections(intent: QueryIntent, pages: Mapping[Place, Page], usage: Mapping[str, WordUse]) -> Values:
    """The share of the query, by rarity of its words, that is a whole heading of two words or more."""
    total, named = sum(use.idf for use in usage.values()), dict[str, float]()
    phrases = set(intent.phrases)
    for section in set().union(*(page.sections for page in pages.values())) if phrases else ():
        stems = section.split()
        if len(stems) > 1 and phrases.issuperset(pairwise(stems)) and (words := {*stems} & usage.keys()):
            named[section] = sum(usage[word].idf for word in words) / total
    found = {place: page.sections & named.keys() for place, page in pages.items()} if named else {}
    return {place: max(map(named.__getitem__, sections)) for place, sections in found.items() if sections}


def _names_pages(intent: QueryIntent) -> bool:
    return bool(intent.labels or intent.positions or intent.page_numbers)


def _named(intent: QueryIntent, number: int, page: Page) -> float:
    if page.labels & intent.labels or number in intent.positions or (page.last and -1 in intent.positions):
        return 1.0
    if page.folio is None:
        return float(number in intent.page_numbers)
    return 1.0 if page.folio in intent.page_numbers else POSITION_VALUE * (number in intent.page_numbers)


def _document_words(usage: Mapping[str, WordUse], pages: Mapping[Place, Page]) -> Values:
    """The summed idf of query words anywhere on the pages of a document."""
    documents = [document for document, _ in pages]
    return _documents_with([{documents[row] for row in use.rows} for use in usage.values()], pages)


def _document_name(intent: QueryIntent, pages: Mapping[Place, Page]) -> Values:
    """The summed idf of query words in the document's name and title.

    Without a text, the words are those of a hit: its prices and dates are not meant to name a document.
    """
    names = {document: page.name for (document, _), page in pages.items()}
    padded = [(document, f" {name} ") for document, name in names.items()]
    words = [f" {word} " for word in intent.words if intent.text or not _NUMBER.fullmatch(word)]
    return _documents_with([{one for one, name in padded if word in name} for word in words], pages)


def _documents_with(found: Iterable[Set[str]], pages: Mapping[Place, Page]) -> Values:
    """By document, from the documents with each word; words of all documents do not count, so a single one has none."""
    scores = dict.fromkeys((document for document, _ in pages), 0.0)
    for containing in found:
        idf = _idf(len(scores), len(containing))
        for document in containing if len(containing) < len(scores) else ():
            scores[document] += idf
    return _relative({place: scores[place[0]] for place in pages})


def _relative(values: Values) -> Values:
    """Positive values as shares of the greatest."""
    greatest = max(values.values(), default=0.0)
    return {place: value / greatest for place, value in values.items() if value > 0}


def _above_least(values: Values) -> Values:
    """Values as shares of the way from the least to the greatest."""
    least = min(values.values(), default=0.0)
    return _relative({place: value - least for place, value in values.items()})
