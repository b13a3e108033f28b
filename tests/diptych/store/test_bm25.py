"""BM25 as sparse vectors."""

from __future__ import annotations

import pytest

from diptych.store.bm25 import AVERAGE_STEMS, K1, B, bm25_vectors, query_vector
from diptych.store.types import INDEXED, PAGE_WORDS


def stored(stems: str, field: str = INDEXED) -> dict[int, float]:
    vector = bm25_vectors({field: stems}, "text")[field]
    return dict(zip(vector.indices, vector.values, strict=True))


def weight(stem: str, stems: str) -> float:
    (dimension,) = query_vector(stem).indices
    return stored(stems)[dimension]


def test_weights_follow_the_formula() -> None:
    damping = K1 * (1 - B + B * 3 / AVERAGE_STEMS[INDEXED])
    assert weight("pump", "pump valv pump") == pytest.approx(2 * (K1 + 1) / (2 + damping))
    assert weight("valv", "pump valv pump") == pytest.approx((K1 + 1) / (1 + damping))


def test_longer_texts_weigh_less() -> None:
    assert weight("pump", "pump") > weight("pump", "pump" + " x" * 100)


def test_long_texts_are_compared_with_others_of_their_field() -> None:
    page = " ".join(["pump"] * AVERAGE_STEMS[PAGE_WORDS])
    passage = " ".join(["pump"] * AVERAGE_STEMS[INDEXED])
    assert list(stored(page, PAGE_WORDS).values()) == pytest.approx([2.19], abs=0.01)
    assert list(stored(passage).values()) == pytest.approx([2.16], abs=0.01)


def test_query_has_one_weight_per_distinct_stem() -> None:
    assert query_vector("pump valv pump").values == [1.0, 1.0]
    assert set(query_vector("pump valv").indices) == stored("valv pump").keys()


def test_payloads_without_stems_have_no_vector() -> None:
    assert bm25_vectors({INDEXED: ""}, "text") == {}
    assert bm25_vectors({"page": 1}, "images") == {}
    assert bm25_vectors({INDEXED: "pump"}, "documents") == {}


def test_dimensions_do_not_depend_on_the_process() -> None:
    assert query_vector("pump").indices == [746_596_696]
