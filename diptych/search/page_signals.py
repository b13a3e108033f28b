"""Which pages answer a question: evidence of several kinds, each a value from 0 to 1, the best page of it at 1.

What was found is compared on the spot: a word is worth what it tells apart among the pages that were found, which in a
report about batteries is not `battery`, however rare that is elsewhere. Pure functions over plain data.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from diptych.search.query_intent import QueryIntent

WORDS, PHRASES, HEADINGS, PICTURES = "pages.bm25", "pages.phrases", "pages.headings", "pages.pictures"
LINKS, NAMED, DOCUMENTS, NAMES = "pages.links", "named", "documents.bm25", "documents.name"
SIGNALS = (WORDS, PHRASES, HEADINGS, PICTURES, LINKS, NAMED, DOCUMENTS, NAMES)
"""By its words; by pairs of words that stand beside each other; by its headings and captions; by having a figure when
one is asked for; by the words of a page whose figure it refers to, or that refers to a figure of it; by its number, or
the label of a figure on it; by the words of its document's best pages; by its document's name and title."""
K1, B = 1.2, 0.75
"""BM25's usual constants."""
BEST = 3
"""Pages that speak for their document."""
OTHERWISE = 0.6
"""How far a page is named by its place in the file when another number is printed on it."""

Place = tuple[str, int]
"""Document id and page."""
Values = Mapping[Place, float]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of which something was found."""

    words: str = ""
    """Stems, separated by spaces."""
    headings: str = ""
    """Stems of its headings and captions."""
    name: str = ""
    """Stems of its document's name and title."""
    kinds: frozenset[str] = frozenset()
    """Of its pictures."""
    labels: frozenset[str] = frozenset()
    """Of its figures and tables."""
    mentions: frozenset[str] = frozenset()
    """Labels of figures and tables that its passages refer to."""
    folio: int | None = None
    """The number printed on it, where it is another than its place in the file."""
    last: bool = False


def measure_signals(question: QueryIntent, pages: Mapping[Place, Page]) -> dict[str, Values]:
    """Kind of evidence -> values of the pages that have any."""
    places, held = list(pages), list(pages.values())
    texts = [f" {page.words} " for page in held]
    words, uses = bm25(question.words, texts)
    found = {
        WORDS: words,
        PHRASES: _phrases(question, texts, uses),
        HEADINGS: bm25(question.words, [f" {page.headings} " for page in held])[0],
        PICTURES: [float(question.pictured and "figure" in page.kinds) for page in held],
        LINKS: _links(pages, words),
        NAMED: [_named(question, place[1], page) for place, page in pages.items()],
        DOCUMENTS: _documents(places, words),
        NAMES: _names(question, places, held),
    }
    return {kind: _relative(places, values) for kind, values in found.items()}


class Use(NamedTuple):
    """Of a word among some texts."""

    worth: float
    """The rarer, the more."""
    rows: frozenset[int]
    """The texts that have it."""


def bm25(words: Iterable[str], texts: Sequence[str]) -> tuple[list[float], dict[str, Use]]:
    """Scores of `texts`, stems between spaces, among themselves; and how each word is used among them.

    A word said twice in a row counts once.
    """
    lengths = [text.count(" ") for text in texts]
    average = sum(lengths) / len(lengths) if lengths else 1
    damping = [K1 * (1 - B + B * length / average) for length in lengths]
    scores, uses = [0.0] * len(texts), {}
    for word in words:
        sought = f" {word} "
        counts = {row: text.count(sought) for row, text in enumerate(texts) if sought in text}
        worth = _rarity(len(texts), len(counts))
        uses[word] = Use(worth, frozenset(counts))
        for row, count in counts.items():
            scores[row] += worth * count * (K1 + 1) / (count + damping[row])
    return scores, uses


def _rarity(among: int, having: int) -> float:
    return math.log(1 + (among - having + 0.5) / (having + 0.5))


def _phrases(question: QueryIntent, texts: Sequence[str], uses: Mapping[str, Use]) -> list[float]:
    """A pair counts where its words stand in this order with at most one word between them."""
    scores = [0.0] * len(texts)
    scaffold = Use(0.0, frozenset(range(len(texts))))  # worth nothing, but it may hold a phrase together
    for first, second in question.phrases:
        one, other = uses.get(first, scaffold), uses.get(second, scaffold)
        for row in one.rows & other.rows:
            if _near(first, second, texts[row]):
                scores[row] += one.worth + other.worth
    return scores


def _near(first: str, second: str, text: str) -> bool:
    """No regular expression: every question would have to compile its own."""
    if f" {first} {second} " in text:
        return True
    sought, then = f" {first} ", f" {second} "
    at = text.find(sought)
    while at >= 0:
        between = text.find(" ", at + len(sought))
        if between >= 0 and text.startswith(then, between):
            return True
        at = text.find(sought, at + 1)
    return False


def _links(pages: Mapping[Place, Page], words: Sequence[float]) -> list[float]:
    """What the best of the pages has by its words that a figure or table links a page with, either way."""
    shown: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, ((document, _), page) in enumerate(pages.items()):
        for label in page.labels:
            shown[document, label].append(row)
    values = [0.0] * len(pages)
    for row, ((document, _), page) in enumerate(pages.items()):
        for label in page.mentions:
            for other in shown.get((document, label), ()):
                if other != row:
                    values[row], values[other] = max(values[row], words[other]), max(values[other], words[row])
    return values


def _named(question: QueryIntent, number: int, page: Page) -> float:
    if page.labels & question.labels or number in question.places or (page.last and -1 in question.places):
        return 1.0
    if page.folio is None:
        return float(number in question.numbers)
    return 1.0 if page.folio in question.numbers else OTHERWISE * (number in question.numbers)


def _documents(places: Sequence[Place], words: Sequence[float]) -> list[float]:
    """Every page gets what the best pages of its document have on the average; nothing where all are of one."""
    by_document: dict[str, list[float]] = defaultdict(list)
    for (document, _), value in zip(places, words, strict=True):
        by_document[document].append(value)
    if len(by_document) < 2:
        return [0.0] * len(places)
    means = {document: sum(sorted(values)[-BEST:]) / BEST for document, values in by_document.items()}
    return [means[document] for document, _ in places]


def _names(question: QueryIntent, places: Sequence[Place], pages: Sequence[Page]) -> list[float]:
    names = {document: f" {page.name} " for (document, _), page in zip(places, pages, strict=True)}
    scores = dict.fromkeys(names, 0.0)
    for word in question.words:
        having = [document for document, name in names.items() if f" {word} " in name]
        for document in having if len(having) < len(names) else ():
            scores[document] += _rarity(len(names), len(having))
    return [scores[document] for document, _ in places]


def _relative(places: Sequence[Place], values: Sequence[float]) -> dict[Place, float]:
    """Less those without any; as shares of the greatest."""
    most = max(values, default=0.0)
    return {place: value / most for place, value in zip(places, values, strict=True) if value > 0}
