"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from diptych.errors import QueryError, StoreBusy
from diptych.fusion import Fused, Ranks, fuse, ranked
from diptych.index import (
    INDEXED,
    VECTORS,
    WHOLE,
    Collection,
    Found,
    Index,
    Lookup,
    Payload,
    Vector,
)
from diptych.index.versions import DocumentRecord, clock, records_of, visible
from diptych.spaces import Spaces
from diptych.where import Expression
from diptych.words import analyse
from extractors.finding.captions import mentions
from extractors.images import path_of
from extractors.types import ImageFile

LEAST_DEPTH = 100
"""Of each ranked list before fusion: deep enough that a hit of two lists is seen in both."""
SNIPPET = 400
"""Characters of a picture's description that stand for its text."""
PATIENCE = 5.0
"""Seconds to find a moment between two commits."""
PAGES, NAMED = "pages.bm25", "named"
"""Lists of evidence: the words of the whole page; the page or figure number that the question names."""
WEIGHTS = {"text.dense": 0.5, "images.description": 0.5, "images.visual": 0.5, NAMED: 2.0}
"""List name -> weight in the fusion, 1 where not named; measured, see docs/search.md."""
PAGE_NUMBER = re.compile(r"\b(?:pages?|slides?|p\.)\s*(\d{1,4})\b", re.IGNORECASE)


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
    """List -> rank in it: `text.dense`, `text.bm25`, `images.description`, `images.visual`, `images.bm25`; as evidence
    `pages.bm25`, the rank of its page by all words on it, and `named`, when the question names its page or number."""
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
    """List name -> weight in the fusion, before `WEIGHTS`; 0 leaves a list out."""


def search(queries: Sequence[Query], panels: Panels, limit: int) -> list[list[Hit]]:
    """One list of at most `limit` hits a query, best first. All texts are encoded in one batch.

    Raises `QueryError` for a query without words or a picture, `StoreError` when the store cannot answer.
    """
    for query in queries:
        if not query.text.strip() and not query.image:
            raise QueryError("the question is empty; give some words or a picture")
    asked = panels.spaces.encode_questions([(query.text, query.image) for query in queries])
    return [_answer(query, vectors, panels, limit) for query, vectors in zip(queries, asked, strict=True)]


def _answer(query: Query, vectors: Mapping[str, Vector], panels: Panels, limit: int) -> list[Hit]:
    """Search deeper while points that do not count (of a version not yet or no longer live) crowd out the others."""
    depth = max(LEAST_DEPTH, 2 * limit)
    while True:
        found, live = _consistent(query, vectors, panels, depth)
        kept = {name: in_order(h for h in hits if visible(h.payload, h.id, live)) for name, hits in found.items()}
        starved = any(len(found[name]) == depth and len(kept[name]) < min(limit, depth) for name in found)
        if not starved:
            break
        depth *= 4
    pages = kept.pop(PAGES, [])
    payloads = {hit.id: hit.payload for hits in kept.values() for hit in hits}
    lists: dict[str, Ranks] = {name: ranked(hit.id for hit in hits) for name, hits in kept.items()}
    lists |= _evidence(query, pages, payloads)
    fused = fuse(lists, {**WEIGHTS, **panels.weights})
    return [_hit(rank, one, payloads[one.id], panels.pictures) for rank, one in enumerate(fused[:limit], start=1)]


def in_order(hits: Iterable[Found]) -> list[Found]:
    """Best first; what scores alike goes by id, so that two runs, and two engines, give the same ranks."""
    return sorted(hits, key=lambda hit: (-float(f"{hit.score:.5g}"), hit.id))


def _evidence(query: Query, pages: Sequence[Found], payloads: Mapping[str, Payload]) -> dict[str, Ranks]:
    """Ranks that lift what was found anyway: by the words of its whole page, and by being named in the question."""
    place = {(hit.payload["document_id"], hit.payload["page"]): rank for rank, hit in enumerate(pages, start=1)}
    on_page = {p: place.get((payload["document_id"], payload["page"]), 0) for p, payload in payloads.items()}
    numbers, labels = {int(n) for n in PAGE_NUMBER.findall(query.text)}, set(mentions(query.text))
    named = [p for p, payload in payloads.items() if payload["page"] in numbers or payload["label"] in labels]
    return {PAGES: {p: rank for p, rank in on_page.items() if rank}, NAMED: dict.fromkeys(named, 1)}


def _consistent(
    query: Query, vectors: Mapping[str, Vector], panels: Panels, depth: int
) -> tuple[dict[str, list[Found]], dict[str, DocumentRecord]]:
    """The ranked lists and the register as of one moment: asked again when a commit fell in between."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with panels.index.held():
            moment = clock(panels.index)
            found = _lists(query, vectors, panels, depth)
            live = records_of(panels.index, (hit.payload["document_id"] for hits in found.values() for hit in hits))
            if clock(panels.index) == moment:
                return found, live
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _lists(query: Query, vectors: Mapping[str, Vector], panels: Panels, depth: int) -> dict[str, list[Found]]:
    """Every ranked list that the query reaches, both collections asked at once."""
    text, images = panels.index.text, panels.index.images
    words = analyse(query.text, panels.language)

    def ask(collection: Collection, name: str, fields: Mapping[str, str]) -> dict[str, list[Found]]:
        lookups = {
            f"{name}.{vector}": Lookup(depth, vector, vector=vectors[vector], where=query.where)
            for vector in VECTORS[name]
            if vector in vectors
        }
        if words:
            lookups |= {list_: Lookup(depth, field, words=words, where=query.where) for list_, field in fields.items()}
        return dict(zip(lookups, collection.search(list(lookups.values())), strict=True)) if lookups else {}

    passages = _pool().submit(ask, text, "text", {"text.bm25": INDEXED, PAGES: WHOLE})
    pictures = ask(images, "images", {"images.bm25": INDEXED})
    return {**passages.result(), **pictures}


@cache
def _pool() -> ThreadPoolExecutor:
    """For the other collection, while this thread asks the first."""
    return ThreadPoolExecutor(4, thread_name_prefix="diptych-search")


def _hit(rank: int, fused: Fused, payload: Payload, pictures: Path) -> Hit:
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
