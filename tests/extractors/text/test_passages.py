"""Passages: bounded, under one heading, of one page, of whole sentences."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from extractors.text import references as links
from extractors.text import tokens
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, TablePlace, build_passages, table_passages
from extractors.types import ImageFile, Passage, Picture


def _placed(text: str, page: int = 1, path: tuple[str, ...] = (), *, heading: bool = False) -> HeadedParagraph:
    return HeadedParagraph(Paragraph((text,), page, (50, 100, 300, 140), 10), path, heading)


def _limit(most: int) -> PassageLimit:
    return PassageLimit(most, tokens.estimate_tokens)


def _length(passage: Passage) -> int:
    return sum(tokens.estimate_tokens([" > ".join(passage.heading), passage.caption, passage.text])) + 2


def _sentences(count: int) -> str:
    return " ".join(f"Sentence number {n} tells one more thing about it." for n in range(count))


def test_passages_are_bounded_and_cut_between_sentences() -> None:
    passages = build_passages([_placed(_sentences(30), path=("A heading", "And another"))], _limit(64))
    assert all(_length(passage) <= 64 for passage in passages)
    assert all(passage.text.endswith(".") for passage in passages)
    assert " ".join(passage.text for passage in passages) == _sentences(30)


def test_parts_of_one_section_are_of_like_length() -> None:
    lengths = [_length(passage) for passage in build_passages([_placed(_sentences(21))], _limit(100))]
    assert max(lengths) - min(lengths) < 40


def test_short_paragraphs_under_one_heading_are_one_passage_and_no_passage_crosses_a_heading_or_a_page() -> None:
    parts = [
        _placed("One.", path=("A",)), _placed("Two.", path=("A",)),
        _placed("Three.", path=("B",)), _placed("Four.", 2, path=("B",)),
    ]  # fmt: skip
    assert [(p.text, p.page, p.heading) for p in build_passages(parts, _limit(100))] == [
        ("One.\nTwo.", 1, ("A",)), ("Three.", 1, ("B",)), ("Four.", 2, ("B",))
    ]  # fmt: skip


def test_headings_with_nothing_below_are_not_lost() -> None:
    parts = [
        _placed("A", path=("A",), heading=True), _placed("B", path=("A", "B"), heading=True),
        _placed("Text.", path=("A", "B")),
        _placed("C", path=("C",), heading=True), _placed("D", path=("D",), heading=True),
    ]  # fmt: skip
    assert [(p.text, p.heading) for p in build_passages(parts, _limit(100))] == [("Text.", ("A", "B")), ("C\nD", ())]


@given(st.lists(st.text(alphabet="abc .,;:!?()日本。ABC", min_size=1, max_size=400), min_size=1, max_size=4))
def test_no_text_is_lost_and_no_passage_is_too_long(texts: list[str]) -> None:
    passages = build_passages([_placed(text) for text in texts], _limit(40))
    assert all(_length(passage) <= 40 for passage in passages)
    assert "".join("".join(p.text.split()) for p in passages) == "".join("".join(text.split()) for text in texts)


def test_a_long_heading_path_leaves_room_for_the_text() -> None:
    path = ("An outermost heading of quite some length", "A middle one of the same length", "The inner one " * 20)
    passages = build_passages([_placed(_sentences(4), path=path)], _limit(64))
    assert all(_length(passage) <= 64 for passage in passages)


def test_tables_repeat_their_header() -> None:
    rows = [("Region", "Growth")] + [(f"Region {n}", f"{n} %") for n in range(20)]
    place = TablePlace(3, (50, 100, 300, 400), ("Results",), "table 1", "Table 1: Growth by region.")
    parts = table_passages(rows, place, _limit(100))
    assert len(parts) > 1
    assert all(part.text.startswith("| Region | Growth |\n| --- | --- |\n| Region ") for part in parts)
    assert all((part.kind, part.label, part.page) == ("table", "table 1", 3) for part in parts)
    assert all(_length(part) <= 100 for part in parts)
    assert sum(part.text.count(" % |") for part in parts) == 20


def test_cells_cannot_break_a_table() -> None:
    (part,) = table_passages([("a|b", "c"), ("one\ntwo", "")], TablePlace(1, (0, 0, 1, 1)), _limit(100))
    assert part.text == "| a\\|b | c |\n| --- | --- |\n| one two |  |"


def test_sentences_and_pictures_are_linked_both_ways() -> None:
    text = "Nothing here. Fig. 3a shows the rise. As Figure 3 tells, it fell. See Table 1."
    passages = build_passages([_placed(text)], _limit(100))
    assert passages[0].mentions == ("figure 3a", "figure 3", "table 1")
    picture = Picture(
        "figure", 1, ImageFile("0" * 64, ".png", 1, 1), label="figure 3", caption="Figure 3: Rise and fall."
    )
    whole, panel, other = links.link(
        passages, [picture, replace(picture, label="figure 3a"), replace(picture, label="figure 4")]
    )
    assert whole.context == ("As Figure 3 tells, it fell.", "Fig. 3a shows the rise.")
    assert panel.context == ("Fig. 3a shows the rise.", "As Figure 3 tells, it fell.")
    assert other.context == ()
