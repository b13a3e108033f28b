"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from diptych.errors import QueryError, StoreBusy
from diptych.index import INDEXED, VECTORS, WHOLE, Collection, Found, Index, Lookup, Payload, Vector
from diptych.index.versions import DocumentRecord, clock, records_of, visible
from diptych.retrieval.arrange import Part, arrange
from diptych.retrieval.fusion import Fused, Ranks, fuse, ranked
from diptych.retrieval.hits import Hit, hit_of
from diptych.retrieval.pages import pages_of, part_of
from diptych.retrieval.paging import at_least, check, continued
from diptych.retrieval.question import Question, read
from diptych.retrieval.ranking import EVIDENCE, HEADINGS, NAMED, Values, evidence
from diptych.spaces import Spaces
from diptych.where import Compare, Expression, both

T = TypeVar("T")
LEAST_DEPTH = 80
"""Of each ranked list before fusion: deep enough that a hit of two lists is seen in both."""
PATIENCE = 5.0
"""Seconds to find a moment between two commits."""
PAGES = "pages"
"""The list of pages: no hits, but what the ranking reads."""
LISTS = ("text.dense", "text.bm25", "images.description", "images.visual", "images.bm25", *EVIDENCE)
"""What may have a weight: the ranked lists that are fused, and the kinds of evidence that pages are ranked by."""
WEIGHTS = {HEADINGS: 0.5, NAMED: 2.0}
"""Ranked list or kind of evidence -> weight, 1 where not named; measured, see docs/search.md."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: a text, a picture or both, under a filter."""

    text: str = ""
    image: Path | None = None
    where: Expression | None = None
    literal: bool = False
    """Whether "under $200" in `text` is nothing but words."""
    least: Mapping[str, int] = field(default_factory=dict)
    """Modality -> how many of it are wanted among the hits, as long as there are that many."""


@dataclass(frozen=True, slots=True)
class Panels:
    """What a question is put to: the two collections, and how their words were read."""

    index: Index
    spaces: Spaces
    pictures: Path
    """Folder of the picture store."""
    language: str = "english"
    weights: Mapping[str, float] = field(default_factory=dict)
    """List name -> weight in the fusion, before `WEIGHTS`; 0 leaves a list out, it is not even searched."""

    def counts(self, name: str) -> bool:
        return bool({**WEIGHTS, **self.weights}.get(name, 1.0))


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, read and encoded."""

    query: Query
    question: Question
    vectors: Callable[[], Mapping[str, Vector]]
    """Vector name -> what it is searched by; waits for the encoders."""


@dataclass(frozen=True, slots=True)
class Material:
    """What was found for a query, before it is weighed."""

    lists: Mapping[str, Ranks]
    values: Mapping[str, Values]
    """Kind of evidence -> values of pages."""
    parts: Mapping[str, Part]
    payloads: Mapping[str, Payload]
    labels: frozenset[str]
    """Of figures and tables that the question names."""
    moment: str
    """The register's clock when it was found."""
    whole: bool
    """Whether nothing that answers lies deeper."""

    def weighed(self, weights: Mapping[str, float], limit: int) -> list[Fused]:
        """At most `limit` parts, best first; `weights` before `WEIGHTS`."""
        weights = {**WEIGHTS, **weights}
        labels = self.labels if weights.get(NAMED, 1.0) else frozenset[str]()
        return arrange(fuse(self.lists, weights), self.parts, self.values, weights, limit, labels)


class Ordered(NamedTuple):
    """A hit to be: what was found, and its place in the ranked lists."""

    fused: Fused
    payload: Payload

    @property
    def id(self) -> str:
        return self.fused.id

    @property
    def modality(self) -> str:
        return str(self.payload["modality"])


def search(queries: Sequence[Query], panels: Panels, limit: int, offset: int = 0) -> list[list[Hit]]:
    """One list of at most `limit` hits a query, best first, after the first `offset`. Texts are encoded in one batch.

    The order of the first hits does not depend on how many are asked for. Raises `QueryError` for a query without words
    or a picture, `StoreError` when the store cannot answer.
    """
    for query in queries:
        check(query.least, limit, offset)

    def page(order: Iterator[Ordered]) -> list[Ordered]:
        return list(islice(order, offset, offset + limit))

    return [
        [
            hit_of(rank, one.fused, one.payload, panels.pictures)
            for rank, one in enumerate(taken(asked, panels, page, limit), start=offset + 1)
        ]
        for asked in encoded(queries, panels)
    ]


def encoded(queries: Sequence[Query], panels: Panels) -> list[Asked]:
    """Queries, read, and on their way through the encoders while their words are looked up already.

    Raises `QueryError` for one without words or a picture.
    """
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the question is empty; give some words or a picture")
    questions = [read(query.text, panels.language) for query in queries]
    texts = [(one.text, query.image) for one, query in zip(questions, queries, strict=True)]
    encoding = _pool().submit(panels.spaces.encode_questions, texts)

    def vectors(row: int) -> Mapping[str, Vector]:
        return encoding.result()[row]

    return [
        Asked(query, question, partial(vectors, row))
        for row, (query, question) in enumerate(zip(queries, questions, strict=True))
    ]


def taken(asked: Asked, panels: Panels, take: Callable[[Iterator[Ordered]], list[T]], size: int = 10) -> list[T]:
    """What `take` takes of all that answers, best first, as of one moment: begun anew when a commit fell in between.

    `size`: of a page of hits, for those that a query wants at least.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        moments: set[str] = set()
        found = take(_paged(asked, panels, size, moments))
        if len(moments) < 2:
            return found
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _paged(asked: Asked, panels: Panels, size: int, moments: set[str]) -> Iterator[Ordered]:
    order, least = _ordered(asked, panels, moments), asked.query.least
    if not least:
        return order
    return at_least(order, least, size, lambda modality: _ordered(_only(asked, modality), panels, moments))


def _ordered(asked: Asked, panels: Panels, moments: set[str]) -> Iterator[Ordered]:
    def band(reach: int) -> tuple[list[Ordered], bool]:
        found = _material(asked, panels, 2 * reach)
        moments.add(found.moment)
        order = found.weighed(panels.weights, reach)
        return [Ordered(one, found.payloads[one.id]) for one in order], found.whole and len(order) < reach

    return continued(band, LEAST_DEPTH // 2)


def _only(asked: Asked, modality: str) -> Asked:
    where = both(asked.query.where, Compare("modality", "=", modality))
    return replace(asked, query=replace(asked.query, where=where))


def collect(queries: Sequence[Query], panels: Panels, limit: int) -> Iterator[Material]:
    """What at most `limit` hits of each query are made of, a query at a time."""
    for asked in encoded(queries, panels):
        yield _material(asked, panels, max(LEAST_DEPTH, 2 * limit))


def _material(asked: Asked, panels: Panels, depth: int) -> Material:
    """Search deeper while points that do not count (of a version not yet or no longer live) crowd out the others."""
    enough = depth // 2
    while True:
        found, live, moment = _consistent(asked, panels, depth)
        kept = {name: in_order(h for h in hits if visible(h.payload, h.id, live)) for name, hits in found.items()}
        starved = any(len(found[name]) == depth and len(kept[name]) < enough for name in found)
        if not starved:
            break
        depth *= 4
    pages = kept.pop(PAGES, [])
    payloads = {hit.id: hit.payload for hits in kept.values() for hit in hits}
    return Material(
        lists={name: ranked(hit.id for hit in hits) for name, hits in kept.items()},
        values=evidence(asked.question, pages_of(payloads.values(), pages, panels.language)),
        parts={name: part_of(payload) for name, payload in payloads.items()},
        payloads=payloads,
        labels=asked.question.labels,
        moment=moment,
        whole=all(len(found[name]) < depth for name in kept),
    )


def in_order(hits: Iterable[Found]) -> list[Found]:
    """Best first; what scores alike goes by id, so that two runs, and two engines, give the same ranks."""
    return sorted(hits, key=lambda hit: (-float(f"{hit.score:.5g}"), hit.id))


def _consistent(
    asked: Asked, panels: Panels, depth: int
) -> tuple[dict[str, list[Found]], dict[str, DocumentRecord], str]:
    """The ranked lists, the register and its clock as of one moment: asked again when a commit fell in between."""
    deadline = time.monotonic() + PATIENCE
    while True:
        moment = clock(panels.index)
        by_words = _by_words(asked, panels, depth)
        vectors = asked.vectors()  # not while the store is held: an encoder may be slow
        with panels.index.held():
            found = _by_vectors(vectors, asked, panels, depth)
            for lists in by_words:
                found |= lists.result()
            live = records_of(panels.index, (hit.payload["document_id"] for hits in found.values() for hit in hits))
            if clock(panels.index) == moment:
                return found, live, moment
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


Lists = dict[str, list[Found]]


def _by_words(asked: Asked, panels: Panels, depth: int) -> list[Future[Lists]]:
    """The lists by BM25, of both collections, under way."""
    words, where = " ".join(asked.question.words), asked.query.where
    if not words:
        return []
    fields = {"text.bm25": INDEXED} if panels.counts("text.bm25") else {}
    if any(map(panels.counts, EVIDENCE)):
        fields[PAGES] = WHOLE
    pictured = {"images.bm25": INDEXED} if panels.counts("images.bm25") else {}
    return [
        _pool().submit(_ask, collection, {name: Lookup(depth, f, words=words, where=where) for name, f in told.items()})
        for collection, told in ((panels.index.text, fields), (panels.index.images, pictured))
    ]


def _by_vectors(vectors: Mapping[str, Vector], asked: Asked, panels: Panels, depth: int) -> Lists:
    """The lists by vectors, both collections asked at once."""

    def lookups(panel: str) -> dict[str, Lookup]:
        names = {f"{panel}.{vector}": vector for vector in VECTORS[panel] if vector in vectors}
        return {
            name: Lookup(depth, vector, vector=vectors[vector], where=asked.query.where)
            for name, vector in names.items()
            if panels.counts(name)
        }

    passages = _pool().submit(_ask, panels.index.text, lookups("text"))
    pictures = _ask(panels.index.images, lookups("images"))
    return {**passages.result(), **pictures}


def _ask(collection: Collection, lookups: Mapping[str, Lookup]) -> Lists:
    return dict(zip(lookups, collection.search(list(lookups.values())), strict=True)) if lookups else {}


@cache
def _pool() -> ThreadPoolExecutor:
    """For what can be done while this thread does another thing."""
    return ThreadPoolExecutor(8, thread_name_prefix="diptych-search")
