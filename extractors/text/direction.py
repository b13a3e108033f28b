"""Pages that are not written from left to right, read as if they were.

One written from right to left is mirrored. Vertical Japanese or Chinese is turned, so that its columns, from right to
left, become rows from top to bottom.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from extractors.page import Line
from extractors.types import Box

MIN_SHARE = 0.5  # share of the letters that are written in another direction; names and formulas on the page are not
MAX_UPRIGHT = 3  # characters of a number that is set upright within a vertical line
MAX_READING_SIZE = 0.65  # of the text; kana this small beside it say how to read it

_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_KANA = re.compile(r"[\u3040-\u30ff\s]+")


def as_left_to_right(lines: Sequence[Line]) -> tuple[list[Line], Callable[[Box], Box]]:
    """Return the lines where they would be if written from left to right, and the way back for boxes."""
    if is_vertical(lines):
        size = median(line.size for line in lines)
        return [_turn(line) for line in lines if not _is_reading(line, size)], _turn_back
    if _is_right_to_left(lines):
        return [replace(line, box=_mirror(line.box)) for line in lines], _mirror
    return list(lines), lambda box: box


def is_vertical(lines: Sequence[Line]) -> bool:
    """Return True for a page whose lines run from top to bottom with upright characters."""
    return sum(len(line.text) for line in lines if line.vertical) > MIN_SHARE * sum(len(line.text) for line in lines)


def _is_reading(line: Line, size: float) -> bool:
    return line.vertical and line.size < MAX_READING_SIZE * size and bool(_KANA.fullmatch(line.text))


def _turn(line: Line) -> Line:
    x0, y0, x1, y1 = line.box
    is_level = line.vertical or (line.horizontal and len(line.text.strip()) <= MAX_UPRIGHT)
    return replace(line, box=(y0, -x1, y1, -x0), horizontal=is_level)


def _turn_back(box: Box) -> Box:
    return (-box[3], box[0], -box[1], box[2])


def _is_right_to_left(lines: Sequence[Line]) -> bool:
    text = "".join(line.text for line in lines)
    return len(_RIGHT_TO_LEFT.findall(text)) > MIN_SHARE * sum(map(str.isalpha, text))


def _mirror(box: Box) -> Box:
    return (-box[2], box[1], -box[0], box[3])
