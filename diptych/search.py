"""A question -> one ranked list out of both collections, every hit explained by the ranks that brought it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from diptych.encoders import Encoder
from diptych.errors import QueryError
from diptych.fusion import Fused, fuse
from diptych.index import DESCRIPTION_VECTOR, TEXT_VECTOR, Collection, Found, Index, Lookup, Payload, Vector
from diptych.index.versions import records_of, visible
from diptych.where import Expression
from extractors.images import path_of
from extractors.types import ImageFile

LEAST_DEPTH = 100
"""Of each ranked list before fusion: deep enough that a hit of two lists is seen in both."""
SNIPPET = 400
"""Characters of a picture's description that stand for its text."""
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


def search(queries: Sequence[Query], index: Index, encoder: Encoder, pictures: Path, limit: int) -> list[list[Hit]]:
    """One list of at most `limit` hits a query, best first. All texts are encoded in one batch.

    Raises `QueryError` for a query without words, `StoreError` when the store cannot answer.
    """
    for query in queries:
        if not query.text.strip():
            raise QueryError("the question is empty; give some words")
    vectors = encoder.encode_texts([query.text for query in queries], query=True)
    with ThreadPoolExecutor(2, thread_name_prefix="diptych-search") as pool:
        return [
            _answer(query, vector, index, pictures, limit, pool) for query, vector in zip(queries, vectors, strict=True)
        ]


def _answer(
    query: Query, vector: Vector, index: Index, pictures: Path, limit: int, pool: ThreadPoolExecutor
) -> list[Hit]:
    """Search deeper while points that do not count (of a version not yet or no longer live) crowd out the others."""
    depth = max(LEAST_DEPTH, 2 * limit)
    while True:
        found = _lists(query, vector, index, depth, pool)
        live = records_of(index, (hit.payload["document_id"] for hits in found.values() for hit in hits))
        kept = {name: [h for h in hits if visible(h.payload, h.id, live)] for name, hits in found.items()}
        starved = any(
            len(found[name]) == depth and len(kept[name]) < min(limit, depth) and len(kept[name]) < len(found[name])
            for name in found
        )
        if not starved:
            break
        depth *= 4
    payloads = {hit.id: hit.payload for hits in kept.values() for hit in hits}
    fused = fuse({name: [hit.id for hit in hits] for name, hits in kept.items()}, WEIGHTS)
    return [_hit(rank, one, payloads[one.id], pictures) for rank, one in enumerate(fused[:limit], start=1)]


def _lists(query: Query, vector: Vector, index: Index, depth: int, pool: ThreadPoolExecutor) -> dict[str, list[Found]]:
    """Every ranked list that the query reaches, both collections asked at once."""

    def ask(collection: Collection, name: str, using: str) -> dict[str, list[Found]]:
        nearest, words = collection.search(
            [
                Lookup(depth, vector=vector, using=using, where=query.where),
                Lookup(depth, words=query.text, where=query.where),
            ]
        )
        return {f"{name}.{using}": nearest, f"{name}.bm25": words}

    text = pool.submit(ask, index.text, "text", TEXT_VECTOR)
    images = pool.submit(ask, index.images, "images", DESCRIPTION_VECTOR)
    return {**text.result(), **images.result()}


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
