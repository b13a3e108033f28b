"""The order of passages and pictures in one list."""

from __future__ import annotations

import pytest

from diptych.search.ranking.fusion import FusedPoint
from diptych.search.ranking.ranking_inputs import Part
from diptych.search.ranking.result_order import RankedPart, explain, order_results


def order(parts: dict[str, Part], values: dict[tuple[str, int], float]) -> str:
    """The ids of `parts`, fused in this order, as ordered by one signal."""
    fused = {name: 1 / rank for rank, name in enumerate(parts, start=61)}
    return "".join(order_results(fused, parts, {"signal": values}, {}))


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


def test_weights_multiply_signals_and_zero_drops_one() -> None:
    fused = {"x": 1 / 61, "y": 1 / 62}
    parts = {"x": passage(1), "y": Part(("a", 2), "text", "figure 3")}
    values = {"signal": {("a", 2): 1.0, ("a", 1): 0.5}}
    scores = order_results(fused, parts, values, {"signal": 2.0})
    assert list(scores) == ["y", "x"]
    assert scores["y"] == pytest.approx(2 * 1.0 + 0.5 * 61 / 62)
    assert list(order_results(fused, parts, values, {"signal": 0.0})) == ["x", "y"]
    assert list(order_results(fused, parts, values, {"signal": 0.0}, frozenset({"figure 3"}))) == ["y", "x"]


def test_ranks_explain_results_and_equal_values_share_one() -> None:
    lists = {"dense": {"x": 1, "y": 7}, "bm25": {"y": 2}}
    signals = {"signal": {("a", 1): 0.5, ("a", 2): 1.0, ("a", 3): 0.5, ("a", 4): 0.1}, "none": {}}

    def ranks(id_: str, page: int, *others: tuple[str, Part]) -> object:
        (found,) = explain([RankedPart(FusedPoint(id_, 1.0, {}), passage(page), others=others)], lists, signals)
        return found.fused.ranks

    assert ranks("x", 1) == {"dense": 1, "signal": 2}
    assert ranks("y", 3) == {"dense": 7, "bm25": 2, "signal": 2}
    assert ranks("z", 4) == {"signal": 4}
    assert ranks("y", 4, ("x", passage(2))) == {"dense": 1, "bm25": 2, "signal": 1}, "the best of a row's parts"


def test_ties_are_broken_by_id() -> None:
    parts = {name: passage(page) for page, name in enumerate("zyx", start=1)}
    assert list(order_results(dict.fromkeys("zyx", 0.5), parts, {}, {})) == ["x", "y", "z"]
    assert order_results({}, {}, {}, {}) == {}


def test_documents_are_not_compared_without_signals() -> None:
    parts = {name: passage(number, document=name[0]) for number, name in enumerate(("a1", "a2", "b1"), start=1)}
    assert order(parts, {}) == "a1a2b1"
