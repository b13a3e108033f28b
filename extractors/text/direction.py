"""Pages written from right to left are read as their mirror image, in which columns and lines run to the right."""

import re
from collections.abc import Sequence
from dataclasses import replace

from extractors.page import Line
from extractors.types import Box

MIN_SHARE = 0.5  # share of the letters that are Hebrew or Arabic; names and formulas on such pages are not

_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


def is_right_to_left(lines: Sequence[Line]) -> bool:
    """Return True for a page of Hebrew, Arabic, or another script that is written from right to left."""
    text = "".join(line.text for line in lines)
    return len(_RIGHT_TO_LEFT.findall(text)) > MIN_SHARE * sum(map(str.isalpha, text))


def mirror_lines(lines: Sequence[Line]) -> list[Line]:
    return [replace(line, box=mirror_box(line.box)) for line in lines]


def mirror_box(box: Box) -> Box:
    """Return the box with left and right exchanged, around x = 0."""
    return (-box[2], box[1], -box[0], box[3])
