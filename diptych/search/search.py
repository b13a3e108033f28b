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
from diptych.search.hits import Hit, hit_of
from diptych.search.page_ranking import EVIDENCE, HEADINGS, LINKS, NAMED, Values, evidence
from diptych.search.page_text import pages_of, part_of
from diptych.search.paging import at_least, check, continued
from diptych.search.question import Question, read
from diptych.search.result_order import Part, arrange
from diptych.store.register import RegisterCache
from diptych.store.spaces import Spaces
from diptych.store.types import INDEXED, PAGE_WORDS, VECTORS, Payload, RankedListRequest, Store
from diptych.vectors import Vector
from diptych.where import Compare, Expression, both

T = TypeVar("T")
REACH = 40
"""Hits that are ranked at a time: those behind come from deeper lists."""
DEPTH, READ = 2, 4
"""Of each ranked list twice as many parts are found, deep enough that a hit of two lists is seen in both; of the fused
list four times as many are read. Measured, see docs/search.md."""
LISTS = ("text.dense", "text.bm25", "images.description", "images.visual", "images.bm25", *EVIDENCE)
"""What may have a weight: the ranked lists that are fused, and the kinds of evidence that pages are ranked by."""
WEIGHTS = {HEADINGS: 0.5, LINKS: 0.1, NAMED: 2.0}
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
    question: Question
    vectors: Mapping[str, Vector]
    """Vector name -> what it is searched by."""


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
    """Queries, read and encoded. Raises `QueryError` for one without words or a picture."""
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the question is empty; give some words or a picture")
    questions = [read(query.text, panels.language) for query in queries]
    vectors = panels.spaces.encode_queries([(one.text, of.image) for one, of in zip(questions, queries, strict=True)])
    return list(map(Asked, queries, questions, vectors))


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
        found = _material(asked, panels, reach)
        moments.add(found.moment)
        order = found.weighed(panels.weights, reach)
        return [Ordered(one, found.payloads[one.id]) for one in order], found.whole and len(order) < reach

    return continued(band, REACH)


def _only(asked: Asked, modality: str) -> Asked:
    where = both(asked.query.where, Compare("modality", "=", modality))
    return replace(asked, query=replace(asked.query, where=where))


def collect(queries: Sequence[Query], panels: Panels, limit: int) -> Iterator[Material]:
    """What at most `limit` hits of each query are made of, a query at a time."""
    for asked in encoded(queries, panels):
        yield _material(asked, panels, max(REACH, limit))


def _material(asked: Asked, panels: Panels, reach: int) -> Material:
    """What the first `reach` hits are made of; looked for deeper while what does not count crowds out the rest."""
    while True:
        lookups = {panel: dict(_lookups(panel, asked, panels, reach)) for panel in ("text", "images")}
        found = gather(panels.index, panels.register, lookups, {**WEIGHTS, **panels.weights}, READ * reach)
        if found.whole or not found.crowded:
            break
        reach *= 4
    return Material(
        lists=found.ranks,
        values=evidence(asked.question, pages_of(found.parts.values(), found.pages, panels.language)),
        parts={point: part_of(payload) for point, payload in found.parts.items()},
        payloads=found.parts,
        labels=asked.question.labels,
        moment=found.moment,
        whole=found.whole,
    )


def _lookups(panel: str, asked: Asked, panels: Panels, reach: int) -> Iterator[tuple[str, RankedListRequest]]:
    depth, words, where = DEPTH * reach, " ".join(asked.question.words), asked.query.where
    for vector in VECTORS[panel]:
        if vector in asked.vectors and panels.counts(f"{panel}.{vector}"):
            yield f"{panel}.{vector}", RankedListRequest(depth, vector, vector=asked.vectors[vector], where=where)
    if words and panels.counts(f"{panel}.bm25"):
        yield f"{panel}.bm25", RankedListRequest(depth, INDEXED, words=words, where=where)
    if words and panel == "text" and any(map(panels.counts, EVIDENCE)):
        yield PAGES, RankedListRequest(reach, PAGE_WORDS, words=words, where=where)
