"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from diptych.arrange import Part, arrange
from diptych.errors import QueryError, StoreBusy
from diptych.fusion import Fused, Ranks, fuse, ranked
from diptych.index import INDEXED, VECTORS, WHOLE, Collection, Found, Index, Lookup, Payload, Vector
from diptych.index.versions import DocumentRecord, clock, records_of, visible
from diptych.pages import pages_of, part_of
from diptych.question import Question, read
from diptych.ranking import EVIDENCE, HEADINGS, NAMED, Values, evidence
from diptych.spaces import Spaces
from diptych.where import Expression
from extractors.images import path_of
from extractors.types import ImageFile

LEAST_DEPTH = 60
"""Of each ranked list before fusion: deep enough that a hit of two lists is seen in both."""
SNIPPET = 400
"""Characters of a picture's description that stand for its text."""
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


@dataclass(frozen=True, slots=True)
class Hit:
    rank: int
    modality: str
    kind: str
    source: str
    """Path of the file, or URI when it is not on this machine; a catalogue row has its `#id`."""
    document: str
    page: int | None
    bbox: list[float] | None
    text: str
    caption: str
    image: str | None
    """Path of the picture's file."""
    score: float
    ranks: Mapping[str, int]
    """List -> rank in it: `text.dense`, `text.bm25`, `images.description`, `images.visual`, `images.bm25`; and the rank
    of its page by each kind of evidence in `ranking.EVIDENCE`: `pages.bm25`, `pages.phrases`, `named` …"""
    fields: Mapping[str, Any]
    id: str = ""
    title: str = ""
    heading: tuple[str, ...] = ()
    label: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


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

    def weighed(self, weights: Mapping[str, float], limit: int) -> list[Fused]:
        """At most `limit` parts, best first; `weights` before `WEIGHTS`."""
        weights = {**WEIGHTS, **weights}
        labels = self.labels if weights.get(NAMED, 1.0) else frozenset[str]()
        return arrange(fuse(self.lists, weights), self.parts, self.values, weights, limit, labels)


def search(queries: Sequence[Query], panels: Panels, limit: int) -> list[list[Hit]]:
    """One list of at most `limit` hits a query, best first. All texts are encoded in one batch.

    Raises `QueryError` for a query without words or a picture, `StoreError` when the store cannot answer.
    """
    return [
        [
            hit_of(rank, one, found.payloads[one.id], panels.pictures)
            for rank, one in enumerate(found.weighed(panels.weights, limit), start=1)
        ]
        for found in collect(queries, panels, limit)
    ]


def collect(queries: Sequence[Query], panels: Panels, limit: int) -> Iterator[Material]:
    """What `search` makes its hits of, a query at a time."""
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the question is empty; give some words or a picture")
    questions = [read(query.text, panels.language) for query in queries]
    asked = panels.spaces.encode_questions(
        [(one.text, query.image) for one, query in zip(questions, queries, strict=True)]
    )
    for query, question, vectors in zip(queries, questions, asked, strict=True):
        yield _material(Asked(query, question, vectors), panels, limit)


def _material(asked: Asked, panels: Panels, limit: int) -> Material:
    """Search deeper while points that do not count (of a version not yet or no longer live) crowd out the others."""
    depth = max(LEAST_DEPTH, 2 * limit)
    while True:
        found, live = _consistent(asked, panels, depth)
        kept = {name: in_order(h for h in hits if visible(h.payload, h.id, live)) for name, hits in found.items()}
        starved = any(len(found[name]) == depth and len(kept[name]) < min(limit, depth) for name in found)
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
    )


def in_order(hits: Iterable[Found]) -> list[Found]:
    """Best first; what scores alike goes by id, so that two runs, and two engines, give the same ranks."""
    return sorted(hits, key=lambda hit: (-float(f"{hit.score:.5g}"), hit.id))


def _consistent(asked: Asked, panels: Panels, depth: int) -> tuple[dict[str, list[Found]], dict[str, DocumentRecord]]:
    """The ranked lists and the register as of one moment: asked again when a commit fell in between."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with panels.index.held():
            moment = clock(panels.index)
            found = _lists(asked, panels, depth)
            live = records_of(panels.index, (hit.payload["document_id"] for hits in found.values() for hit in hits))
            if clock(panels.index) == moment:
                return found, live
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _lists(asked: Asked, panels: Panels, depth: int) -> dict[str, list[Found]]:
    """Every ranked list that the query reaches, both collections asked at once."""
    text, images = panels.index.text, panels.index.images
    words, vectors, where = " ".join(asked.question.words), asked.vectors, asked.query.where

    def ask(collection: Collection, name: str, fields: Mapping[str, str]) -> dict[str, list[Found]]:
        lookups = {
            f"{name}.{vector}": Lookup(depth, vector, vector=vectors[vector], where=where)
            for vector in VECTORS[name]
            if vector in vectors and panels.counts(f"{name}.{vector}")
        }
        if words:
            lookups |= {
                list_: Lookup(depth, field, words=words, where=where)
                for list_, field in fields.items()
                if (any(map(panels.counts, EVIDENCE)) if list_ == PAGES else panels.counts(list_))
            }
        return dict(zip(lookups, collection.search(list(lookups.values())), strict=True)) if lookups else {}

    passages = _pool().submit(ask, text, "text", {"text.bm25": INDEXED, PAGES: WHOLE})
    pictures = ask(images, "images", {"images.bm25": INDEXED})
    return {**passages.result(), **pictures}


@cache
def _pool() -> ThreadPoolExecutor:
    """For the other collection, while this thread asks the first."""
    return ThreadPoolExecutor(4, thread_name_prefix="diptych-search")


def hit_of(rank: int, fused: Fused, payload: Payload, pictures: Path) -> Hit:
    """What a stored point is to whoever asked; `pictures`: folder of the picture store."""
    image = payload.get("image")
    text = payload.get("text") or " ".join([payload.get("words", ""), *payload.get("context", [])]).strip()[:SNIPPET]
    return Hit(
        rank=rank,
        modality=payload["modality"],
        kind=payload["kind"],
        source=local(payload["uri"]),
        document=payload["document"],
        page=payload["page"],
        bbox=payload["bbox"],
        text=text,
        caption=payload["caption"],
        image=str(path_of(ImageFile(**image), pictures)) if image else None,
        score=round(fused.score, 6),
        ranks=dict(fused.ranks),
        fields=payload["fields"],
        id=fused.id,
        title=payload["title"],
        heading=tuple(payload["heading"]),
        label=payload["label"],
    )


def local(uri: str) -> str:
    """The path of a `file:` URI, its fragment kept; any other URI as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote(parts.path) + (f"#{unquote(parts.fragment)}" if parts.fragment else "")
