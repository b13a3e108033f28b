"""Reading order: the lines of a page into flows, each one column read from top to bottom.

White space decides: a gutter that is free over a whole region splits it into columns; bands between gaps that
share a gutter are one region, so that an accidental gap across both columns does not cut them. Pure geometry.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from extractors.geometry import merge_boxes
from extractors.page import Line
from extractors.types import Box

Interval = tuple[float, float]

_MARKER = re.compile(r"[•●○◦▪■□►▶➢➤❖✓✔·∙–—*-]|\(?(\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces of text that are read as one line."""

    box: Box
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return " ".join(line.text.strip() for line in self.lines)

    @property
    def first(self) -> Line:
        """The line that gives the row its style: the longest, as a bullet has a font of its own."""
        return max(self.lines, key=lambda line: len(line.text))


def flows(lines: Sequence[Line]) -> list[list[Row]]:
    """`lines` in reading order. Text that runs up or down comes last; in the outer margins it is left out."""
    lines = [line for line in lines if line.text.strip()]
    upright = [line for line in lines if line.horizontal]
    aslant = [line for line in lines if not line.horizontal]
    if sum(len(line.text) for line in aslant) > sum(len(line.text) for line in upright):
        return _in_file_order(lines)
    ordered = _cut(_rows(upright)) if upright else []
    return ordered + _in_file_order([line for line in aslant if not _in_margin(line, upright)])


def _in_margin(line: Line, upright: Sequence[Line]) -> bool:
    """Text that runs along the edge of the paper beside all the rest: an archive's stamp, a download notice."""
    left, _, right, _ = merge_boxes([other.box for other in upright])
    return line.box[2] < left or line.box[0] > right


def _in_file_order(lines: Sequence[Line]) -> list[list[Row]]:
    blocks: dict[int, list[Row]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(Row(line.box, (line,)))
    return list(blocks.values())


def _rows(lines: Sequence[Line]) -> list[Row]:
    """Lines, with pieces on one base line joined: a bullet and its text, a label and its value."""
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    rows: list[list[Line]] = []
    for block in blocks.values():
        latest: list[Line] | None = None
        for line in sorted(block, key=lambda line: (round(line.box[3]), line.box[0])):
            if latest and _continues(latest[-1], line, block):
                latest.append(line)
            else:
                latest = [line]
                rows.append(latest)
    return _with_markers([Row(merge_boxes([line.box for line in row]), tuple(row)) for row in rows])


def _level(a: Box, b: Box) -> bool:
    """True when two boxes stand on one line."""
    shared = min(a[3], b[3]) - max(a[1], b[1])
    return shared > 0.6 * min(a[3] - a[1], b[3] - b[1])


def _continues(left: Line, right: Line, block: Sequence[Line]) -> bool:
    """Whether `right` goes on with the row that ends with `left`."""
    gap = right.box[0] - left.box[2]
    if not _level(left.box, right.box) or gap < -left.size:
        return False
    if gap < 0.9 * left.size or min(len(left.text), len(right.text)) < 20:
        return True
    # Files that draw two columns line by line put both into one block; only prose runs across the white space.
    return any(line.box[0] < left.box[2] and line.box[2] > right.box[0] for line in block)


def _with_markers(rows: list[Row]) -> list[Row]:
    """Bullets and numbers that stand alone, joined to the text on their right."""
    markers = [row for row in rows if _MARKER.fullmatch(row.text.strip())]
    if not markers:
        return rows
    taken: dict[int, Row] = {}
    alone = []
    for marker in markers:
        reach = marker.box[2] + 4 * marker.first.size
        near = [
            row
            for row in rows
            if row is not marker and _level(marker.box, row.box) and marker.box[2] - 2 <= row.box[0] <= reach
        ]
        if near:
            taken[id(min(near, key=lambda row: row.box[0]))] = marker
        else:
            alone.append(id(marker))
    joined = []
    for row in rows:
        if marker_of := taken.get(id(row)):
            joined.append(Row(merge_boxes([marker_of.box, row.box]), marker_of.lines + row.lines))
        elif id(row) in alone or not any(row is marker for marker in markers):
            joined.append(row)
    return joined


def _cut(rows: list[Row]) -> list[list[Row]]:
    """Columns where a gutter is free over the whole region, else bands from top to bottom, else one flow."""
    if len(rows) == 1:
        return [rows]
    gap = 0.9 * median(row.first.size for row in rows)
    columns = _columns(rows, gap)
    if len(columns) > 1:
        return [flow for column in columns for flow in _cut(column)]
    regions = _regions(rows, gap)
    if len(regions) == 1:
        return [_downwards(rows)]
    ordered: list[list[Row]] = []
    plain = False
    for region in regions:
        inner = _cut(region)
        # Regions of one column that follow each other are one flow: a paragraph may go on from one to the next.
        if plain and len(inner) == 1:
            ordered[-1].extend(inner[0])
        else:
            ordered.extend(inner)
        plain = len(inner) == 1
    return ordered


def _columns(rows: list[Row], gap: float) -> list[list[Row]]:
    gutters = _gutters(rows, gap) if len(rows) > 2 else []
    columns: list[list[Row]] = [[] for _ in range(len(gutters) + 1)]
    for row in rows:
        columns[sum(row.box[0] >= gutter[1] - 0.1 for gutter in gutters)].append(row)
    merged = [columns[0]]
    for column in columns[1:]:
        if _beside(merged[-1], column) and not _paired(merged[-1], column):
            merged.append(column)
        else:
            merged[-1] = merged[-1] + column
    return merged


def _beside(left: list[Row], right: list[Row]) -> bool:
    """True when two columns stand beside and not below each other."""
    a, b = merge_boxes([row.box for row in left]), merge_boxes([row.box for row in right])
    return min(a[3], b[3]) - max(a[1], b[1]) > 0.3 * min(a[3] - a[1], b[3] - b[1])


def _paired(left: list[Row], right: list[Row]) -> bool:
    """True for labels with values, or questions with short answers: to be read across."""
    short, long = sorted((left, right), key=lambda side: median(len(row.text) for row in side))
    if len(short) < 2 or median(len(row.text) for row in short) >= 18:
        return False
    pairs = sum(any(_level(a.box, b.box) for b in long) for a in short)
    if pairs < 0.8 * len(short):
        return False
    # A narrow column of words has line below line; answers stand apart.
    tops = sorted(row.box[1] for row in short)
    steps = [below - above for above, below in pairwise(tops)]
    return len(short) >= 0.8 * len(long) or median(steps) > 1.9 * short[0].first.size


def _gutters(rows: Sequence[Row], gap: float) -> list[Interval]:
    """The free vertical strips, at least `gap` wide, between the rows."""
    gutters = []
    spans = sorted((row.box[0], row.box[2]) for row in rows)
    reach = spans[0][1]
    for start, end in spans[1:]:
        if start - reach >= gap:
            gutters.append((reach, start))
        reach = max(reach, end)
    return gutters


def _bands(rows: list[Row]) -> list[list[Row]]:
    """Rows between gaps that go across the whole region; ascenders and descenders may overlap a little."""
    bands: list[list[Row]] = []
    reach = float("-inf")
    for row in sorted(rows, key=lambda row: row.box[1]):
        slack = 0.2 * (row.box[3] - row.box[1])
        if row.box[1] + slack >= reach:
            bands.append([])
        bands[-1].append(row)
        reach = max(reach, row.box[3] - slack)
    return bands


def _regions(rows: list[Row], gap: float) -> list[list[Row]]:
    """What stands above, in and below the largest part of the region that one gutter goes through."""
    bands = _bands(rows)
    best: tuple[float, int, int, Interval] | None = None
    for strip in _strips(bands, gap):
        sides = [_sides(band, strip) for band in bands]
        for first, last in _runs(sides):
            facing = [n for n in range(first, last) if min(sides[n] or (0.0, 0.0)) > 0]
            both = sum(min(sides[n] or (0.0,)) for n in facing)
            # Two pieces on one line are no columns.
            if sum(len(bands[n]) for n in facing) > 2 and (best is None or both > best[0]):
                best = (both, first, last, strip)
    if best is None:
        return [rows]
    _, first, last, strip = best
    if last < len(bands):
        last = _without_opening(bands, first, last, strip)
    parts = (bands[:first], bands[first:last], bands[last:])
    return [[row for band in part for row in band] for part in parts if part]


def _strips(bands: Sequence[list[Row]], gap: float) -> list[Interval]:
    """Where a gutter may be: at both edges and in the middle of every white space between two pieces of a band."""
    starts = {
        round(start, 0)
        for band in bands
        for left, right in _gutters(band, gap)
        for start in (left, right - gap, (left + right - gap) / 2)
    }
    return [(start, start + gap) for start in sorted(starts)]


def _sides(band: Sequence[Row], strip: Interval) -> tuple[float, float] | None:
    """Heights of the text left and right of the strip; None when something stands in it. A point of overlap is none."""
    left = right = 0.0
    for row in band:
        if row.box[2] <= strip[0] + 1:
            left += row.box[3] - row.box[1]
        elif row.box[0] >= strip[1] - 1:
            right += row.box[3] - row.box[1]
        else:
            return None
    return left, right


def _runs(sides: Sequence[tuple[float, float] | None]) -> list[tuple[int, int]]:
    """First and last (exclusive) of the bands between those that block the strip."""
    blocks = [-1, *(n for n, side in enumerate(sides) if side is None), len(sides)]
    return [(a + 1, b) for a, b in pairwise(blocks) if b - a > 1]


def _without_opening(bands: Sequence[list[Row]], first: int, last: int, strip: Interval) -> int:
    """The end of a run, less the one-sided bands that open what follows, as a heading does: after the widest gap."""
    end = last
    while end > first and min(_sides(bands[end - 1], strip) or (0.0, 0.0)) == 0:
        end -= 1
    if end in (first, last):
        return last
    edges = [
        (max(row.box[3] for row in above), min(row.box[1] for row in below))
        for above, below in pairwise(bands[end - 1 : last])
    ]
    gaps = [top - bottom for bottom, top in edges]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    return end + widest if gaps[widest] > 0.5 * bands[end][0].first.size else last


def _downwards(rows: list[Row]) -> list[Row]:
    """From top to bottom; what stands on one line is one row, from left to right (a large initial is not)."""
    ordered: list[Row] = []
    for level in _levels(rows):
        sizes = [row.first.size for row in level]
        if len(level) > 1 and max(sizes) < 1.5 * min(sizes):
            level = [Row(merge_boxes([row.box for row in level]), tuple(line for row in level for line in row.lines))]
        ordered += level
    return ordered


def levels(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines from top to bottom, those of one height together, from left to right."""
    return [[row.lines[0] for row in level] for level in _levels([Row(line.box, (line,)) for line in lines])]


def _levels(rows: Sequence[Row]) -> list[list[Row]]:
    found: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: (row.box[1] + row.box[3]) / 2):
        if found and _level(found[-1][0].box, row.box):
            found[-1].append(row)
        else:
            found.append([row])
    return [sorted(level, key=lambda row: row.box[0]) for level in found]
