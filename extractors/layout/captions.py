"""Printed captions: which lines start one, how far it goes, and which label it has.

In: a `PageLayout`. Out: `Caption`s, without sentences that merely begin with "Figure 3".
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from extractors.geometry import height, merge_boxes
from extractors.layout.labels import LABEL, label_kind, normalise_label
from extractors.page import Line, PageLayout
from extractors.types import Box

CaptionKind = Literal["figure", "table"]

_VERB = re.compile(
    r"^(?:shows?|depicts?|illustrates?|presents?|gives?|displays?|plots?|lists?|compares?|summari[sz]es?|reports?|is|are|"
    r"was|were|has|have|can|in|and|or|of|to|for|on|the|that|which|below|above|we|zeigt|montre|muestra)\b"
)
"""What follows a number in a sentence rather than in a caption."""
_SEPARATOR = re.compile(r"\s*[.:|–—)\]]|\s+[-–—|]\s|\s{2,}|\s*$")
"""What follows a label in a caption."""

# When a line continues the paragraph above or beside it. Distances in multiples of the line's height unless noted.
_SAME_FONT_SIZE = 0.4  # points
_SAME_BASELINE, _MAX_WORD_GAP, _MAX_BLOCK_GAP = 0.4, 1.5, 0.5  # within one row; the last: from another text block
_MIN_GAP, _MAX_GAP = -0.5, 0.45  # to the line above: more is a new paragraph
_FULL_LINE, _MAX_OUTDENT = 2.0, 3.0  # text sizes: from the right edge, and left of the line above

# Which lines belong to a caption. Distances in multiples of the text size unless noted.
_MAX_LINES = 40  # a caption that long has run into the text
_ROW_BASELINE = 0.35  # between base lines within one row: a subscript stands no lower
_ROW_GAP, _GAP_AFTER_LABEL = 0.9, 2.5  # to the next piece of a row; a label alone stands off its text
_ROW_OVERLAP = 1.0  # points by which the pieces of a row may overlap
_MAX_ROW_DISTANCE = 1.9  # from the bottom of the caption so far to the middle of its next row
_ROW_TOLERANCE = 3.0  # points within which pieces are in one row
_CAPTION_SIZE_TOLERANCE = 0.6  # points: captions mix sizes no more than that
_MAX_LEADING = 1.35  # multiples of the distance between its first two lines
_FIRST_GAP = 0.7  # from the first line to one of another block, before the leading is known
_LEFT, _RIGHT, _RIGHT_OF_LABEL, _WIDER = 2.5, 4.0, 8.0, 4.0  # how far a line may reach out of the caption so far
_SHORT_LAST_LINE = 6.0  # a sentence that ends this far from the right edge ends the caption


@dataclass(frozen=True, slots=True)
class Caption:
    """A printed caption: `Figure 3: Growth by region.`"""

    kind: CaptionKind
    label: str  # normalised: `figure 3`, `figure s1`, `table 2.1`
    text: str  # the complete caption in one line, label included
    box: Box
    page: int
    lines: frozenset[int]  # indices of its lines in the page's layout


def find_captions(layout: PageLayout, skip: Collection[int] = (), tables: Sequence[Box] = ()) -> tuple[Caption, ...]:
    """The captions of one page, from top to bottom; lines with the indices `skip` are ignored.

    No caption reaches into the boxes of `tables`, unless it begins there.
    """
    lines = {i: one for i, one in enumerate(layout.lines) if one.visible and one.horizontal and i not in skip}
    starts = [i for i, line in lines.items() if _starts_caption(line, lines.values())]
    taken: set[int] = set()
    captions = []
    for start in starts:
        if start not in taken:
            others = [table for table in tables if not lines[start].belongs_to(table)]
            cells = (i for i, line in lines.items() if any(map(line.belongs_to, others)))
            members = _members(start, lines, taken.union(starts, cells))
            taken.update(members)
            captions.append(_caption(members, layout))
    return tuple(sorted(captions, key=lambda caption: (caption.box[1], caption.box[0])))


def _caption(members: list[int], layout: PageLayout) -> Caption:
    lines = [layout.lines[i] for i in members]
    text = lines_text(line.text for line in lines)
    match = LABEL.match(text)
    kind: CaptionKind = "table" if match and label_kind(match) == "table" else "figure"
    label = normalise_label(match) if match else ""
    return Caption(kind, label, text, merge_boxes(line.box for line in lines), layout.number, frozenset(members))


def lines_text(texts: Iterable[str]) -> str:
    """Lines as one text. Words broken by a hyphen stay so until the words of the document are known."""
    return " ".join(" ".join(texts).split()).replace("\u00ad ", "")


def begins_caption(text: str, *, set_apart: bool = False) -> bool:
    """Return True for a line or paragraph that begins with a label as captions do, unlike "Figure 3 shows".

    `set_apart`: the label is printed in bold or capitals.
    """
    match = LABEL.match(text)
    if not match or match["word"][0].islower():
        return False
    rest = text[match.end() :]
    words = rest.strip(" .:|–—-)")
    in_sentence = rest.startswith(",") or (words[:1].islower() and not _SEPARATOR.match(rest))
    return set_apart or not (_VERB.match(words) or in_sentence)


def is_bare_label(text: str) -> bool:
    """Whether a caption is nothing but its number."""
    return bool(LABEL.fullmatch(text.strip(" .:|")))


def _starts_caption(line: Line, lines: Collection[Line]) -> bool:
    match = LABEL.match(line.text)
    if not match:
        return False
    set_apart = line.lead >= match.end() - 1 or line.bold or match["word"].isupper()
    if not begins_caption(line.text, set_apart=set_apart):
        return False
    return not any(_continues_paragraph(line, other, set_apart) for other in lines if other is not line)


def _continues_paragraph(line: Line, other: Line, set_apart: bool) -> bool:
    """Whether `other` is the part of a sentence that happens to break before "Figure 3"."""
    if abs(other.size - line.size) > _SAME_FONT_SIZE:
        return False
    line_height = height(line.box)
    same_row = abs(other.box[3] - line.box[3]) < _SAME_BASELINE * line_height
    same_block = line.block == other.block
    max_gap = _MAX_WORD_GAP if same_block else _MAX_BLOCK_GAP
    if same_row and 0 <= line.box[0] - other.box[2] < max_gap * line_height:
        return True
    is_above = _MIN_GAP * line_height < line.box[1] - other.box[3] < _MAX_GAP * line_height
    if not is_above or other.box[2] < line.box[0] or other.box[0] > line.box[2]:
        return False
    # A paragraph's last line seldom reaches the right edge; a caption's label is often bold.
    full = other.box[2] > line.box[2] - _FULL_LINE * line.size
    full = full or (same_block and other.text.rstrip()[-1:].isalnum())
    return full and other.box[0] - line.box[0] < _MAX_OUTDENT * line.size and (other.bold or not set_apart)


def _members(start: int, lines: Mapping[int, Line], stops: Collection[int]) -> list[int]:
    """Indices of the lines of the caption that begins at `start`, in reading order."""
    members = _row(start, lines, stops)
    leading: float | None = None
    while len(members) < _MAX_LINES:
        below = _next_row(members, lines, stops, leading)
        if not below:
            break
        if leading is None:
            leading = lines[below[0]].box[3] - lines[start].box[3]
        members += below
    return members


def _row(start: int, lines: Mapping[int, Line], stops: Collection[int]) -> list[int]:
    """`start` and the lines that follow it closely on its base line: a label is often a line of its own."""
    row, first = [start], lines[start]
    for index in sorted(lines, key=lambda i: lines[i].box[0]):
        line, last = lines[index], lines[row[-1]]
        max_gap = _GAP_AFTER_LABEL if is_bare_label(last.text) else _ROW_GAP
        level = abs(line.box[3] - first.box[3]) < _ROW_BASELINE * first.size
        follows = -_ROW_OVERLAP < line.box[0] - last.box[2] < max_gap * first.size
        if level and follows and index not in row and index not in stops:
            row.append(index)
    return row


def _next_row(
    members: list[int], lines: Mapping[int, Line], stops: Collection[int], leading: float | None
) -> list[int]:
    """The row right below the caption so far, if it still belongs to it."""
    left, _, right, bottom = merge_boxes(lines[i].box for i in members)
    size = lines[members[-1]].size
    below = [
        i
        for i, line in lines.items()
        if i not in members
        and bottom - _ROW_BASELINE * size < (line.box[1] + line.box[3]) / 2 < bottom + _MAX_ROW_DISTANCE * size
        and line.box[0] < right
        and line.box[2] > left
    ]
    if not below:
        return []
    first = min(below, key=lambda i: (round(lines[i].box[3] / _ROW_TOLERANCE), lines[i].box[0]))
    if first in stops or not _continues_caption([lines[i] for i in members], lines[first], leading):
        return []
    return [i for i in _row(first, lines, stops) if i not in members]


def _continues_caption(caption: list[Line], line: Line, leading: float | None) -> bool:
    last, size = caption[-1], line.size
    left, _, right, _ = merge_boxes(one.box for one in caption)
    if min(abs(size - one.size) for one in caption) > _CAPTION_SIZE_TOLERANCE:
        return False
    if line.block != last.block:
        # After a short last line that ends a sentence, another block is a new paragraph.
        ended = last.text.rstrip().endswith((".", "?", "!")) and last.box[2] < right - _SHORT_LAST_LINE * last.size
        if leading is None:
            too_far = line.box[1] - last.box[3] > _FIRST_GAP * last.size
        else:
            too_far = line.box[3] - last.box[3] > _MAX_LEADING * leading
        if ended or too_far:
            return False
    # A line that starts far left or right of the caption, or is far wider, is other text.
    rightmost = max(left + _RIGHT * size, caption[0].box[0] + _RIGHT_OF_LABEL * size)
    if not left - _LEFT * size <= line.box[0] <= rightmost:
        return False
    return len(caption) == 1 or line.box[2] <= right + _WIDER * size
