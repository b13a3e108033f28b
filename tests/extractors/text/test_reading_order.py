"""Reading order: columns, text across columns, and pieces of one line."""

from __future__ import annotations

from dataclasses import replace

from extractors.page import Line
from extractors.text.reading_order import order_rows


def line(text: str, x0: float, y0: float, x1: float, *, block: int = 0) -> Line:
    return Line((x0, y0, x1, y0 + 10), text, 10, block=block)


def column(name: str, x0: float, x1: float, top: float, rows: int, block: int) -> list[Line]:
    return [line(f"{name}{n} runs to the edge", x0, top + 12 * n, x1, block=block) for n in range(rows)]


def first_words(lines: list[Line]) -> list[str]:
    """The first word of every line in reading order."""
    return [line.text.split()[0] for column in order_rows(lines) for row in column for line in row.lines]


def test_two_columns_are_read_one_after_the_other_below_their_title() -> None:
    lines = [
        *column("b", 310, 550, 100, 4, block=2),
        line("title over both columns", 150, 60, 450),
        *column("a", 50, 290, 100, 4, block=1),
    ]
    assert first_words(lines) == ["title", "a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]


def test_columns_need_not_share_base_lines() -> None:
    lines = [
        *column("c", 410, 560, 103, 3, block=3),
        *column("a", 40, 190, 100, 3, block=1),
        *column("b", 225, 375, 106, 3, block=2),
    ]
    assert first_words(lines) == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]


def test_full_width_paragraph_separates_the_columns_above_from_those_below() -> None:
    lines = [
        *column("a", 50, 290, 100, 3, block=1),
        *column("b", 310, 550, 100, 3, block=2),
        line("across the whole page it goes", 50, 150, 550, block=3),
        *column("c", 50, 290, 180, 3, block=4),
        *column("d", 310, 550, 180, 3, block=5),
    ]
    assert first_words(lines) == ["a0", "a1", "a2", "b0", "b1", "b2", "across", "c0", "c1", "c2", "d0", "d1", "d2"]


def test_gap_across_both_columns_does_not_cut_them() -> None:
    lines = [
        *column("a", 50, 290, 100, 2, block=1),
        *column("b", 310, 550, 100, 2, block=2),
        *column("a", 50, 290, 150, 2, block=3),
        *column("b", 310, 550, 150, 2, block=4),
    ]
    assert first_words(lines) == ["a0", "a1", "a0", "a1", "b0", "b1", "b0", "b1"]


def test_rows_of_authors_do_not_narrow_the_gutter_below_them() -> None:
    lines = [
        line("left author of the paper here", 60, 60, 296, block=1),
        line("right author of the paper here", 320, 60, 500, block=2),
        *column("a", 50, 290, 100, 4, block=3),
        *column("b", 302, 550, 100, 4, block=4),
    ]
    assert first_words(lines) == ["left", "right", "a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]


def test_heading_below_columns_is_read_with_the_text_it_heads() -> None:
    lines = [
        *column("a", 50, 290, 100, 3, block=1),
        *column("b", 310, 550, 100, 3, block=2),
        line("heading", 50, 160, 120, block=3),
        line("full width text below its heading", 50, 176, 550, block=4),
    ]
    assert first_words(lines)[-2:] == ["heading", "full"]


def test_bullets_are_joined_to_their_text_and_labels_to_their_values() -> None:
    lines = [
        line("•", 50, 100, 54, block=1),
        line("first point", 70, 100, 200, block=2),
        line("Weight", 50, 130, 90, block=3),
        line("12 kg", 300, 130, 330, block=3),
    ]
    assert [row.text for column in order_rows(lines) for row in column] == ["• first point", "Weight 12 kg"]


def test_stamp_in_the_margin_is_left_out_and_other_vertical_text_comes_last() -> None:
    horizontal = [line(f"text{n} of the page", 100, 100 + 12 * n, 500) for n in range(3)]
    stamp = Line((10, 200, 30, 600), "archive:1234 of 2020", 20, block=7, horizontal=False, angle=270)
    axis = Line((300, 300, 310, 380), "axis of the chart", 10, block=8, horizontal=False, angle=270)
    assert first_words([stamp, axis, *horizontal]) == ["text0", "text1", "text2", "axis"]


def test_questions_are_read_with_their_short_answers() -> None:
    questions = [line(f"question{n} of the form that is asked here", 50, 100 + 30 * n, 300, block=n) for n in range(4)]
    answers = [line(f"yes{n}", 400, 100 + 30 * n, 420, block=10 + n) for n in (1, 3)]
    assert first_words([*answers, *questions]) == ["question0", "question1", "yes1", "question2", "question3", "yes3"]


def test_words_of_a_scanned_line_are_read_across_although_their_boxes_differ() -> None:
    words = [("on", 50, 100.3), ("peat", 64, 99.4), ("soils", 88, 100), ("if", 116, 99.4), ("drained", 130, 100.2)]
    lines = [Line((x, y, x + 5 * len(word), y + 3), word, 3, ocr=True) for word, x, y in words]
    assert first_words(lines) == ["on", "peat", "soils", "if", "drained"]


def note(text: str, x0: float, y0: float, x1: float) -> Line:
    return Line((x0, y0, x1, y0 + 8), text, 7.5, block=9)


def test_footnotes_at_the_feet_of_columns_come_after_the_text() -> None:
    lines = [
        *column("a", 50, 290, 100, 8, block=1),
        note("affiliations of the authors in small print", 50, 210, 290),
        *column("b", 310, 550, 100, 8, block=2),
        note("licence of the article in small print", 310, 210, 550),
    ]
    assert first_words(lines)[7:9] == ["a7", "b0"]
    assert first_words(lines)[-2:] == ["affiliations", "licence"]


def test_references_that_begin_below_both_columns_come_with_their_heading_after_the_text() -> None:
    lines = [
        *column("a", 50, 290, 100, 8, block=1),
        Line((50, 210, 140, 224), "REFERENCES", 12, block=3),
        *(note(f"r{n} first column of the list", 50, 230 + 10 * n, 290) for n in range(3)),
        *column("b", 310, 550, 100, 8, block=2),
        *(note(f"s{n} second column of the list", 310, 212 + 10 * n, 550) for n in range(3)),
    ]
    assert first_words(lines)[8:] == [*(f"b{n}" for n in range(8)), "REFERENCES", "r0", "r1", "r2", "s0", "s1", "s2"]


def test_last_line_of_a_text_larger_than_the_abstract_is_no_heading_of_small_print() -> None:
    text = [Line((310, y, 550, y + 11), f"text{y} of the introduction", 10, block=3) for y in (204, 220, 236)]
    lines = [
        *column("a", 50, 290, 100, 10, block=1),
        note("address of the author", 50, 236, 290),
        *(Line((310, y, 550, y + 9), f"b{y} abstract of the article", 9, block=2) for y in range(100, 200, 10)),
        *text,
        note("licence of the article", 310, 256, 550),
    ]
    lines = [replace(one, size=9.0) if one.size == 10 and one.block == 1 else one for one in lines]
    assert first_words(lines)[-5:] == ["text204", "text220", "text236", "address", "licence"]


def test_number_of_a_formula_does_not_bridge_the_gutter() -> None:
    lines = [
        *column("left", 50, 290, 100, 4, block=1),
        line("x = y", 130, 150, 170, block=3),
        line("(1)", 278, 150, 290, block=4),
        *column("right", 310, 550, 102, 6, block=2),
    ]
    order = first_words(lines)
    assert order.index("(1)") < order.index("right0")


def test_dash_that_hangs_into_the_gutter_does_not_join_side_notes_to_the_text() -> None:
    notes = [line(f"note{n} of the editors", 50, 103 + 13 * n, 155, block=1) for n in range(4)]
    text = [line(f"text{n} runs on to the edge", 167 - 4 * (n == 2), 100 + 12 * n, 550, block=2) for n in range(6)]
    assert first_words([*notes, *text]) == [*(f"note{n}" for n in range(4)), *(f"text{n}" for n in range(6))]
