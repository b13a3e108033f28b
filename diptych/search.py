"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from diptych.encoders import Encoder
from diptych.errors import QueryError, StoreBusy
from diptych.fusion import Fused, fuse
from diptych.index import DESCRIPTION_VECTOR, TEXT_VECTOR, Collection, Found, Index, Lookup, Payload, Vector
from diptych.index.versions import DocumentRecord, clock, records_of, visible
from diptych.where import Expression
from diptych.words import analyse
from extractors.images import path_of
from extractors.types import ImageFile

LEAST_DEPTH = 100
"""Of each ranked list before fusion: deep enough that a hit of two lists is seen in both."""
SNIPPET = 400
"""Characters of a picture's description that stand for its text."""
PATIENCE = 5.0
"""Seconds to find a moment between two commits."""
WEIGHTS: Mapping[str, float] = {}
"""List name -> weight in the fusion; 1 where not named."""


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
    """List -> rank in it: `text.dense`, `text.bm25`, `images.description`, `images.bm25`."""
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
    encoder: Encoder
    pictures: Path
    """Folder of the picture store."""
    language: str = "english"


def search(queries: Sequence[Query], panels: Panels, limit: int) -> list[list[Hit]]:
    """One list of at most `limit` hits a query, best first. All texts are encoded in one batch.

    Raises `QueryError` for a query without words, `StoreError` when the store cannot answer.
    """
    for query in queries:
        if not query.text.strip():
            raise QueryError("the question is empty; give some words")
    vectors = panels.encoder.encode_texts([query.text for query in queries], query=True)
    return [_answer(query, vector, panels, limit) for query, vector in zip(queries, vectors, strict=True)]


def _answer(query: Query, vector: Vector, panels: Panels, limit: int) -> list[Hit]:
    """Search deeper while points that do not count (of a version not yet or no longer live) crowd out the others."""
    depth = max(LEAST_DEPTH, 2 * limit)
    while True:
        found, live = _consistent(query, vector, panels, depth)
        kept = {name: [h for h in hits if visible(h.payload, h.id, live)] for name, hits in found.items()}
        starved = any(len(found[name]) == depth and len(kept[name]) < min(limit, depth) for name in found)
        if not starved:
            break
        depth *= 4
    payloads = {hit.id: hit.payload for hits in kept.values() for hit in hits}
    fused = fuse({name: [hit.id for hit in hits] for name, hits in kept.items()}, WEIGHTS)
    return [_hit(rank, one, payloads[one.id], panels.pictures) for rank, one in enumerate(fused[:limit], start=1)]


def _consistent(
    query: Query, vector: Vector, panels: Panels, depth: int
) -> tuple[dict[str, list[Found]], dict[str, DocumentRecord]]:
    """The ranked lists and the register as of one moment: asked again when a commit fell in between."""
    deadline = time.monotonic() + PATIENCE
    while True:
        moment = clock(panels.index)
        found = _lists(query, vector, panels, depth)
        live = records_of(panels.index, (hit.payload["document_id"] for hits in found.values() for hit in hits))
        if clock(panels.index) == moment:
            return found, live
        if time.monotonic() > deadline:
            raise StoreBusy("documents changed faster than a question could be answered; ask again")


def _lists(query: Query, vector: Vector, panels: Panels, depth: int) -> dict[str, list[Found]]:
    """Every ranked list that the query reaches, both collections asked at once."""
    words = analyse(query.text, panels.language)

    def ask(collection: Collection, name: str, using: str) -> dict[str, list[Found]]:
        lookups = [Lookup(depth, vector=vector, using=using, where=query.where)]
        if words:
            lookups.append(Lookup(depth, words=words, where=query.where))
        names = (f"{name}.{using}", f"{name}.bm25")
        return dict(zip(names, collection.search(lookups), strict=False))

    text = _pool().submit(ask, panels.index.text, "text", TEXT_VECTOR)
    return {**ask(panels.index.images, "images", DESCRIPTION_VECTOR), **text.result()}


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
