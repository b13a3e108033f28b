"""Rows: the pieces of text on one base line that are read as one line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from extractors.geometry import merge_boxes, vertical_overlap
from extractors.page import Line
from extractors.types import Box

MIN_GUTTER = 0.9  # width of the white space between columns, in font sizes; the spaces of justified text are narrower
MIN_SAME_LINE_OVERLAP = 0.6  # share of the lower box's height that two boxes on one line have in common
MIN_PROSE_LENGTH = 20  # characters of running text; shorter pieces on one line belong together, however far apart
MIN_BULLET_GAP = 0.5  # white space behind a bullet, in font sizes; that behind a word is narrower
MAX_MARKER_DISTANCE = 4  # white space between a bullet and its text, in font sizes
MIN_ALIGNED_ENDS, MAX_END_DISTANCE = 3, 2  # rows that end within so many points of the number of a formula

_MARKER = re.compile(r"[o•●○◦▪■□►▶➢➤❖✓✔·∙–—*-]|\(?(\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces of text that are read as one line."""

    box: Box
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """The pieces with spaces; word processors print the bullet ○ as the letter o of another font."""
        texts = [line.text.strip() for line in self.lines]
        if (
            texts[0] == "o"
            and len(texts) > 1
            and self.lines[1].box[0] - self.lines[0].box[2] > MIN_BULLET_GAP * self.lines[0].size
        ):
            texts[0] = "○"
        return " ".join(texts)

    @property
    def main_line(self) -> Line:
        """The longest line, which gives the row its style: a bullet has a font of its own."""
        return self.lines[0] if len(self.lines) == 1 else max(self.lines, key=lambda line: len(line.text))


_Boxed = TypeVar("_Boxed", Line, Row)


def join_into_rows(lines: Sequence[Line]) -> list[Row]:
    """Join pieces on one base line: a bullet and its text, a label and its value."""
    rows: list[list[Line]] = []
    for block in by_block(lines):
        row: list[Line] = []
        for line in (line for level in group_by_height(block) for line in level):
            if row and _continues_row(row[-1], line, block):
                row.append(line)
            else:
                row = [line]
                rows.append(row)
    return _join_markers([make_row(row) for row in rows])


def group_by_height(items: Sequence[_Boxed]) -> list[list[_Boxed]]:
    """Return items from top to bottom, those on one line together, from left to right."""
    levels: list[list[_Boxed]] = []
    for item in sorted(items, key=lambda item: (item.box[1] + item.box[3]) / 2):
        if levels and on_one_line(levels[-1][0].box, item.box):
            levels[-1].append(item)
        else:
            levels.append([item])
    return [sorted(level, key=lambda item: item.box[0]) for level in levels]


def by_block(lines: Sequence[Line]) -> list[list[Line]]:
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    return list(blocks.values())


def make_row(lines: Sequence[Line]) -> Row:
    return Row(merge_boxes(line.box for line in lines), tuple(lines))


def on_one_line(a: Box, b: Box) -> bool:
    return vertical_overlap(a, b) > MIN_SAME_LINE_OVERLAP


def _continues_row(left: Line, right: Line, block: Sequence[Line]) -> bool:
    gap = right.box[0] - left.box[2]
    if not on_one_line(left.box, right.box) or gap < -left.size:
        return False
    if gap < MIN_GUTTER * left.size or min(len(left.text), len(right.text)) < MIN_PROSE_LENGTH:
        return True
    # Files that draw two columns line by line put both into one block; only prose runs across the white space.
    return any(line.box[0] < left.box[2] and line.box[2] > right.box[0] for line in block)


def _join_markers(rows: list[Row]) -> list[Row]:
    """Join separate bullets and numbers to the text on their right."""
    marker_of: dict[int, Row] = {}
    moved = set()
    for marker in rows:
        if not _MARKER.fullmatch(marker.text.strip()) or _numbers_formula(marker, rows):
            continue
        reach = marker.box[2] + MAX_MARKER_DISTANCE * marker.main_line.size
        right = (row for row in rows if row is not marker and marker.box[2] - 2 <= row.box[0] <= reach)
        if near := [row for row in right if on_one_line(marker.box, row.box)]:
            marker_of[id(min(near, key=lambda row: row.box[0]))] = marker
            moved.add(id(marker))
    return [
        make_row(marker_of[id(row)].lines + row.lines) if id(row) in marker_of else row
        for row in rows
        if id(row) in marker_of or id(row) not in moved
    ]


def _numbers_formula(marker: Row, rows: Sequence[Row]) -> bool:
    """Return True for the number of a formula, which stands at the right edge of its column, beside the next one."""
    ends = sum(abs(row.box[2] - marker.box[2]) < MAX_END_DISTANCE for row in rows if len(row.text) > MIN_PROSE_LENGTH)
    return ends >= MIN_ALIGNED_ENDS
