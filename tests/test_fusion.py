from __future__ import annotations

import pytest

from diptych.fusion import fuse


def test_the_score_is_the_sum_of_reciprocal_ranks() -> None:
    first, second, third = fuse({"text.dense": ["a", "b"], "text.bm25": ["b", "c"]})
    assert first.id == "b"
    assert first.score == pytest.approx(1 / 62 + 1 / 61)
    assert first.ranks == {"text.dense": 2, "text.bm25": 1}
    assert second.id == "a"
    assert second.score == pytest.approx(1 / 61)
    assert third.id == "c"
    assert third.score == pytest.approx(1 / 62)


def test_ties_go_by_id() -> None:
    assert [one.id for one in fuse({"x": ["b"], "y": ["a"]})] == ["a", "b"]


def test_weights_count_and_zero_leaves_a_list_out() -> None:
    heavy = fuse({"x": ["a"], "y": ["b"]}, {"y": 2.0})
    assert [one.id for one in heavy] == ["b", "a"]
    assert heavy[0].score == pytest.approx(2 / 61)
    assert [one.id for one in fuse({"x": ["a"], "y": ["b"]}, {"y": 0.0})] == ["a"]


def test_nothing_in_nothing_out() -> None:
    assert fuse({}) == []
    assert fuse({"x": []}) == []
