"""More like this: what a hit says and shows is looked up as it is stored, nothing is encoded again."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from diptych.errors import QueryError
from diptych.search.hits import Hit, make_hit
from diptych.search.page_text import part_of
from diptych.search.query import Query
from diptych.search.query_intent import QueryIntent
from diptych.search.search import Asked, Ordered, SearchContext, taken
from diptych.store.register import is_visible, load_records
from diptych.store.spaces import mean_vector
from diptych.store.switch import vectors_by_hash
from diptych.store.types import (
    DESCRIPTION_VECTOR,
    HASH_FIELDS,
    INDEXED,
    PAGE_WORDS,
    TEXT_VECTOR,
    VISUAL_VECTOR,
    Payload,
    Store,
)
from diptych.vectors import Vector
from diptych.where import Compare, Expression
from extractors.formats import is_row

MOST_WORDS = 64
"""Different words of a part that BM25 is asked: the first of a long passage tell what it is about."""
PANELS = {"text": (TEXT_VECTOR,), "image": (DESCRIPTION_VECTOR, VISUAL_VECTOR)}
"""Modality -> the vectors of a part."""


def find_similar(point: str, context: SearchContext, limit: int, where: Expression | None = None) -> list[Hit]:
    """At most `limit` hits that are most like the hit with id `point`, best first.

    Its vectors are looked up in every vector of their space, and its words by BM25. A catalogue row is one thing, words
    and photo. It is not among the hits, nor is anything that says or shows the very same. Raises `QueryError` for an id
    that no hit has.
    """
    if limit < 1:
        raise QueryError(f"{limit} hits cannot be shown")
    with context.index.hold():
        own = _parts(point, context.index)
        vectors = _vectors(own, context)
    shown = {part_of(payload).shows for payload in own}
    row = {payload["document_id"] for payload in own if is_row(payload["document"])}
    words = tuple(dict.fromkeys(word for payload in own for word in payload[INDEXED].split()))[:MOST_WORDS]

    def others(order: Iterator[Ordered]) -> list[Ordered]:
        new = (
            one
            for one in order
            if one.id != point and one.payload["document_id"] not in row and part_of(one.payload).shows not in shown
        )
        return list(islice(new, limit))

    asked = Asked(Query(where=where), QueryIntent(text="", words=words, phrases=()), vectors)
    found = taken(asked, context, others)
    return [make_hit(rank, one.fused, one.payload, context.pictures) for rank, one in enumerate(found, start=1)]


def _parts(point: str, index: Store) -> list[Payload]:
    """The payload of a hit, and of all else of its catalogue row."""
    payload = _payload(point, index)
    live = load_records(index, [payload["document_id"]]) if payload else {}
    if not payload or not is_visible(payload, point, live):
        raise QueryError(f"{point}: no hit has this id now; ids stand under the hits of `diptych query`")
    if not is_row(payload["document"]):
        return [payload]
    mine = Compare("document_id", "=", payload["document_id"])
    points = [one for collection in (index.text, index.images) for one in collection.scroll(mine)]
    return [one.payload for one in points if INDEXED in one.payload and is_visible(one.payload, one.id, live)]


def _payload(point: str, index: Store) -> Payload | None:
    try:
        uuid.UUID(point)
    except ValueError:
        return None
    found = [one for collection in (index.text, index.images) for one in collection.retrieve([point])]
    return next((one.payload for one in found if PAGE_WORDS not in one.payload), None)


def _vectors(parts: Sequence[Payload], context: SearchContext) -> dict[str, Vector]:
    """Vector name -> what it is searched by: the mean of all that the parts have in its space."""
    encoders = context.spaces.encoders
    spaces: dict[int, list[Vector]] = defaultdict(list)
    for payload in parts:
        text = payload["modality"] == "text"
        names = {HASH_FIELDS[name]: name for name in PANELS[payload["modality"]]}
        hashes = [payload[field] for field in names if field in payload]
        stored = vectors_by_hash(
            context.index.text if text else context.index.images, "text" if text else "images", hashes
        )
        for field, name in names.items():
            if name in encoders and payload.get(field) in stored:
                spaces[id(encoders[name])].append(stored[payload[field]])
    return {name: mean_vector(spaces[id(encoder)]) for name, encoder in encoders.items() if spaces[id(encoder)]}
