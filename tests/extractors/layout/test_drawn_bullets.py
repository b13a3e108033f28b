"""Bullets that are drawn as shapes before the items of a list."""

from __future__ import annotations

from extractors.layout.drawn_bullets import drawn_bullets
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box


def _bullets(*marks: Box) -> list[Box]:
    lines = [Line((60, y, 260, y + 12), "An item of the list", 10) for y in (100, 130, 160)]
    drawings = tuple(Drawing(box, 4, True, False) for box in marks)
    return [line.box for line in drawn_bullets(PageLayout(1, 600, 800, tuple(lines), drawings=drawings), lines)]


def test_aligned_marks_before_lines_are_bullets() -> None:
    marks: list[Box] = [(48, 104, 52, 108), (48, 134, 52, 138)]
    assert _bullets(*marks) == marks


def test_single_marks_dots_and_boxes_are_none() -> None:
    assert _bullets((48, 104, 52, 108)) == []
    assert _bullets(*((x, y, x + 1, y + 1) for y in (105, 135) for x in range(30, 58, 3))) == []
    assert _bullets((30, 90, 58, 120), (30, 125, 58, 150)) == []
