"""BM25 as sparse vectors: a weight per stem is stored, and the engine multiplies in the inverse document frequency.

Every Qdrant server since 1.15 and the embedded engine support such vectors, so all of them rank alike.
"""

import hashlib
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from diptych.store.types import BM25_FIELDS, INDEXED, PAGE_WORDS, Payload

K1, B = 1.2, 0.75
"""The usual constants of BM25: how soon repetitions of a word stop counting, and how much long texts are damped."""
AVERAGE_STEMS = {INDEXED: 70, PAGE_WORDS: 300}
"""Typical number of stems in each field. A constant, because weights are stored before all texts are known. Measured on
reports and filings: 64 to 79 per passage, 63 to 99 per picture, 241 to 408 per page."""


class SparseVector(NamedTuple):
    indices: list[int]
    """Without duplicates."""
    values: list[float]


def bm25_vectors(payload: Payload, kind: str) -> dict[str, SparseVector]:
    """Field -> the stored vector of its stems, for the BM25 fields that a payload in the collection `kind` has."""
    return {field: _stored_weights(payload[field].split(), field) for field in BM25_FIELDS[kind] if payload.get(field)}


def query_vector(words: str) -> SparseVector:
    """The vector that finds stems separated by spaces. All distinct stems have the same weight."""
    indices = list(dict.fromkeys(map(_dimension, words.split())))
    return SparseVector(indices, [1.0] * len(indices))


def _stored_weights(stems: list[str], field: str) -> SparseVector:
    counts = Counter(map(_dimension, stems))
    damping = K1 * (1 - B + B * len(stems) / AVERAGE_STEMS[field])
    return SparseVector(list(counts), [count * (K1 + 1) / (count + damping) for count in counts.values()])


@lru_cache(maxsize=200_000)
def _dimension(stem: str) -> int:
    """32 bits of a hash of the stem. Of a million different stems, about 120 pairs share their dimension."""
    return int.from_bytes(hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")
