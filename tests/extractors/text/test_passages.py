"""Passages: bounded, under one heading path, of one page, and made of whole sentences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractors.table_grid import SpannedText, body_rows, grid_from_rows
from extractors.text.headings import HeadedParagraph
from extractors.text.paragraphs import Paragraph
from extractors.text.passages import PassageLimit, build_passages, estimate_tokens, table_passages, without_padding
from extractors.types import Passage
from tests.support.table_markdown import table_markdown


def headed(text: str, page: int = 1, path: tuple[str, ...] = (), *, is_heading: bool = False) -> HeadedParagraph:
    return HeadedParagraph(Paragraph((text,), page, (50, 100, 300, 140), 10), path, is_heading)


def limit(max_tokens: int) -> PassageLimit:
    return PassageLimit(max_tokens, estimate_tokens)


def token_count(passage: Passage) -> int:
    text = without_padding(passage.text) if passage.kind == "table" else passage.text
    return sum(estimate_tokens([" > ".join(passage.heading), passage.caption, text])) + 2


def sentences(count: int) -> str:
    return " ".join(f"Sentence number {n} says one more thing about it." for n in range(count))


def test_passages_are_bounded_and_cut_between_sentences() -> None:
    passages = build_passages([headed(sentences(30), path=("A heading", "And another"))], limit(64))
    assert all(token_count(passage) <= 64 for passage in passages)
    assert all(passage.text.endswith(".") for passage in passages)
    assert " ".join(passage.text for passage in passages) == sentences(30)


def test_sentences_of_japanese_are_joined_without_spaces() -> None:
    (passage,) = build_passages([headed("ポンプは北にある。弁は閉まっている。")], limit(64))
    assert passage.text == "ポンプは北にある。弁は閉まっている。"


def test_passages_of_one_section_have_similar_lengths() -> None:
    lengths = [token_count(passage) for passage in build_passages([headed(sentences(21))], limit(100))]
    assert max(lengths) - min(lengths) < 40


def test_short_paragraphs_are_merged_within_a_page_and_heading_only() -> None:
    paragraphs = [
        headed("One.", path=("A",)), headed("Two.", path=("A",)),
        headed("Three.", path=("B",)), headed("Four.", 2, path=("B",)),
    ]  # fmt: skip
    assert [(p.text, p.page, p.heading) for p in build_passages(paragraphs, limit(100))] == [
        ("One.\nTwo.", 1, ("A",)), ("Three.", 1, ("B",)), ("Four.", 2, ("B",))
    ]  # fmt: skip


def test_headings_without_text_become_passages() -> None:
    paragraphs = [
        headed("A", path=("A",), is_heading=True), headed("B", path=("A", "B"), is_heading=True),
        headed("Text.", path=("A", "B")),
        headed("C", path=("C",), is_heading=True), headed("D", path=("D",), is_heading=True),
    ]  # fmt: skip
    passages = build_passages(paragraphs, limit(100))
    assert [(passage.text, passage.heading) for passage in passages] == [("Text.", ("A", "B")), ("C\nD", ())]


@given(st.lists(st.text(alphabet="abc .,;:!?()日本。ABC", min_size=1, max_size=400), min_size=1, max_size=4))
def test_no_text_is_lost_and_no_passage_is_too_long(texts: list[str]) -> None:
    passages = build_passages([headed(text) for text in texts], limit(40))
    assert all(token_count(passage) <= 40 for passage in passages)
    assert "".join("".join(p.text.split()) for p in passages) == "".join("".join(text.split()) for text in texts)


def test_long_heading_path_is_shortened() -> None:
    path = ("An outermost heading of quite some length", "A middle one of the same length", "The inner one " * 20)
    passages = build_passages([headed(sentences(4), path=path)], limit(64))
    assert all(token_count(passage) <= 64 for passage in passages)


def test_every_part_of_a_table_has_its_header() -> None:
    rows = [("Region", "Growth")] + [(f"Region {n}", f"{n} %") for n in range(20)]
    caption = "Table 1: Growth by region."
    table = Passage("", 3, (50, 100, 300, 400), ("Results",), "table", label="table 1", caption=caption)
    parts = table_passages(grid_from_rows(rows, 1), table, limit(100))
    assert len(parts) > 1
    assert all(part.text.startswith("| Region | Growth |\n| --- | --- |\n| Region ") for part in parts)
    assert all((part.kind, part.label, part.page) == ("table", "table 1", 3) for part in parts)
    assert all(token_count(part) <= 100 for part in parts)
    assert sum(part.text.count(" % |") for part in parts) == 20
    assert all(part.table and part.table.header_rows == 1 and table_markdown(part.table) == part.text for part in parts)


def test_table_is_split_between_row_groups() -> None:
    groups = [[SpannedText(name, column_span=2)] for name in ("Women", "Men")]
    rows = [("Age", "Share"), groups[0], *((f"{n}0", f"{n} %") for n in range(12)), groups[1]]
    rows += [(f"{n}0", f"{n} %") for n in range(15)]
    parts = table_passages(grid_from_rows(rows, 1), Passage("", 1, kind="table"), limit(120))
    assert [part.text.count("Women: ") for part in parts] == [12, 0]
    assert [part.text.count("Men: ") for part in parts] == [0, 15]
    assert [part.table.rows for part in parts if part.table] == [14, 17]


def test_each_part_of_a_table_begins_with_the_label_of_its_first_row() -> None:
    rows = [
        ("Orchard", "Year", "Trees"),
        ("North", "2001", "204"),
        *(("", f"{2001 + n}", f"{n}86") for n in range(1, 30)),
    ]
    parts = table_passages(grid_from_rows(rows, 1), Passage("", 1, kind="table"), limit(40))
    assert len(parts) > 1
    for part in parts:
        assert part.text.splitlines()[2].startswith("| North | 20")
        assert part.table
        assert next(iter(body_rows(part.table).values()))[0] == "North"


def test_texts_of_a_long_row_are_spread_over_rows_of_the_same_columns() -> None:
    rows = [("Name", "Text"), ("A", "word " * 500), ("B", "short")]
    parts = table_passages(grid_from_rows(rows, 1), Passage("", 1, kind="table"), limit(100))
    lines = [line for part in parts for line in part.text.splitlines()[2:]]
    assert all(line.count("|") == 3 for line in lines)
    assert sum(line.count("word") for line in lines) == 500
    assert lines[0].startswith("| A | word")


def test_pipes_and_line_breaks_in_cells_are_escaped() -> None:
    (part,) = table_passages(
        grid_from_rows([("a|b", "c"), ("one\ntwo", "")], 1), Passage("", 1, kind="table"), limit(100)
    )
    assert part.text == "| a\\|b | c |\n| --- | --- |\n| one two |  |"


def test_table_of_a_header_alone_is_kept() -> None:
    (part,) = table_passages(grid_from_rows([["Orchard", "Tonnes"]], 1), Passage("", 1, kind="table"), limit(100))
    assert part.text.splitlines() == ["| Orchard | Tonnes |", "| --- | --- |"]


def test_notes_of_a_table_follow_its_last_row() -> None:
    rows = [("Region", "Growth")] + [(f"Region {n}", f"{n} %") for n in range(20)]
    parts = table_passages(grid_from_rows(rows, 1), Passage("", 1, kind="table"), limit(100), "Growth by weight.")
    assert [part.text.count("Growth by weight.") for part in parts] == [0] * (len(parts) - 1) + [1]
    assert parts[-1].text.endswith("\nGrowth by weight.")


def test_doubtful_words_of_a_scan_are_marked_on_the_passage_that_has_them() -> None:
    scanned = Paragraph(("The pump stands by the gafe.",), 1, (50, 100, 300, 140), 10, ocr=True, doubtful=("gafe.",))
    printed = Paragraph(("Another page.",), 2, (50, 100, 300, 140), 10)
    passages = build_passages([HeadedParagraph(scanned, ()), HeadedParagraph(printed, ())], limit(100))
    assert [passage.doubtful for passage in passages] == [("gafe.",), ()]
