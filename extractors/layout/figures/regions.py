"""Regions: marks that belong together by nearness, with the labels that stand at them.

In: marks, barriers that no region crosses, and lines that may be labels. Out: `Region`s. Marks are painted on a coarse
grid and read off as connected clusters; labels go to the nearest region; regions that overlap or are parts of one chart
are joined.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np

from extractors.geometry import (
    area,
    boxes_touch,
    coverage,
    expand_box,
    gaps,
    height,
    horizontal_overlap,
    is_inside,
    merge_boxes,
    overlap_area,
    shorter_side,
    vertical_overlap,
    width,
)
from extractors.layout.charts import are_bars_of_one_chart, are_curves_on_one_axis, is_bar
from extractors.layout.marks import Mark, frames_photo, is_on_photo
from extractors.page import Line, PageLayout
from extractors.types import Box

# Clustering. Lengths in points.
_CELL = 3.0  # side of a grid cell
_MAX_CELLS = 4_000_000  # a page may claim a million points a side: its cells are larger
_DRAWING_REACH = 4.0  # on every side: parts of one drawing are less than twice this apart
_RASTER_REACH = 1.5  # tiles and slices of one image abut, panels of a figure stand apart
_SCAN_REACH = -_CELL / 2  # pictures found in a scan's pixels are complete and must not merge
_SLICE_GAP, _MIN_PHOTO_SIDE = 0.75, 36.0  # slices of one image abut; photos beside each other are half an inch or more
_MAX_BADGES = 0.02  # area of the drawings between photos that do not frame one; share of the photos
_MAX_CLUSTERS = 250  # per page, the largest: the rest is dots and specks

# Labels. Distances in multiples of the text size unless noted.
_LABEL_ROUNDS = 3  # tick labels first, then the axis title beyond them
_LABEL_REACH = 13.0  # points, the limit for large letters, as on slides
_BESIDE, _ABOVE_OR_BELOW = 1.6, 1.1  # text below a figure is closer than text beside it
_BAR_NAME_REACH, _MAX_BAR_NAME_REACH = 4.0, 2.5 * _LABEL_REACH  # names left of horizontal bars; the second in points
_MAX_BAR_NAME_WORDS = 4  # longer lines are text of the next column
_MAX_LABEL_LENGTH, _LONG_LABEL = 1.3, 0.3  # of the region and of the page: longer lines belong to the page
MAX_LABEL_WORDS = 12  # outside of a drawing: longer lines are sentences
_MAX_NAME_WORDS, _OCR_LABEL_REACH = 5, 3.0  # beside a picture in a scan; points, since photos carry words inside
MAX_PANEL_LETTER = 3  # characters of the "(b)" at a panel, the only label outside of a photo
_MAX_OVERHANG, _MIN_OVERHANG = 0.25, 3.0  # of a line above or below the region beside it: share of the line; text sizes
_AXIS_TITLE_REACH, _MAX_AXIS_TITLE_WORDS = 2.2, 8  # the title of an axis, beyond its tick labels
_OFF_CENTRE = 0.15  # of such a title from the middle of the axis; share of the axis
_DIAGONAL = 0.6  # a label is beside the region or below it, not off its corner

# Joining. Lengths in points unless noted.
_MAX_JOIN_GAP = 0.4  # share of the page's width
_MIN_COMMON_AREA = 0.2  # share of the smaller region
_MIN_ALIGNED = 0.5  # share of the shorter extent that two parts of one drawing have in common
_STACKED_GAP, _BESIDE_GAP = 9.0, 8.0  # panels of different figures are farther apart
_SMALL_REGION, _SMALL_STACKED_GAP, _SMALL_BESIDE_GAP = 0.01, 18.0, 14.0  # legends and keys; share of the page
_BARRIER_COVERAGE = 0.3  # share of a barrier between two regions that keeps them apart


@dataclass(frozen=True)
class Region:
    """A part of the page where marks and labels stand close."""

    box: Box
    marks_box: Box  # around the marks alone
    marks: tuple[Mark, ...]
    labels: frozenset[int] = frozenset()  # indices of the layout's lines

    @cached_property
    def has_drawings(self) -> bool:
        """Whether it has paths, other than frames of photos and marks on them."""
        photos = [mark.box for mark in self.marks if mark.raster]
        around = [merge_boxes(photos)] if photos else []
        paths = (mark.box for mark in self.marks if mark.drawing)
        return not all(is_on_photo(path, photos) or frames_photo(path, around) for path in paths)


def find_regions(
    layout: PageLayout, marks: Sequence[Mark], barriers: Sequence[Box], labels: Iterable[int]
) -> list[Region]:
    """Regions of `marks`, never joined across `barriers`, with those of the lines `labels` that stand at them."""
    regions = [part for region in cluster_marks(layout, marks, barriers) for part in separate_photos(region)]
    regions = sorted(regions, key=lambda region: area(region.marks_box), reverse=True)[:_MAX_CLUSTERS]
    regions = _join_regions(regions, barriers, layout)
    free = set(labels)
    for _ in range(_LABEL_ROUNDS):
        before = len(free)
        regions = _join_regions(attach_labels(regions, free, layout), barriers, layout)
        if len(free) == before:
            break
    return regions


def region_of_marks(marks: Sequence[Mark]) -> Region:
    box = merge_boxes(mark.box for mark in marks)
    return Region(box, box, tuple(marks))


def merge_regions(*regions: Region) -> Region:
    return Region(
        merge_boxes(region.box for region in regions),
        merge_boxes(region.marks_box for region in regions),
        tuple(mark for region in regions for mark in region.marks),
        frozenset().union(*(region.labels for region in regions)),
    )


def cluster_marks(layout: PageLayout, marks: Sequence[Mark], barriers: Sequence[Box] = ()) -> list[Region]:
    """Regions of marks that are only a few points apart, without labels."""
    import cv2

    cell = max(_CELL, math.sqrt(layout.area / _MAX_CELLS))
    shape = (int(layout.height / cell) + 2, int(layout.width / cell) + 2)
    own, reach = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    places = []
    for mark in marks:
        # Pictures found in a scan keep inside their own box; other marks reach out of theirs.
        outwards = _reach(mark)
        place = _cells(expand_box(mark.box, min(0.0, outwards)), cell, shape)
        own[place] = 1
        reach[_cells(expand_box(mark.box, outwards), cell, shape)] = 1
        places.append((place[0].start, place[1].start))
    for barrier in barriers:
        reach[_cells(barrier, cell, shape)] = 0
    _, numbers = cv2.connectedComponents(own | reach, connectivity=4)
    clusters: dict[int, list[Mark]] = {}
    for mark, place in zip(marks, places, strict=True):
        clusters.setdefault(int(numbers[place]), []).append(mark)
    return [region_of_marks(cluster) for cluster in clusters.values()]


def separate_photos(region: Region) -> list[Region]:
    """The photos of a region with their frames and badges, if they are not slices of one image; else the region."""
    photos = [mark.box for mark in region.marks if mark.raster]
    drawn = (mark.box for mark in region.marks if mark.drawing and not is_on_photo(mark.box, photos))
    if len(photos) < 2 or sum(map(area, drawn)) > _MAX_BADGES * sum(map(area, photos)):
        return [region]
    groups: list[list[Box]] = []
    for photo in photos:
        near = expand_box(photo, _SLICE_GAP)
        touching = [group for group in groups if any(boxes_touch(near, other) for other in group)]
        groups = [group for group in groups if group not in touching] + [[photo, *chain(*touching)]]
    boxes = [merge_boxes(group) for group in groups]
    if len(boxes) < 2 or min(map(shorter_side, boxes)) < _MIN_PHOTO_SIDE:
        return [region]
    marks: list[list[Mark]] = [[] for _ in boxes]
    for mark in region.marks:
        places = [(-overlap_area(mark.box, box), sum(gaps(mark.box, box)), n) for n, box in enumerate(boxes)]
        marks[min(places)[-1]].append(mark)
    return [region_of_marks(group) for group in marks]


def _reach(mark: Mark) -> float:
    if mark.raster is None:
        return _DRAWING_REACH
    return _RASTER_REACH if mark.raster.digest else _SCAN_REACH


def _cells(box: Box, cell: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the grid under `box`, at least one of each."""
    x0, y0 = max(0, int(box[0] / cell)), max(0, int(box[1] / cell))
    x1, y1 = min(shape[1], int(box[2] / cell) + 1), min(shape[0], int(box[3] / cell) + 1)
    return slice(min(y0, shape[0] - 1), max(y1, 1)), slice(min(x0, shape[1] - 1), max(x1, 1))


def attach_labels(regions: Sequence[Region], free: set[int], layout: PageLayout) -> list[Region]:
    """Every region with the free lines nearest to it, the smallest if several are. Removes those lines from `free`."""
    attached: dict[int, list[int]] = {}
    for index in sorted(free):
        line = layout.lines[index]
        near = [
            (away, area(region.box), n)
            for n, region in enumerate(regions)
            if (away := _label_distance(line, region, layout)) is not None
        ]
        if near:
            attached.setdefault(min(near)[-1], []).append(index)
            free.discard(index)
    return [
        add_text(region, attached[number], layout) if number in attached else region
        for number, region in enumerate(regions)
    ]


def add_text(region: Region, lines: Sequence[int], layout: PageLayout) -> Region:
    """The region with the lines of these indices among its labels."""
    labels = region.labels.union(lines)
    return replace(region, box=merge_boxes([region.box, *(layout.lines[i].box for i in lines)]), labels=labels)


def _label_distance(line: Line, region: Region, layout: PageLayout) -> float | None:
    """Points between a label and a region; None when the line cannot be a label of it."""
    across, down = gaps(line.box, region.box)
    words, drawn = len(line.text.split()), region.has_drawings
    if any(
        side(line.box) > max(_MAX_LABEL_LENGTH * side(region.box), _LONG_LABEL * side(layout.box))
        for side in (width, height)
    ):
        return None
    in_scan = line.ocr and not drawn and not down and line.box[2] <= region.box[0]  # names of bars in a picture
    limit = MAX_LABEL_WORDS if drawn else _MAX_NAME_WORDS if in_scan else 0
    can_label = words <= limit or (not drawn and _is_panel_letter(line))
    if across + down > 0 and (not can_label or _hangs_over(line, region)):
        return None
    level = (-math.inf, region.marks_box[1], math.inf, region.marks_box[3])
    beside, below = min(_BESIDE * line.size, _LABEL_REACH), min(_ABOVE_OR_BELOW * line.size, _LABEL_REACH)
    if in_scan:
        beside = _OCR_LABEL_REACH
    elif not line.horizontal:
        beside, below = below, beside
    elif drawn and words <= _MAX_BAR_NAME_WORDS and line.box[2] <= region.box[0] and is_inside(line.box, level):
        beside = min(_BAR_NAME_REACH * line.size, _MAX_BAR_NAME_REACH)
    if drawn and words <= _MAX_AXIS_TITLE_WORDS and _is_centred(line, region):
        beside, below = max(beside, _AXIS_TITLE_REACH * line.size), max(below, _AXIS_TITLE_REACH * line.size)
    corner = _DIAGONAL * line.size
    if across > beside or down > below or (across > corner and down > corner):
        return None
    return across + down


def _is_panel_letter(line: Line) -> bool:
    text = line.text.strip()
    return len(text) <= MAX_PANEL_LETTER and any(map(str.isalnum, text))  # no bullet


def _hangs_over(line: Line, region: Region) -> bool:
    """Whether a line above or below the region goes on beside it, as the text of the page does."""
    (x0, y0, x1, y1), (left, top, right, bottom) = line.box, region.box
    if not line.horizontal or (y1 > top and y0 < bottom):
        return False
    return max(left - x0, x1 - right) > max(_MIN_OVERHANG * line.size, _MAX_OVERHANG * (x1 - x0))


def _is_centred(line: Line, region: Region) -> bool:
    """Whether a line stands under or beside the middle of the marks, as the title of an axis does."""
    (x0, y0, x1, y1), (left, top, right, bottom) = line.box, region.marks_box
    if line.horizontal:
        return y0 > bottom and abs(x0 + x1 - left - right) / 2 < _OFF_CENTRE * (right - left)
    return (x1 < left or x0 > right) and abs(y0 + y1 - top - bottom) / 2 < _OFF_CENTRE * (bottom - top)


def _join_regions(regions: Sequence[Region], barriers: Sequence[Box], layout: PageLayout) -> list[Region]:
    waiting = sorted(regions, key=lambda region: region.box[1], reverse=True)
    joined: list[Region] = []
    while waiting:
        region = waiting.pop()
        other = next((other for other in joined if _belong_together(other, region, barriers, layout)), None)
        if other is None:
            joined.append(region)
        else:
            joined.remove(other)
            waiting.append(merge_regions(other, region))
    return joined


def _belong_together(a: Region, b: Region, barriers: Sequence[Box], layout: PageLayout) -> bool:
    """Whether two regions overlap, or are parts of one drawing with no barrier between them."""
    if max(gaps(a.box, b.box)) > _MAX_JOIN_GAP * layout.width:
        return False
    smaller = min(area(a.box), area(b.box))
    if overlap_area(a.box, b.box) > _MIN_COMMON_AREA * smaller or (smaller == 0 and boxes_touch(a.box, b.box)):
        return not (_is_photo_beside(a, b, layout) or _is_photo_beside(b, a, layout))
    if not (a.has_drawings and b.has_drawings and _are_parts_of_one_drawing(a, b, layout)):
        return False
    between = merge_boxes([a.box, b.box])
    return not any(coverage(barrier, between) > _BARRIER_COVERAGE for barrier in barriers)


def _is_photo_beside(photo: Region, other: Region, layout: PageLayout) -> bool:
    """Whether `photo` is nothing but images, and lies in a corner of the other's box where that has nothing."""
    if not all(mark.raster and mark.raster.digest for mark in photo.marks):
        return False
    parts = chain((mark.box for mark in other.marks), (layout.lines[i].box for i in other.labels))
    return not any(boxes_touch(part, photo.box) for part in parts)


def _are_parts_of_one_drawing(a: Region, b: Region, layout: PageLayout) -> bool:
    across, down = gaps(a.box, b.box)
    small = min(area(a.marks_box), area(b.marks_box)) < _SMALL_REGION * layout.area
    if horizontal_overlap(a.box, b.box) > _MIN_ALIGNED and down < (_SMALL_STACKED_GAP if small else _STACKED_GAP):
        return True
    if vertical_overlap(a.box, b.box) > _MIN_ALIGNED and across < (_SMALL_BESIDE_GAP if small else _BESIDE_GAP):
        return True
    if (is_bar(a.marks) or is_bar(b.marks)) and are_bars_of_one_chart(a.marks_box, b.marks_box):
        return True
    return are_curves_on_one_axis(a.marks_box, b.marks_box)
