from __future__ import annotations

import pytest

from diptych.search.fusion import fuse, rank_ids


def test_score_is_the_sum_of_reciprocal_ranks() -> None:
    first, second, third = fuse({"text.dense": rank_ids("ab"), "text.bm25": rank_ids("bc")})
    assert (first.id, second.id, third.id) == ("b", "a", "c")
    assert [one.score for one in (first, second, third)] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])
    assert first.ranks == {"text.dense": 2, "text.bm25": 1}


def test_ties_are_broken_by_id() -> None:
    assert [one.id for one in fuse({"x": {"b": 1}, "y": {"a": 1}})] == ["a", "b"]


def test_ids_may_share_a_rank() -> None:
    assert [one.score for one in fuse({"x": {"a": 2, "b": 2}})] == pytest.approx([1 / 62, 1 / 62])


def test_weights_multiply_and_zero_drops_a_list() -> None:
    heavy = fuse({"x": {"a": 1}, "y": {"b": 1}}, {"y": 2.0})
    assert [one.id for one in heavy] == ["b", "a"]
    assert heavy[0].score == pytest.approx(2 / 61)
    assert [one.id for one in fuse({"x": {"a": 1}, "y": {"b": 1}}, {"y": 0.0})] == ["a"]


def test_no_lists_give_no_points() -> None:
    assert fuse({}) == []
    assert fuse({"x": {}}) == []
