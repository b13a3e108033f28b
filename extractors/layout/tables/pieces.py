"""Lines of text that hold several cells of a table, cut into these: at runs of blanks, and between numbers.

Programs that write tables as text set columns by blanks and leaders, and rules by dashes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from extractors.layout.text_blocks import is_monospaced
from extractors.page import Line, middle
from extractors.types import Box

_MIN_BLANKS, _MIN_BLANKS_IN_TEXT_TABLE = 3, 2  # between two cells; the second in a monospaced font
_NARROW, _NARROW_WIDTH = " .,:;'|ilI()[]", 0.5  # characters, and their width by that of others

_RULE = re.compile(r"[-–—_=+ ]{8,}")
_LEADER = re.compile(r"\s*(?:\.\s?){4,}$")
_NUMBERS = re.compile(
    r"\(?\d{1,3}(?:,\d{3})+\)?(?: \(?\d{1,3}(?:,\d{3})+\)?)+|[-−–]?\d+\.\d+(?: [-−–]?\d+\.\d+)+"
    r"|(?:19|20)\d\d(?: (?:19|20)\d\d)+"
)
"""Several numbers that cannot be one: each with thousands or a fraction, or a year."""


def cut_lines(lines: Iterable[Line]) -> tuple[list[Line], list[Box]]:
    """The lines, each in its cells, and the rules that are written as dashes."""
    cut: list[Line] = []
    rules: list[Box] = []
    for line in lines:
        if _RULE.fullmatch(line.text):
            rules.append((line.box[0], middle(line), line.box[2], middle(line)))
        elif "  " in line.text:
            blanks = _MIN_BLANKS_IN_TEXT_TABLE if is_monospaced(line.font) else _MIN_BLANKS
            cut += _cut(line, [match.span() for match in re.finditer(rf"\s{{{blanks},}}", line.text)])
        elif _NUMBERS.fullmatch(line.text):
            cut += _cut(line, [match.span() for match in re.finditer(" ", line.text)])
        else:
            cut.append(line)
    return cut, rules


def cut_at_rules(lines: Iterable[Line], rules: Sequence[Box]) -> list[Line]:
    """The lines, cut at the blanks that are nearest to the upright `rules` that cross them."""
    cut: list[Line] = []
    for line in lines:
        y = middle(line)
        left, right = line.box[0] + line.size, line.box[2] - line.size
        crossing = [x0 for x0, y0, _, y1 in rules if y0 < y < y1 and left < x0 < right]
        blanks = [match.span() for match in re.finditer(r"\s+", line.text)] if crossing else []
        places = _places(line) if blanks else []
        middles = [((places[start] + places[end]) / 2, (start, end)) for start, end in blanks]
        nearest = {min(middles, key=lambda place: abs(place[0] - x))[1] for x in crossing if middles}
        cut += _cut(line, sorted(nearest))
    return cut


def _cut(line: Line, blanks: Sequence[tuple[int, int]]) -> list[Line]:
    """The pieces of a line between some of its `blanks`; the width of characters is estimated."""
    if not blanks:
        return [line]
    places = _places(line)
    starts, ends = [0, *(end for _, end in blanks)], [*(start for start, _ in blanks), len(line.text)]
    pieces = []
    for start, end in zip(starts, ends, strict=True):
        if text := _LEADER.sub("", line.text[start:end]):
            box = (places[start], line.box[1], places[start + len(text)], line.box[3])
            pieces.append(replace(line, text=text, box=box))
    return pieces


def _places(line: Line) -> list[float]:
    """The x before every character, and after the last."""
    monospaced = is_monospaced(line.font)
    widths = [_NARROW_WIDTH if not monospaced and character in _NARROW else 1.0 for character in line.text]
    scale = (line.box[2] - line.box[0]) / sum(widths)
    return [line.box[0] + scale * width for width in accumulate(widths, initial=0.0)]
