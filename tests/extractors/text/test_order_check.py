"""Pages whose reading order is uncertain."""

from __future__ import annotations

from extractors.page import Line
from extractors.text.order_check import is_order_uncertain
from extractors.text.paragraphs import Paragraph


def test_order_is_uncertain_where_layout_and_file_differ() -> None:
    boxes = [(50.0, 20.0 * n, 300.0, 20.0 * n + 12) for n in range(12)]
    paragraphs = [Paragraph((f"Paragraph {n}.",), 1, box, 10) for n, box in enumerate(boxes)]
    lines = [Line(box, "Text.", 10) for box in boxes]
    assert not is_order_uncertain(paragraphs, lines)
    assert not is_order_uncertain(paragraphs, [*lines[6:], *lines[:6]])
    assert is_order_uncertain(paragraphs, lines[::-1])
