"""Reading order: columns, what crosses them, and pieces of one line."""

from __future__ import annotations

from extractors.page import Line
from extractors.text.reading_order import flows


def _line(text: str, x0: float, y0: float, x1: float, *, block: int = 0, size: float = 10, angle: int = 0) -> Line:
    return Line((x0, y0, x1, y0 + size), text, size, block=block, horizontal=angle == 0, angle=angle)


def _column(name: str, x0: float, x1: float, top: float, rows: int, block: int) -> list[Line]:
    return [_line(f"{name}{n} runs to the edge", x0, top + 12 * n, x1, block=block) for n in range(rows)]


def _names(lines: list[Line]) -> list[str]:
    return [line.text.split()[0] for flow in flows(lines) for row in flow for line in row.lines]


def test_two_columns_are_read_one_after_the_other_below_their_title() -> None:
    lines = [
        *_column("b", 310, 550, 100, 4, block=2),
        _line("title over both columns", 150, 60, 450),
        *_column("a", 50, 290, 100, 4, block=1),
    ]
    assert _names(lines) == ["title", "a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]


def test_three_columns_of_unlike_base_lines() -> None:
    lines = [
        *_column("c", 410, 560, 103, 3, block=3),
        *_column("a", 40, 190, 100, 3, block=1),
        *_column("b", 225, 375, 106, 3, block=2),
    ]
    assert _names(lines) == ["a0", "a1", "a2", "b0", "b1", "b2", "c0", "c1", "c2"]


def test_a_full_width_paragraph_parts_the_columns_above_from_those_below() -> None:
    lines = [
        *_column("a", 50, 290, 100, 3, block=1),
        *_column("b", 310, 550, 100, 3, block=2),
        _line("across the whole page it goes", 50, 150, 550, block=3),
        *_column("c", 50, 290, 180, 3, block=4),
        *_column("d", 310, 550, 180, 3, block=5),
    ]
    assert _names(lines) == ["a0", "a1", "a2", "b0", "b1", "b2", "across", "c0", "c1", "c2", "d0", "d1", "d2"]


def test_a_gap_across_both_columns_does_not_cut_them() -> None:
    lines = [
        *_column("a", 50, 290, 100, 2, block=1),
        *_column("b", 310, 550, 100, 2, block=2),
        *_column("a", 50, 290, 150, 2, block=3),
        *_column("b", 310, 550, 150, 2, block=4),
    ]
    assert _names(lines) == ["a0", "a1", "a0", "a1", "b0", "b1", "b0", "b1"]


def test_rows_of_authors_above_do_not_narrow_the_gutter_below() -> None:
    lines = [
        _line("left author of the paper here", 60, 60, 296, block=1),
        _line("right author of the paper here", 320, 60, 500, block=2),
        *_column("a", 50, 290, 100, 4, block=3),
        *_column("b", 302, 550, 100, 4, block=4),
    ]
    assert _names(lines)[:2] == ["left", "right"]
    assert _names(lines)[2:] == ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"]


def test_a_heading_between_columns_and_full_width_text_goes_with_the_text() -> None:
    lines = [
        *_column("a", 50, 290, 100, 3, block=1),
        *_column("b", 310, 550, 100, 3, block=2),
        _line("heading", 50, 160, 120, block=3),
        _line("full width text below its heading", 50, 176, 550, block=4),
    ]
    assert _names(lines)[-2:] == ["heading", "full"]


def test_a_bullet_belongs_to_its_text_and_a_label_to_its_value() -> None:
    lines = [
        _line("•", 50, 100, 54, block=1),
        _line("first point", 70, 100, 200, block=2),
        _line("Weight", 50, 130, 90, block=3),
        _line("12 kg", 300, 130, 330, block=3),
    ]
    assert [row.text for flow in flows(lines) for row in flow] == ["• first point", "Weight 12 kg"]


def test_a_stamp_along_the_margin_is_left_out_and_other_turned_text_comes_last() -> None:
    upright = [_line(f"text{n} of the page", 100, 100 + 12 * n, 500) for n in range(3)]
    stamp = Line((10, 200, 30, 600), "archive:1234 of 2020", 20, block=7, horizontal=False, angle=270)
    axis = Line((300, 300, 310, 380), "axis of the chart", 10, block=8, horizontal=False, angle=270)
    assert _names([stamp, axis, *upright]) == ["text0", "text1", "text2", "axis"]


def test_questions_are_read_with_their_short_answers() -> None:
    questions = [_line(f"question{n} of the form that is asked here", 50, 100 + 30 * n, 300, block=n) for n in range(4)]
    answers = [_line(f"yes{n}", 400, 100 + 30 * n, 420, block=10 + n) for n in (1, 3)]
    assert _names([*answers, *questions]) == ["question0", "question1", "yes1", "question2", "question3", "yes3"]
