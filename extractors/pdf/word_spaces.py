"""Spaces between words that are set so tightly that MuPDF takes the words for one.

MuPDF reports a space where letters are 0.15 font sizes apart. Titles and captions in a tight setting have narrower
spaces, and whole sentences arrive as one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

MIN_TIGHT_SPACE = 0.1  # font sizes between two words; letters of one word are closer, even in kerned pairs
_RUN_TOGETHER = re.compile(r"[^\W\d_]{22,}", re.ASCII)
"""Letters that are hardly one word: only the longest of compounds have as many."""


def read_blocks(page: Any, flags: int) -> list[dict[str, Any]]:
    """Return the text blocks of a `pymupdf.Page` as `get_text("dict")` does, with the spaces it misses.

    Single characters take twice as long to read, so only pages with a suspiciously long word are read that way.
    """
    blocks: list[dict[str, Any]] = page.get_text("dict", flags=flags)["blocks"]
    if not any(_RUN_TOGETHER.search(span["text"]) for span in _spans(blocks)):
        return blocks
    blocks = page.get_text("rawdict", flags=flags)["blocks"]
    for span in _spans(blocks):
        span["text"] = _spaced_text(span.pop("chars"), span["size"])
    return blocks


def _spans(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (span for block in blocks for line in block.get("lines", ()) for span in line["spans"])


def _spaced_text(characters: list[dict[str, Any]], size: float) -> str:
    """The text of a span; letterspaced print, where all gaps are wide, stays as it is."""
    gaps = [right["bbox"][0] - left["bbox"][2] for left, right in pairwise(characters)]
    min_gap = MIN_TIGHT_SPACE * size + max(0.0, median(gaps or [0.0]))
    text = characters[0]["c"] if characters else ""
    for gap, (left, right) in zip(gaps, pairwise(characters), strict=True):
        is_space = gap > min_gap and not (left["c"].isspace() or right["c"].isspace())
        text += f" {right['c']}" if is_space else right["c"]
    return text
