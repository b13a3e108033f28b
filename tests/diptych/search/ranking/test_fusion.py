from __future__ import annotations

import pytest

from diptych.search.ranking.fusion import fuse, rank_ids


def test_score_is_the_sum_of_reciprocal_ranks() -> None:
    scores = fuse({"text.dense": rank_ids("ab"), "text.bm25": rank_ids("bc")}, {})
    assert list(scores) == ["b", "a", "c"], "best first"
    assert scores == pytest.approx({"b": 1 / 62 + 1 / 61, "a": 1 / 61, "c": 1 / 62})


def test_ties_are_broken_by_id() -> None:
    assert list(fuse({"x": {"b": 1}, "y": {"a": 1}}, {})) == ["a", "b"]


def test_ids_may_share_a_rank() -> None:
    assert fuse({"x": {"a": 2, "b": 2}}, {}) == pytest.approx({"a": 1 / 62, "b": 1 / 62})


def test_weights_multiply_and_zero_drops_a_list() -> None:
    heavy = fuse({"x": {"a": 1}, "y": {"b": 1}}, {"y": 2.0})
    assert list(heavy) == ["b", "a"]
    assert heavy["b"] == pytest.approx(2 / 61)
    assert list(fuse({"x": {"a": 1}, "y": {"b": 1}}, {"y": 0.0})) == ["a"]


def test_no_lists_give_no_points() -> None:
    assert fuse({}, {}) == {}
    assert fuse({"x": {}}, {}) == {}
