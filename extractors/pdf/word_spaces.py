"""Spaces between words that are set so tightly that MuPDF takes the words for one.

MuPDF reports a space where letters are 0.15 font sizes apart. Titles and captions in a tight setting have narrower
spaces, and whole sentences arrive as one word. Narrow spaces also stand between numbers and their units.
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
_UNIT = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?!st|nd|rd|th)[^\W\d_]{2}")
"""A number and a word, perhaps its unit."""


def read_blocks(page: Any, flags: int) -> list[dict[str, Any]]:
    """Return the text blocks of a `pymupdf.Page` as `get_text("dict")` does, with the spaces it misses.

    Single characters take twice as long to read, so only pages with a suspicious word are read that way.
    """
    blocks: list[dict[str, Any]] = page.get_text("dict", flags=flags)["blocks"]
    is_tight = any(_RUN_TOGETHER.search(span["text"]) for span in _spans(blocks))
    if not is_tight and not any(_UNIT.search(span["text"]) for span in _spans(blocks)):
        return blocks
    blocks = page.get_text("rawdict", flags=flags)["blocks"]
    for span in _spans(blocks):
        span["text"] = _spaced_text(span.pop("chars"), span["size"], only_units=not is_tight)
    return blocks


def _spans(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (span for block in blocks for line in block.get("lines", ()) for span in line["spans"])


def _spaced_text(characters: list[dict[str, Any]], size: float, *, only_units: bool) -> str:
    """The text of a span; letterspaced print, where all gaps are wide, stays as it is."""
    gaps = [right["bbox"][0] - left["bbox"][2] for left, right in pairwise(characters)]
    min_gap = MIN_TIGHT_SPACE * size + max(0.0, median(gaps or [0.0]))
    text = characters[0]["c"] if characters else ""
    for gap, (left, right) in zip(gaps, pairwise(characters), strict=True):
        may_be_space = not (left["c"].isspace() or right["c"].isspace())
        if only_units:
            may_be_space = left["c"].isdigit() and right["c"].isalpha()
        is_space = gap > min_gap and may_be_space
        text += f" {right['c']}" if is_space else right["c"]
    return text
