"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from diptych.errors import QueryError, StoreBusy
from diptych.search.candidates import PAGES, PATIENCE, gather
from diptych.search.fusion import Fused, Ranks, fuse
from diptych.search.hits import Hit, make_hit
from diptych.search.page_signals import HEADINGS, LINKS, NAMED, SIGNALS, Values, measure_signals
from diptych.search.page_text import pages_of, part_of
from diptych.search.paging import at_least, check, continued
from diptych.search.query import Query
from diptych.search.query_intent import QueryIntent, parse_intent
from diptych.search.result_order import Part, arrange
from diptych.store.register import RegisterCache
from diptych.store.spaces import Spaces
from diptych.store.types import INDEXED, PAGE_WORDS, VECTORS, Payload, RankedListRequest, Store
from diptych.vectors import Vector
from diptych.where import Compare, all_of

T = TypeVar("T")
REACH = 40
"""Hits that are ranked at a time: those behind come from deeper lists."""
DEPTH, READ = 2, 4
"""Of each ranked list twice as many parts are found, deep enough that a hit of two lists is seen in both; of the fused
list four times as many are read. Measured, see docs/search.md."""
LISTS = ("text.dense", "text.bm25", "images.description", "images.visual", "images.bm25", *SIGNALS)
"""What may have a weight: the ranked lists that are fused, and the kinds of evidence that pages are ranked by."""
WEIGHTS = {HEADINGS: 0.5, LINKS: 0.1, NAMED: 2.0}
"""Ranked list or kind of evidence -> weight, 1 where not named; measured, see docs/search.md."""


@dataclass(frozen=True, slots=True)
class SearchContext:
    """What a question is put to: the two collections, and how their words were read."""

    index: Store
    spaces: Spaces
    pictures: Path
    """Folder of the picture store."""
    language: str = "english"
    weights: Mapping[str, float] = field(default_factory=dict)
    """List name -> weight in the fusion, before `WEIGHTS`; 0 leaves a list out, it is not even searched."""
    register: RegisterCache = field(default_factory=RegisterCache)

    def counts(self, name: str) -> bool:
        return bool({**WEIGHTS, **self.weights}.get(name, 1.0))


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, read and encoded."""

    query: Query
    question: QueryIntent
    vectors: Mapping[str, Vector]
    """Vector name -> what it is searched by."""


@dataclass(frozen=True, slots=True)
class Candidates:
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


def search(queries: Sequence[Query], context: SearchContext, limit: int, offset: int = 0) -> list[list[Hit]]:
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
            make_hit(rank, one.fused, one.payload, context.pictures)
            for rank, one in enumerate(taken(asked, context, page, limit), start=offset + 1)
        ]
        for asked in encoded(queries, context)
    ]


def encoded(queries: Sequence[Query], context: SearchContext) -> list[Asked]:
    """Queries, read and encoded. Raises `QueryError` for one without words or a picture."""
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the question is empty; give some words or a picture")
    questions = [parse_intent(query.text, context.language) for query in queries]
    vectors = context.spaces.encode_queries([(one.text, of.image) for one, of in zip(questions, queries, strict=True)])
    return list(map(Asked, queries, questions, vectors))


def taken(
    asked: Asked, context: SearchContext, take: Callable[[Iterator[Ordered]], list[T]], size: int = 10
) -> list[T]:
    """What `take` takes of all that answers, best first, as of one moment: begun anew when a commit fell in between.

    `size`: of a page of hits, for those that a query wants at least.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        moments: set[str] = set()
        found = take(_paged(asked, context, size, moments))
        if len(moments) < 2:
            return found
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _paged(asked: Asked, context: SearchContext, size: int, moments: set[str]) -> Iterator[Ordered]:
    order, least = _ordered(asked, context, moments), asked.query.least
    if not least:
        return order
    return at_least(order, least, size, lambda modality: _ordered(_only(asked, modality), context, moments))


def _ordered(asked: Asked, context: SearchContext, moments: set[str]) -> Iterator[Ordered]:
    def band(reach: int) -> tuple[list[Ordered], bool]:
        found = _material(asked, context, reach)
        moments.add(found.moment)
        order = found.weighed(context.weights, reach)
        return [Ordered(one, found.payloads[one.id]) for one in order], found.whole and len(order) < reach

    return continued(band, REACH)


def _only(asked: Asked, modality: str) -> Asked:
    where = all_of(asked.query.where, Compare("modality", "=", modality))
    return replace(asked, query=replace(asked.query, where=where))


def collect_candidates(queries: Sequence[Query], context: SearchContext, limit: int) -> Iterator[Candidates]:
    """What at most `limit` hits of each query are made of, a query at a time."""
    for asked in encoded(queries, context):
        yield _material(asked, context, max(REACH, limit))


def _material(asked: Asked, context: SearchContext, reach: int) -> Candidates:
    """What the first `reach` hits are made of; looked for deeper while what does not count crowds out the rest."""
    while True:
        lookups = {panel: dict(_lookups(panel, asked, context, reach)) for panel in ("text", "images")}
        found = gather(context.index, context.register, lookups, {**WEIGHTS, **context.weights}, READ * reach)
        if found.whole or not found.crowded:
            break
        reach *= 4
    return Candidates(
        lists=found.ranks,
        values=measure_signals(asked.question, pages_of(found.parts.values(), found.pages, context.language)),
        parts={point: part_of(payload) for point, payload in found.parts.items()},
        payloads=found.parts,
        labels=asked.question.labels,
        moment=found.moment,
        whole=found.whole,
    )


def _lookups(panel: str, asked: Asked, context: SearchContext, reach: int) -> Iterator[tuple[str, RankedListRequest]]:
    depth, words, where = DEPTH * reach, " ".join(asked.question.words), asked.query.where
    for vector in VECTORS[panel]:
        if vector in asked.vectors and context.counts(f"{panel}.{vector}"):
            yield f"{panel}.{vector}", RankedListRequest(depth, vector, vector=asked.vectors[vector], where=where)
    if words and context.counts(f"{panel}.bm25"):
        yield f"{panel}.bm25", RankedListRequest(depth, INDEXED, words=words, where=where)
    if words and panel == "text" and any(map(context.counts, SIGNALS)):
        yield PAGES, RankedListRequest(reach, PAGE_WORDS, words=words, where=where)
