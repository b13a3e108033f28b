"""The order of passages and pictures in one list."""

from __future__ import annotations

import pytest

from diptych.search.fusion import FusedPoint
from diptych.search.ranking_inputs import Part
from diptych.search.result_order import order_results


def order(parts: dict[str, Part], values: dict[tuple[str, int], float], limit: int = 10) -> str:
    """The ids of `parts`, fused in this order, as ordered by one signal."""
    fused = [FusedPoint(name, 1 / rank, {"list": rank}) for rank, name in enumerate(parts, start=61)]
    return "".join(one.id for one in order_results(fused, parts, {"signal": values}, {}, limit))


def passage(page: int, content: str = "", document: str = "a") -> Part:
    return Part((document, page), "text", "", content)


def test_pages_are_ranked_before_parts() -> None:
    parts = {"x": passage(1), "y": passage(2), "z": Part(("a", 2), "image")}
    assert order(parts, {("a", 2): 1.0}) == "yzx"
    assert order(parts, {}) == "xyz"
    assert order(parts, {("a", 1): 1.0}) == "xyz"


def test_other_pages_come_before_further_parts_of_a_page() -> None:
    parts = {"x": passage(1, "one"), "y": passage(1, "two"), "z": passage(2, "three")}
    assert order(parts, {("a", 1): 0.9}) == "xzy"


def test_content_that_a_page_already_shows_is_dropped() -> None:
    parts = {"x": passage(1, "The pump is red."), "y": passage(1, "pump is red"), "z": passage(2, "pump is red")}
    assert order(parts, {}) == "xz"


def test_a_figure_and_its_panels_are_shown_once() -> None:
    def picture(label: str, kind: str) -> Part:
        return Part(("a", 1), "image", label, f"pixels of {label}", kind=kind)

    whole, first, second = picture("figure 3", "figure"), picture("figure 3a", "panel"), picture("figure 3b", "panel")
    other = picture("figure 4", "figure")
    assert order({"w": whole, "x": first, "y": second, "z": other}, {}) == "wz"
    assert order({"x": first, "w": whole, "y": second}, {}) == "xy", "several panels stay"


def test_copies_on_other_pages_come_later() -> None:
    parts = {
        name: Part((document, 1), "text", "", f"text {name}", stems)
        for name, document, stems in (("x", "a", "pump red"), ("y", "b", "pump red"), ("z", "c", "pump red 2"))
    }
    assert order(parts, {}) == "xzy", "other numbers are not a copy"
    photos = {name: Part((name, 1), "image", "", sha, "coat") for name, sha in (("x", "1"), ("y", "1"), ("z", "2"))}
    assert order(photos, {}) == "xzy", "the same words about another photo are not a copy"


def test_first_hits_show_several_documents_when_none_is_clearly_ahead() -> None:
    parts = {f"{document}{page}": passage(page, document=document) for document in "ab" for page in (1, 2, 3)}
    near = {("a", 1): 1.0, ("a", 2): 0.99, ("a", 3): 0.98, ("b", 1): 0.95, ("b", 2): 0.94, ("b", 3): 0.93}
    assert order(parts, near) == "a1b1a2b2a3b3"
    ahead = near | {("b", page): 0.2 for page in (1, 2, 3)}
    assert order(parts, ahead) == "a1a2a3b1b2b3", "one document is meant, so its pages are not penalised"


def test_first_results_do_not_depend_on_the_limit() -> None:
    parts = {f"{page}{part}": passage(page, part) for part in "abc" for page in range(1, 8)}
    values = {("a", page): page / 7 for page in range(1, 8)}
    whole = order(parts, values, 50)
    assert len(whole) == 2 * len(parts)
    for limit in range(1, 21):
        assert order(parts, values, limit) == whole[: 2 * limit]


def test_results_keep_their_ranks_and_weight_zero_drops_a_signal() -> None:
    fused = [FusedPoint("x", 1 / 61, {"list": 1}), FusedPoint("y", 1 / 62, {"list": 2})]
    parts = {"x": passage(1), "y": Part(("a", 2), "text", "figure 3")}
    values = {"signal": {("a", 2): 1.0, ("a", 1): 0.5}}
    first, second = order_results(fused, parts, values, {"signal": 2.0}, 10)
    assert (first.id, first.ranks) == ("y", {"list": 2, "signal": 1})
    assert (second.id, second.ranks) == ("x", {"list": 1, "signal": 2})
    assert first.score == pytest.approx(2 * 1.0 + 0.5 * 61 / 62)
    plain = order_results(fused, parts, values, {"signal": 0.0}, 10)
    assert [one.ranks for one in plain] == [{"list": 1}, {"list": 2}]
    named = order_results(fused, parts, values, {"signal": 0.0}, 10, frozenset({"figure 3"}))
    assert [one.id for one in named] == ["y", "x"]


def test_ties_are_broken_by_id() -> None:
    fused = [FusedPoint(name, 0.5, {"list": 1}) for name in "zyx"]
    parts = {name: passage(page) for page, name in enumerate("zyx", start=1)}
    assert [one.id for one in order_results(fused, parts, {}, {}, 10)] == ["x", "y", "z"]
    assert order_results([], {}, {}, {}, 10) == []


def test_documents_are_not_compared_without_signals() -> None:
    parts = {name: passage(number, document=name[0]) for number, name in enumerate(("a1", "a2", "b1"), start=1)}
    assert order(parts, {}) == "a1a2b1"
