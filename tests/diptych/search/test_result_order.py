"""Passages and pictures of pages in one list."""

from __future__ import annotations

import pytest

from diptych.search.fusion import Fused
from diptych.search.result_order import Part, arrange


def order(parts: dict[str, Part], values: dict[tuple[str, int], float], limit: int = 10) -> str:
    """The ids of `parts`, found in this order, as arranged by one kind of evidence."""
    fused = [Fused(name, 1 / rank, {"list": rank}) for rank, name in enumerate(parts, start=61)]
    return "".join(one.id for one in arrange(fused, parts, {"kind": values}, {}, limit))


def passage(page: int, shows: str = "", document: str = "a") -> Part:
    return Part((document, page), "text", "", shows)


def test_the_page_decides_and_then_the_part() -> None:
    parts = {"x": passage(1), "y": passage(2), "z": Part(("a", 2), "image")}
    assert order(parts, {("a", 2): 1.0}) == "yzx"
    assert order(parts, {}) == "yzx", "a passage and a picture of one page speak for it together"
    assert order(parts, {("a", 1): 1.0}) == "xyz"


def test_further_parts_of_a_page_give_way_to_other_pages() -> None:
    parts = {"x": passage(1, "one"), "y": passage(1, "two"), "z": passage(2, "three")}
    assert order(parts, {("a", 1): 0.9}) == "xzy"


def test_what_a_page_already_shows_is_not_shown_again() -> None:
    parts = {"x": passage(1, "The pump is red."), "y": passage(1, "pump is red"), "z": passage(2, "pump is red")}
    assert order(parts, {}) == "xz"


def test_what_another_page_says_alike_gives_way() -> None:
    parts = {
        name: Part((document, 1), "text", "", f"text {name}", says)
        for name, document, says in (("x", "a", "pump red"), ("y", "b", "pump red"), ("z", "c", "pump red 2"))
    }
    assert order(parts, {}) == "xzy", "a copy comes later; other numbers are another fact"
    photos = {name: Part((name, 1), "image", "", sha, "coat") for name, sha in (("x", "1"), ("y", "1"), ("z", "2"))}
    assert order(photos, {}) == "xzy", "the same words about another photo are not the same"


def test_where_no_document_is_ahead_the_first_hits_show_several() -> None:
    parts = {f"{document}{page}": passage(page, document=document) for document in "ab" for page in (1, 2, 3)}
    near = {("a", 1): 1.0, ("a", 2): 0.99, ("a", 3): 0.98, ("b", 1): 0.95, ("b", 2): 0.94, ("b", 3): 0.93}
    assert order(parts, near) == "a1b1a2b2a3b3"
    ahead = near | {("b", page): 0.2 for page in (1, 2, 3)}
    assert order(parts, ahead) == "a1a2a3b1b2b3", "one document is meant, so nothing gives way"


def test_the_first_hits_do_not_depend_on_how_many_are_wanted() -> None:
    parts = {f"{page}{part}": passage(page, part) for part in "abc" for page in range(1, 8)}
    values = {("a", page): page / 7 for page in range(1, 8)}
    whole = order(parts, values, 50)
    assert len(whole) == 2 * len(parts)
    for limit in range(1, 21):
        assert order(parts, values, limit) == whole[: 2 * limit]


def test_hits_are_explained_and_a_weight_of_zero_leaves_a_kind_out() -> None:
    fused = [Fused("x", 1 / 61, {"list": 1}), Fused("y", 1 / 62, {"list": 2})]
    parts = {"x": passage(1), "y": Part(("a", 2), "text", "figure 3")}
    values = {"kind": {("a", 2): 1.0, ("a", 1): 0.5}}
    first, second = arrange(fused, parts, values, {"kind": 2.0}, 10)
    assert (first.id, first.ranks) == ("y", {"list": 2, "kind": 1})
    assert (second.id, second.ranks) == ("x", {"list": 1, "kind": 2})
    assert first.score == pytest.approx(2 * 1.0 + 61 / 62 + 0.5 * 61 / 62)
    plain = arrange(fused, parts, values, {"kind": 0.0}, 10)
    assert [one.ranks for one in plain] == [{"list": 1}, {"list": 2}]
    named = arrange(fused, parts, values, {"kind": 0.0}, 10, frozenset({"figure 3"}))
    assert [one.id for one in named] == ["y", "x"]


def test_alike_parts_go_by_id() -> None:
    fused = [Fused(name, 0.5, {"list": 1}) for name in "zyx"]
    parts = {name: passage(page) for page, name in enumerate("zyx", start=1)}
    assert [one.id for one in arrange(fused, parts, {}, {}, 10)] == ["x", "y", "z"]
    assert arrange([], {}, {}, {}, 10) == []


def test_ranks_alone_do_not_tell_that_documents_are_alike() -> None:
    parts = {name: passage(number, document=name[0]) for number, name in enumerate(("a1", "a2", "b1"), start=1)}
    assert order(parts, {}) == "a1a2b1"
