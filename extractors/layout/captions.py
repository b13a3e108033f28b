"""Captions of a page: told apart from sentences that begin alike, read in full, labelled."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from extractors.geometry import merge_boxes
from extractors.layout import labels
from extractors.page import Line, PageLayout
from extractors.types import Box

CaptionKind = Literal["figure", "table"]

_MOST_LINES = 40
_VERB = re.compile(
    r"^(?:shows?|depicts?|illustrates?|presents?|gives?|displays?|plots?|lists?|compares?|summari[sz]es?|reports?|is|are|"
    r"was|were|has|have|can|in|and|or|of|to|for|on|the|that|which|below|above|we|zeigt|montre|muestra)\b"
)
"""What follows a number in a sentence rather than in a caption."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A printed caption: `Figure 3: Growth by region.`"""

    kind: CaptionKind
    label: str
    """Normalised: `figure 3`, `figure s1`, `table 2.1`; empty for a heading above a chart."""
    text: str
    """In full, label included, lines joined."""
    box: Box
    page: int
    lines: frozenset[int]
    """Indices of its lines in the page's layout."""


def label_of(text: str) -> str:
    """The normalised label that a caption starts with: `Fig. 3. Growth` -> `figure 3`; empty when it has none."""
    match = labels.LABEL.match(text.lstrip())
    return labels.normalise_label(match) if match else ""


def find_captions(layout: PageLayout, skip: frozenset[int] = frozenset()) -> tuple[Caption, ...]:
    """The captions of one page, top to bottom; lines in `skip` (running headers) are passed over."""
    usable = [i for i, line in enumerate(layout.lines) if i not in skip and line.visible]
    starts = [i for i in usable if _starts(layout, i, usable)]
    taken: set[int] = set()
    captions = []
    for start in starts:
        if start in taken:
            continue
        members = _members(layout, start, usable, frozenset(starts) | taken)
        taken.update(members)
        captions.append(_caption(layout, members))
    return tuple(sorted(captions, key=lambda caption: (caption.box[1], caption.box[0])))


def _caption(layout: PageLayout, members: list[int]) -> Caption:
    lines = [layout.lines[i] for i in members]
    text = join_lines(line.text for line in lines)
    match = labels.LABEL.match(text)
    kind: CaptionKind = "table" if match and labels.label_kind(match) == "table" else "figure"
    label = labels.normalise_label(match) if match else ""
    return Caption(kind, label, text, merge_boxes([line.box for line in lines]), layout.number, frozenset(members))


def join_lines(texts: Iterable[str]) -> str:
    """Lines as one text; a word broken at a line's end is mended."""
    whole = " ".join(text.strip() for text in texts)
    return re.sub(r"(?<=[a-zà-ÿ])[-\u00ad] (?=[a-zà-ÿ])", "", re.sub(r"\s+", " ", whole)).strip()


# --- where a caption starts ---------------------------------------------------------------------------------------


def _starts(layout: PageLayout, index: int, usable: list[int]) -> bool:
    """Whether a caption starts with this line."""
    line = layout.lines[index]
    match = labels.LABEL.match(line.text)
    if not match or not line.horizontal or match["word"][0].islower():
        return False
    rest = line.text[match.end() :]
    marked = bool(re.match(r"\s*[.:|–—)\]]|\s+[-–—|]\s|\s{2,}", rest)) or not rest.strip()
    set_apart = line.lead >= match.end() - 1 or line.bold or match["word"].isupper()
    words = rest.strip(" .:|–—-)")
    if not set_apart and _VERB.match(words):
        return False
    if not marked and not set_apart and words[:1].islower():
        return False
    return not _inside_paragraph(layout, index, usable, set_apart)


def _inside_paragraph(layout: PageLayout, index: int, usable: list[int], set_apart: bool) -> bool:
    """Whether the line only goes on with a paragraph: a sentence of it happens to break before "Figure 3"."""
    line = layout.lines[index]
    height = line.box[3] - line.box[1]
    for other_index in usable:
        other = layout.lines[other_index]
        if other_index == index or not other.horizontal or abs(other.size - line.size) > 0.4:
            continue
        beside = abs(other.box[3] - line.box[3]) < 0.4 * height and 0 <= line.box[0] - other.box[2] < 1.5 * height
        if beside:
            return True
        gap = line.box[1] - other.box[3]
        above = -0.5 * height < gap < 0.45 * height and other.box[3] < line.box[3] - 0.5 * height
        if not above or other.box[2] < line.box[0] or other.box[0] > line.box[2]:
            continue
        # A paragraph's last line seldom reaches the right edge; a caption's label is often bold.
        full = other.box[2] > line.box[2] - 2 * line.size or other.text.rstrip()[-1:].isalnum()
        if full and other.box[0] - line.box[0] < 3 * line.size and not (set_apart and not other.bold):
            return True
    return False


# --- how far it goes ----------------------------------------------------------------------------------------------


def _members(layout: PageLayout, start: int, usable: list[int], stops: frozenset[int]) -> list[int]:
    """Indices of the lines of the caption that begins at `start`, in reading order."""
    members = _row(layout, start, usable, stops)
    leading: float | None = None
    while len(members) < _MOST_LINES:
        box = merge_boxes([layout.lines[i].box for i in members])
        below = _next_row(layout, members, box, usable, stops, leading)
        if not below:
            break
        if leading is None:
            leading = layout.lines[below[0]].box[3] - layout.lines[start].box[3]
        members = [*members, *below]
    return members


def _row(layout: PageLayout, start: int, usable: list[int], stops: frozenset[int]) -> list[int]:
    """`start` and what stands on its base line close to the right: a label is often a line of its own."""
    row = [start]
    first = layout.lines[start]
    for index in sorted(usable, key=lambda i: layout.lines[i].box[0]):
        line, end = layout.lines[index], layout.lines[row[-1]].box[2]
        level = abs(line.box[3] - first.box[3]) < 0.35 * first.size and line.horizontal
        space = 2.5 if labels.LABEL.fullmatch(layout.lines[row[-1]].text.strip(" .:|")) else 0.9
        if level and index not in row and index not in stops and -1 < line.box[0] - end < space * first.size:
            row.append(index)
    return row


def _next_row(
    layout: PageLayout, members: list[int], box: Box, usable: list[int], stops: frozenset[int], leading: float | None
) -> list[int]:
    """The row right below the caption so far, when it still belongs to it."""
    last = layout.lines[members[-1]]
    bottom = max(layout.lines[i].box[3] for i in members)
    candidates = [
        i
        for i in usable
        if i not in members
        and layout.lines[i].horizontal
        and bottom - 0.35 * last.size < (layout.lines[i].box[1] + layout.lines[i].box[3]) / 2 < bottom + 1.9 * last.size
        and layout.lines[i].box[0] < box[2]
        and layout.lines[i].box[2] > box[0]
    ]
    if not candidates:
        return []
    first = min(candidates, key=lambda i: (round(layout.lines[i].box[3] / 3), layout.lines[i].box[0]))
    if first in stops or not _goes_on(layout, members, layout.lines[first], box, leading):
        return []
    return [i for i in _row(layout, first, usable, stops) if i not in members]


def _goes_on(layout: PageLayout, members: list[int], line: Line, box: Box, leading: float | None) -> bool:
    first, last = layout.lines[members[0]], layout.lines[members[-1]]
    if min(abs(line.size - layout.lines[i].size) for i in members) > 0.6:
        return False
    step = line.box[3] - last.box[3]
    if leading is not None and step > 1.35 * leading and line.block != last.block:
        return False
    if leading is None and line.block != last.block and line.box[1] - last.box[3] > 0.7 * last.size:
        return False
    # A line that starts far left or right of the caption, or is far wider, is other text.
    if line.box[0] < box[0] - 2.5 * line.size or line.box[0] > max(
        box[0] + 4 * line.size, first.box[0] + 8 * line.size
    ):
        return False
    if len(members) > 1 and line.box[2] > box[2] + 4 * line.size:
        return False
    # After a short last line that ends a sentence, text of another block is a new paragraph.
    ended = last.text.rstrip().endswith((".", "?", "!")) and last.box[2] < box[2] - 6 * last.size
    return not (ended and line.block != last.block)
