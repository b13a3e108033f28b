"""Decides whether anything in the store resembles a query, so that nonsense finds nothing.

A query makes sense if it has a function word of any language, or a word of the store. For a query of unknown words
alone, the level to reach is its own: the store must be closer to it than to the same letters in another order (a
permutation test), so that it fits every encoder and store.
"""

import random
import re
from collections.abc import Mapping

import numpy as np

from diptych.search.query.query_intent import QueryIntent
from diptych.search.query.wording import has_function_words
from diptych.store.names import NameCache
from diptych.store.spaces import Spaces
from diptych.store.types import INDEXED, VECTORS, RankedListRequest, Store
from diptych.vectors import Vector
from diptych.where import Expression, In, all_of

SHUFFLES = 16
DEVIATIONS = 1.0
"""How far a query must be above its shuffled forms, in their standard deviations. Measured, see
docs/measurements/search.md."""
MIN_DIFFERENCE = 1e-4
"""For queries that no order changes, such as "aaaa", whose scores differ by rounding only."""


def resembles(
    intent: QueryIntent,
    vectors: Mapping[str, Vector],
    store: Store,
    spaces: Spaces,
    names: NameCache,
    scope: Expression | None = None,
) -> bool:
    """Whether anything in the store resembles a query in words alone, without an image and a filter of its own.

    `vectors`: those of the query. `scope`: a filter with ids of documents, outside of which nothing counts. A query
    that names a page or asks for a figure always resembles something.
    """
    return bool(
        intent.page_numbers
        or intent.positions
        or intent.labels
        or intent.asks_for_figure
        or intent.expansions
        or has_function_words(intent.text)
        or _has_stored_word(intent, store, scope)
        or _names_document(intent, store, names, scope)
        or _stands_out(intent, vectors, store, spaces, scope)
    )


def shuffle_letters(text: str) -> list[str]:
    """`SHUFFLES` texts with the letters and digits of `text` in another order, the same on every call."""
    letters = [character for character in text if character.isalnum()]
    shuffled = []
    for number in range(SHUFFLES):
        mixed = iter(random.Random(f"{number} {text}".encode("utf-8", "surrogatepass")).sample(letters, len(letters)))
        shuffled.append("".join(next(mixed) if character.isalnum() else character for character in text))
    return shuffled


def _has_stored_word(intent: QueryIntent, store: Store, scope: Expression | None) -> bool:
    if not intent.words:
        return False
    request = RankedListRequest(1, INDEXED, words=" ".join(intent.words), where=scope)
    return any(collection.search([request])[0] for collection in (store.text, store.images))


def _names_document(intent: QueryIntent, store: Store, names: NameCache, scope: Expression | None) -> bool:
    words = re.findall(r"\w{2,}", intent.text)
    named = {document for word in words for document in names.ids(word, store, part=True)}
    if not named or not scope:
        return bool(named)
    where = all_of(In("document_id", tuple(named)), scope)
    return any(True for collection in (store.text, store.images) for _ in collection.scroll(where))


def _stands_out(
    intent: QueryIntent,
    own_vectors: Mapping[str, Vector],
    store: Store,
    spaces: Spaces,
    scope: Expression | None,
) -> bool:
    """Whether the query is closer to the store than its shuffled forms, in any space."""
    inputs = [(text, None) for text in shuffle_letters(intent.text)]
    shuffled = spaces.encode_queries(inputs, own_vectors.keys() & spaces.encoders.keys())
    by_space: dict[int, list[list[float]]] = {}
    for name, collection in (("text", store.text), ("images", store.images)):
        for vector in VECTORS[name]:
            if vector in own_vectors and vector in spaces.encoders:
                vectors: list[Vector] = [own_vectors[vector], *(one[vector] for one in shuffled)]
                lists = collection.search([RankedListRequest(1, vector, vector=one, where=scope) for one in vectors])
                best = [points[0].score if points else 0.0 for points in lists]
                by_space.setdefault(id(spaces.encoders[vector]), []).append(best)
    for scores in by_space.values():
        own, *others = np.max(scores, axis=0)
        if own > np.mean(others) + max(DEVIATIONS * np.std(others), MIN_DIFFERENCE):
            return True
    return False
