"""Spaces between words as they were set: those that MuPDF misses, and those it sees between the letters of one.

MuPDF reports a space where letters are 0.15 font sizes apart. Titles and captions in a tight setting have narrower
spaces, and whole sentences arrive as one word. Narrow spaces also stand between numbers and their units. Letterspaced
capitals are farther apart, and "FIGURE 3" arrives as "FI G U R E 3".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

from extractors.pdf.ligatures import MAY_BE_LOST, find_ligatures, restore_ligatures

MIN_TIGHT_SPACE = 0.1  # font sizes between two words; letters of one word are closer, even in kerned pairs
_RUN_TOGETHER = re.compile(r"[^\W\d_]{22,}", re.ASCII)
"""Letters that are hardly one word: only the longest of compounds have as many."""
_UNIT = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?!st|nd|rd|th)[^\W\d_]{2}")
"""A number and a word, perhaps its unit."""

_LETTERSPACED = re.compile(r"(?<!\S)(?:[^\W\d_a-z]{1,2} ){2,}[^\W\d_a-z]{1,2}(?!\S)")
"""Capitals that may be those of one word."""
_LETTERS = re.compile(r"(?<![^\W\d_])[^\W\d_a-z]{1,2}(?:\0[^\W\d_a-z]{1,2}){2,}(?![^\W\d_])")
"""The same, with NUL for a space that MuPDF inferred from a gap."""
MAX_LETTER_SPACE = 0.28  # font sizes; words are about as far apart or farther
_WIDER = 1.5  # gap between words by that between letters
_MIN_SINGLE = 0.3  # share of single letters between such spaces; where letters are kerned, two may stay together


def read_blocks(page: Any, flags: int) -> list[dict[str, Any]]:
    """Return the text blocks of a `pymupdf.Page` as `get_text("dict")` does, with the spaces between its words.

    Single characters take twice as long to read, so only pages with a suspicious word are read that way.
    """
    blocks: list[dict[str, Any]] = page.get_text("dict", flags=flags)["blocks"]
    texts = [span["text"] for span in spans_of(blocks)]
    is_tight = any(map(_RUN_TOGETHER.search, texts))
    ligatures = find_ligatures(page) if any(map(MAY_BE_LOST.search, texts)) else {}
    if not is_tight and not ligatures and not any(_UNIT.search(text) or _LETTERSPACED.search(text) for text in texts):
        return blocks
    blocks = page.get_text("rawdict", flags=flags)["blocks"]
    for span in spans_of(blocks):
        characters = _without_letter_spaces(span.pop("chars"), span["size"])
        if span["font"] in ligatures:
            characters = restore_ligatures(characters, ligatures[span["font"]], span["size"])
        span["text"] = _spaced_text(characters, span["size"], only_units=not is_tight)
    return blocks


def spans_of(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (span for block in blocks for line in block.get("lines", ()) for span in line["spans"])


def _without_letter_spaces(characters: list[dict[str, Any]], size: float) -> list[dict[str, Any]]:
    """The characters of a span without the spaces between the letters of letterspaced words."""
    text = "".join("\0" if c["c"] == " " and c.get("synthetic") else c["c"] for c in characters)
    dropped: set[int] = set()
    for match in _LETTERS.finditer(text):
        pieces = match[0].split("\0")
        spaces = [n for n in range(*match.span()) if text[n] == "\0"]
        gaps = [_gap(characters[n - 1], characters[n + 1]) for n in spaces]
        letter_gap = min(gaps)
        if letter_gap < MAX_LETTER_SPACE * size and sum(len(p) == 1 for p in pieces) >= _MIN_SINGLE * len(pieces):
            dropped |= {n for n, gap in zip(spaces, gaps, strict=True) if gap < _WIDER * letter_gap}
    return [c for n, c in enumerate(characters) if n not in dropped]


def _gap(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Points between two characters, in whichever direction the text runs."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one["bbox"], other["bbox"]
    return float(max(bx0 - ax1, ax0 - bx1, by0 - ay1, ay0 - by1))


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
