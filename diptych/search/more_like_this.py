"""Finds hits that are similar to a hit, by its stored vectors and words; nothing is encoded again."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from diptych.errors import QueryError
from diptych.search.hits import Hit, make_hits
from diptych.search.paging import check_number
from diptych.search.query.query import Query
from diptych.search.query.query_intent import QueryIntent
from diptych.search.ranking.ranking_inputs import part_content
from diptych.search.ranking.result_order import RankedPart
from diptych.search.search import EncodedQuery, SearchContext, find_hits
from diptych.store.spaces import mean_vector
from diptych.store.switch import vectors_by_hash
from diptych.store.types import HASH_FIELDS, INDEXED, VECTORS, Payload, Store
from diptych.store.visible_points import visible_part, visible_points
from diptych.vectors import Vector
from diptych.where import Compare, Expression
from extractors.formats import is_row

MAX_WORDS = 64
"""Distinct words that BM25 searches for; the first words of a long passage say what it is about."""


def find_similar(
    hit_id: str, context: SearchContext, limit: int, where: Expression | None = None, split_rows: bool = False
) -> list[Hit]:
    """At most `limit` hits, most similar first, by meaning, appearance and words.

    A catalogue row counts as one thing, text and photo. Results contain neither the hit itself nor exact copies of its
    text or image. Raises `QueryError` if no hit has this id.
    """
    check_number("limit", limit, 1)
    with context.store.hold():
        own = _parts(hit_id, context.store)
        vectors = _mean_vectors(own, context)
    contents = set(map(part_content, own))
    rows = {payload["document_id"] for payload in own if is_row(payload["document"])}
    words = tuple(dict.fromkeys(word for payload in own for word in payload[INDEXED].split()))[:MAX_WORDS]

    def others(order: Iterator[RankedPart]) -> list[RankedPart]:
        new = (
            point
            for point in order
            if point.id != hit_id
            and point.part.place[0] not in rows
            and not all(part.content in contents for part in point.parts.values())
        )
        return list(islice(new, limit))

    query = EncodedQuery(
        Query(where=where, split_rows=split_rows), QueryIntent(text="", words=words, phrases=()), vectors
    )
    return make_hits(find_hits(query, context, others), context.pictures)


def _parts(hit_id: str, store: Store) -> list[Payload]:
    """The payload of a hit, and for a catalogue row those of all its parts."""
    payload = visible_part(store, hit_id)
    if not payload:
        raise QueryError(f"{hit_id}: no hit has this id; `diptych query` prints the id of each hit")
    if not is_row(payload["document"]):
        return [payload]
    row = Compare("document_id", "=", payload["document_id"])
    points = [point for one in (store.text, store.images) for point in visible_points(store, [one], row)]
    return [point.payload for point in points if INDEXED in point.payload]


def _mean_vectors(parts: Sequence[Payload], context: SearchContext) -> dict[str, Vector]:
    """Vector name -> the mean of all stored vectors of the parts in that vector's space."""
    encoders = context.spaces.encoders
    by_space: dict[int, list[Vector]] = defaultdict(list)
    for payload in parts:
        name = "text" if payload["modality"] == "text" else "images"
        collection = context.store.text if name == "text" else context.store.images
        fields = {HASH_FIELDS[vector]: vector for vector in VECTORS[name]}
        stored = vectors_by_hash(collection, name, [payload[field] for field in fields if field in payload])
        for field, vector in fields.items():
            if vector in encoders and payload.get(field) in stored:
                by_space[id(encoders[vector])].append(stored[payload[field]])
    return {name: mean_vector(by_space[id(encoder)]) for name, encoder in encoders.items() if by_space[id(encoder)]}
