"""Rows of text, and the paragraphs that are read from them."""

from __future__ import annotations

from extractors.page import Line
from extractors.text.paragraphs import build_paragraphs
from extractors.text.reading_order import order_rows

FULL_LINE = "words that go on until the right edge of the column"


def paragraphs_of(*rows: tuple[str, float, float]) -> list[tuple[str, ...]]:
    """The lines of each paragraph; rows are (text, x0, y0) in 10 points, up to x = 300 unless they are short."""
    lines = [
        Line((x0, y0, min(300.0, x0 + 6 * len(text)), y0 + 10), text, 10, block=n // 50)
        for n, (text, x0, y0) in enumerate(rows)
    ]
    return [paragraph.lines for paragraph in build_paragraphs(order_rows(lines), 1)]
