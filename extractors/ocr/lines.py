"""The words that OCR has found, as lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from extractors.geometry import height, merge_boxes, width
from extractors.ocr.engines import Word
from extractors.ocr.ruled_grids import RuledGrid
from extractors.page import Line
from extractors.scripts import SYLLABLES, UNSPACED
from extractors.types import Box

MAX_DOUBTFUL = 0.75  # confidence of a word below which it is marked as doubtful
MAX_WORD_GAP = 2  # white space between words of a line, in line heights; more separates table cells or columns
MIN_VERTICAL_LENGTH, MIN_VERTICAL_HEIGHT = 3, 1.5  # characters of a vertical line; height by width

_SYLLABLE = re.compile(rf"[{SYLLABLES}]")
_NO_SPACE = re.compile(rf"(?<=[{UNSPACED}]) (?=[{UNSPACED}])")


def make_lines(words: Iterable[Word], scale: float, grids: Sequence[RuledGrid] = ()) -> tuple[Line, ...]:
    """Return the lines, cut at wide gaps and at the upright rules of `grids`; words are `scale` times as large."""
    upright = [rule for grid in grids for rule in grid.upright]
    lines = []
    for group in (part for line in group_by_line(words) for part in _split_at_gaps(line, upright)):
        x0, y0, x1, y1 = (edge / scale for edge in merge_boxes(word.box for word in group))
        text = _NO_SPACE.sub("", " ".join(word.text for word in group))
        doubtful = tuple(text for word in group if word.confidence < MAX_DOUBTFUL for text in word.text.split())
        line = Line((x0, y0, x1, y1), text, y1 - y0, block=group[0].line[0], ocr=True, doubtful=doubtful)
        if all(map(is_vertical, group)):
            line = replace(line, size=x1 - x0, horizontal=False, angle=90, vertical=True)
        lines.append(line)
    return tuple(lines)


def _split_at_gaps(line: list[Word], upright: Sequence[Box]) -> list[list[Word]]:
    parts = [line[:1]]
    max_gap = MAX_WORD_GAP * max(height(word.box) for word in line)
    for before, word in pairwise(line):
        middles = [(box[0] + box[2]) / 2 for box in (before.box, word.box)]
        y = (word.box[1] + word.box[3]) / 2
        ruled = any(rule[1] < y < rule[3] and middles[0] < rule[0] < middles[1] for rule in upright)
        if ruled or word.box[0] - before.box[2] > max_gap:
            parts.append([])
        parts[-1].append(word)
    return parts


def group_by_line(words: Iterable[Word]) -> list[list[Word]]:
    lines: dict[tuple[int, ...], list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    return list(lines.values())


def is_vertical(word: Word) -> bool:
    """Return True for a line of Japanese or Chinese that runs from top to bottom; engines take it for a word."""
    is_tall = len(word.text) >= MIN_VERTICAL_LENGTH and height(word.box) > MIN_VERTICAL_HEIGHT * width(word.box)
    return is_tall and 2 * len(_SYLLABLE.findall(word.text)) > len(word.text)
