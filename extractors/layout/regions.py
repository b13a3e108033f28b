"""Marks and labels that belong together, by nearness: painted on a coarse grid, then read off as connected patches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from extractors import geometry
from extractors.layout.marks import Mark
from extractors.page import Line, PageLayout
from extractors.types import Box

_CELL = 3.0
"""Points a cell of the grid."""
_REACH_PATH = 4.0
"""Points that a path reaches out on every side: parts of one drawing stand nearer than twice this."""
_REACH_IMAGE = 1.5
"""Tiles and slices of one image abut; panels of a figure stand apart."""
_LABEL_REACH = 13.0
"""Points at most between a figure and its labels, also where letters are large, as on slides."""
_MOST_CELLS = 4_000_000
_MOST = 250
"""Patches of one page that are looked at, the largest first: beyond are dots and specks."""
_ROUNDS = 3
"""How often labels are taken in: tick labels, then the axis title beyond them."""


@dataclass(frozen=True, slots=True)
class Region:
    """A patch of the page where marks and labels stand close."""

    box: Box
    ink: Box
    """Around the marks alone."""
    marks: tuple[Mark, ...]
    labels: frozenset[int] = frozenset()
    """Indices of the layout's lines."""


def find(layout: PageLayout, marks: Sequence[Mark], barriers: Sequence[Box], labels: Iterable[int]) -> list[Region]:
    """Regions of `marks`, never joined across `barriers`; with those lines of `labels` that stand at them."""
    if not marks:
        return []
    regions = patches(layout, marks, barriers)
    regions = sorted(regions, key=lambda region: geometry.area(region.ink), reverse=True)[:_MOST]
    regions = joined(regions, barriers, layout)
    free = set(labels)
    for _ in range(_ROUNDS):
        before = len(free)
        regions = with_labels(regions, free, layout)
        regions = joined(regions, barriers, layout)
        if len(free) == before:
            break
    return regions


def of_marks(marks: Sequence[Mark]) -> Region:
    """A region without labels."""
    box = geometry.merge_boxes(mark.box for mark in marks)
    return Region(box, box, tuple(marks))


def patches(layout: PageLayout, marks: Sequence[Mark], barriers: Sequence[Box] = ()) -> list[Region]:
    """Regions of marks that stand closer than a few points, without labels."""
    groups: dict[int, list[Mark]] = {}
    for mark, number in zip(marks, _patches(layout, marks, barriers), strict=True):
        groups.setdefault(number, []).append(mark)
    return [of_marks(group) for group in groups.values()]


# --- the grid -----------------------------------------------------------------------------------------------------


def _patches(layout: PageLayout, marks: Sequence[Mark], barriers: Sequence[Box]) -> list[int]:
    """The number of the connected patch that each mark lies in."""
    # A page may claim a million points a side: its cells are larger then.
    cell = max(_CELL, math.sqrt(layout.width * layout.height / _MOST_CELLS))
    shape = (int(layout.height / cell) + 2, int(layout.width / cell) + 2)
    core, reach = np.zeros(shape, bool), np.zeros(shape, bool)
    boxes = [_own(mark) for mark in marks]
    for mark, box in zip(marks, boxes, strict=True):
        core[_cells(box, cell, shape)] = True
        reach[_cells(geometry.expand_box(mark.box, _reach(mark)), cell, shape)] = True
    for barrier in barriers:
        reach[_cells(barrier, cell, shape)] = False
    numbers = connected(core | reach)
    return [int(numbers[_centre(box, cell, shape)]) for box in boxes]


def _own(mark: Mark) -> Box:
    """The mark's place on the grid; a picture found in a scan's pixels is whole, and meets no other."""
    seen = mark.raster is not None and not mark.raster.digest
    return geometry.expand_box(mark.box, -_CELL / 2) if seen else mark.box


def _reach(mark: Mark) -> float:
    if mark.raster is None:
        return _REACH_PATH
    return _REACH_IMAGE if mark.raster.digest else -_CELL / 2


def _cells(box: Box, cell: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    x0, y0 = max(0, int(box[0] / cell)), max(0, int(box[1] / cell))
    x1, y1 = min(shape[1], int(box[2] / cell) + 1), min(shape[0], int(box[3] / cell) + 1)
    return slice(min(y0, shape[0] - 1), max(y1, 1)), slice(min(x0, shape[1] - 1), max(x1, 1))


def _centre(box: Box, cell: float, shape: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = _cells(box, cell, shape)
    return rows.start, columns.start


def connected(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Numbers of the connected patches of `mask` (0: outside), neighbours sharing a side.

    Runs of every row are joined to those that they touch in the row above.
    """
    numbers = np.zeros(mask.shape, np.int32)
    parent = [0]

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    above: list[tuple[int, int, int]] = []
    runs: list[tuple[int, int, int, int]] = []
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False])).view(np.int8)))
        here: list[tuple[int, int, int]] = []
        for start, end in edges.reshape(-1, 2).tolist():
            touching = [number for x0, x1, number in above if x0 < end and start < x1]
            number = root(touching[0]) if touching else len(parent)
            if not touching:
                parent.append(number)
            for other in touching[1:]:
                parent[root(other)] = number
                number = root(number)
            here.append((start, end, number))
            runs.append((y, start, end, number))
        above = here
    for y, start, end, number in runs:
        numbers[y, start:end] = root(number)
    return numbers


# --- labels -------------------------------------------------------------------------------------------------------


def with_labels(regions: Sequence[Region], free: set[int], layout: PageLayout) -> list[Region]:
    """Every region with the free lines that stand at it; each goes to the nearest. Takes them out of `free`."""
    taken: dict[int, list[int]] = {}
    for index in sorted(free):
        line = layout.lines[index]
        near = [(away, n) for n, region in enumerate(regions) if (away := _away(line, region)) is not None]
        if near:
            taken.setdefault(min(near)[1], []).append(index)
            free.discard(index)
    return [_grown(region, taken.get(number, []), layout) for number, region in enumerate(regions)]


def _grown(region: Region, lines: list[int], layout: PageLayout) -> Region:
    if not lines:
        return region
    box = geometry.merge_boxes([region.box, *(layout.lines[i].box for i in lines)])
    return replace(region, box=box, labels=region.labels | set(lines))


def _away(line: Line, region: Region) -> float | None:
    """How far a label stands from a region; None when too far to belong to it."""
    across, down = geometry.gaps(line.box, region.box)
    beside, under = min(1.6 * line.size, _LABEL_REACH), min(1.1 * line.size, _LABEL_REACH)
    if not line.horizontal:
        beside, under = under, beside
    elif (
        _drawn(region)
        and len(line.text.split()) <= 4
        and line.box[2] <= region.box[0]
        and geometry.coverage(line.box, (-1e4, region.ink[1], 1e4, region.ink[3])) > 0.9
    ):
        beside = min(4 * line.size, 2.5 * _LABEL_REACH)  # the names of a bar chart's rows
    if line.ocr and not _drawn(region):
        beside = under = 3.0  # photos and screenshots carry their words inside
    words = len(line.text.split())
    if words > (12 if _drawn(region) else 5) and across + down > 0:
        return None  # a sentence beside the picture
    if across > beside or down > under or (across > 0.6 * line.size and down > 0.6 * line.size):
        return None
    return across + down


# --- joining ------------------------------------------------------------------------------------------------------


def joined(regions: Sequence[Region], barriers: Sequence[Box], layout: PageLayout) -> list[Region]:
    """Regions that overlap, or are rows of one chart, made one."""
    waiting = sorted(regions, key=lambda region: region.box[1], reverse=True)
    found: list[Region] = []
    while waiting:
        one = waiting.pop()
        other = next((other for other in found if _belong(other, one, barriers, layout)), None)
        if other is None:
            found.append(one)
        else:
            found.remove(other)
            waiting.append(merged(other, one))
    return found


def merged(*regions: Region) -> Region:
    """One region of several."""
    return Region(
        geometry.merge_boxes(region.box for region in regions),
        geometry.merge_boxes(region.ink for region in regions),
        tuple(mark for region in regions for mark in region.marks),
        frozenset().union(*(region.labels for region in regions)),
    )


def _belong(a: Region, b: Region, barriers: Sequence[Box], layout: PageLayout) -> bool:
    across, down = geometry.gaps(a.box, b.box)
    if max(across, down) > 0.4 * layout.width:
        return False
    smaller = min(geometry.area(a.box), geometry.area(b.box))
    overlap = geometry.area(geometry.intersection(a.box, b.box))
    if overlap > 0.2 * smaller and smaller > 0:
        return True
    if smaller == 0 and geometry.boxes_touch(a.box, b.box):
        return True
    if not (_drawn(a) and _drawn(b)):
        return False
    small = min(geometry.area(a.ink), geometry.area(b.ink)) < 0.01 * layout.width * layout.height
    stacked = geometry.horizontal_overlap(a.box, b.box) > 0.5 and down < (18 if small else 9)
    beside = geometry.vertical_overlap(a.box, b.box) > 0.5 and across < (14 if small else 8)
    if not (stacked or beside or _one_series(a.ink, b.ink) or _strips(a.ink, b.ink)):
        return False
    between = geometry.merge_boxes([a.box, b.box])
    return not any(geometry.coverage(barrier, between) > 0.3 for barrier in barriers)


def _drawn(region: Region) -> bool:
    return any(mark.drawing for mark in region.marks)


def _one_series(a: Box, b: Box) -> bool:
    """Bars of one chart: they start from one line and stand no farther apart than they are thick."""
    across, down = geometry.gaps(a, b)
    rows = abs(a[0] - b[0]) < 2 and down < min(60.0, 1.2 * max(a[3] - a[1], b[3] - b[1]))
    columns = abs(a[3] - b[3]) < 2 and across < min(60.0, 1.2 * max(a[2] - a[0], b[2] - b[0]))
    return (rows and across == 0) or (columns and down == 0)


def _strips(a: Box, b: Box) -> bool:
    """Curves of one chart, far apart on the same axis: flat, as wide as each other, one above the other."""
    width = max(a[2] - a[0], b[2] - b[0])
    flat = max(a[3] - a[1], b[3] - b[1]) < 0.4 * width
    across, down = geometry.gaps(a, b)
    same = min(a[2], b[2]) - max(a[0], b[0]) > 0.85 * width
    return flat and same and across == 0 and down < 0.5 * width
