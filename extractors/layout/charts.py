"""Whether a region that may be a table is a picture or a chart, and whether two drawings are parts of one chart."""

from collections import Counter
from collections.abc import Sequence

from extractors.geometry import (
    area,
    boxes_touch,
    coverage,
    expand_box,
    gaps,
    height,
    is_inside,
    merge_boxes,
    overlap_area,
    shorter_side,
    transpose,
    width,
)
from extractors.layout.marks import Mark, background_images
from extractors.layout.rules import RULE_THICKNESS
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box

_MAX_IMAGE = 0.4  # share of the region under an image, unless that is the page's background
_MAX_STROKES, _MAX_STROKES_PER_LINE = 8, 0.3  # slanted and curved paths: marks and signs in cells
_MAX_SIGN = 2.0  # text sizes: a larger slanted path is part of a plot
_POINT_SIDE, _MAX_ALIGNED_POINTS, _MAX_POINTS = 6.0, 2, 5  # points; in one row or column; data points of a plot
_HEAD_SEGMENTS, _MAX_HEAD, _TIP = 4, 12.0, 1.0  # of the head of an arrow; points, also from it to the end of its line
_MIN_ARROWS = 2  # of a diagram
_MIN_TICKS, _MAX_ROWS_OF_TICKS = 4, 2  # on one axis; of a plot, whose frame may have ticks on opposite sides
_MAX_TICK, _MIN_AXIS, _ON_AXIS = 7.5, 40.0, 1.0  # points: lengths, and the distance within which axes meet
_MIN_BESIDE, _MIN_OVERLAP = 2, 0.25  # curves of plots that reach into the region; share of each that does
_MIN_SATURATION = 0.15  # difference between the colour components of a bar; fills of cells are grey or pale
_CELL_MARGIN = 4.0  # points by which shaded cells reach beyond the text of a table
_MAX_SHAPE = 0.08  # share of the region under a coloured path that is no rectangle
_MIN_BAR_SIDE = 3.0  # points
_LENGTH_STEP = 2.0  # points within which bars have the same length
_MAX_LENGTHS, _MAX_LENGTH_SHARE = 3, 0.5  # different lengths; shapes of a table repeat

# Parts of one chart.
_SAME_BASELINE, _SAME_ENDS = 2.0, 4.0  # bars of one chart start from one line, or an axis reaches out of them: points
_BAR_SPACING, _MAX_BAR_SPACING = 1.2, 60.0  # gap between bars in multiples of their thickness; points
_FLAT_CURVE, _SAME_WIDTH, _CURVE_SPACING = 0.4, 0.85, 0.5  # height, shared width and gap as shares of the curve's width
_MAX_PLOT_HEIGHT, _MAX_AXIS_HEIGHT, _AXIS_SPACING = 1.0, 0.08, 0.25  # of a plot above its axis, as such shares


def is_picture(region: Box, lines: Sequence[Line], layout: PageLayout) -> bool:
    """Whether images, slanted paths, arrows, bars or data points fill the region; `lines` are those inside it."""
    backgrounds = background_images(layout)
    images = [raster.box for raster in layout.rasters if raster not in backgrounds]
    if any(coverage(region, image) > _MAX_IMAGE for image in images):
        return True
    drawings = [drawing for drawing in layout.drawings if is_inside(drawing.box, region)]
    strokes = [drawing for drawing in drawings if drawing.slanted or drawing.curved]
    if len(strokes) > _MAX_STROKES and len(strokes) > _MAX_STROKES_PER_LINE * len(lines):
        return True
    largest_sign = _MAX_SIGN * max(line.size for line in lines)
    if any(stroke.slanted and shorter_side(stroke.box) > largest_sign for stroke in strokes):
        return True
    if _has_bars(region, drawings) or _has_data_points(drawings):
        return True
    curves = [d.box for d in layout.drawings if d.slanted and shorter_side(d.box) > largest_sign]
    crossing = [box for box in curves if not is_inside(region, box) and coverage(box, region) > _MIN_OVERLAP]
    if len(crossing) >= _MIN_BESIDE:
        return True
    if _has_arrows([drawing for drawing in layout.drawings if boxes_touch(drawing.box, region)]):
        return True
    reaching_out = (
        drawing
        for drawing in layout.drawings
        if _is_coloured(drawing)
        and overlap_area(drawing.box, region) > 0
        and not is_inside(drawing.box, region, _CELL_MARGIN)
    )
    return sum(not is_inside(region, drawing.box) for drawing in reaching_out) > _MAX_LENGTHS


def _is_coloured(drawing: Drawing) -> bool:
    return drawing.filled and _is_colour(drawing.fill)


def _is_colour(colour: tuple[float, ...] | None) -> bool:
    return colour is not None and max(colour) - min(colour) > _MIN_SATURATION


def _has_arrows(drawings: Sequence[Drawing]) -> bool:
    """Whether small filled shapes end longer lines, as in a flow chart; signs in cells stand alone."""
    lines = [drawing.box for drawing in drawings if drawing.stroked and drawing.items == 1]

    def ends_line(head: Box) -> bool:
        size, near = max(width(head), height(head)), expand_box(head, _TIP)
        longer = [line for line in lines if max(width(line), height(line)) > size]
        return any(is_inside((x, y, x, y), near) for x0, y0, x1, y1 in longer for x in (x0, x1) for y in (y0, y1))

    heads = {d.box for d in drawings if d.filled and d.slanted and not d.curved and d.items <= _HEAD_SEGMENTS}
    return sum(max(width(head), height(head)) < _MAX_HEAD and ends_line(head) for head in heads) >= _MIN_ARROWS


def _has_data_points(drawings: Sequence[Drawing]) -> bool:
    """Whether small shapes are scattered; the dashes of a rule, and ticks in cells, are in rows or columns."""
    points = [d.box for d in drawings if d.filled and 0 < max(width(d.box), height(d.box)) < _POINT_SIDE]
    rows, columns = Counter(round(box[1]) for box in points), Counter(round(box[0]) for box in points)
    alone = [box for box in points if max(rows[round(box[1])], columns[round(box[0])]) <= _MAX_ALIGNED_POINTS]
    return len(alone) > _MAX_POINTS


def find_plots(drawings: Sequence[Drawing]) -> list[Box]:
    """The boxes of axes with ticks, alone and with those that they meet: an upright one, or other sides of a frame."""
    boxes = [drawing.box for drawing in drawings]
    axes = _level_axes(boxes)
    axes += [transpose(box) for box in _level_axes([transpose(box) for box in boxes])]
    plots: list[Box] = []
    for axis in axes:
        meeting = [plot for plot in plots if boxes_touch(expand_box(axis, _ON_AXIS), plot)]
        plots = [plot for plot in plots if plot not in meeting] + [merge_boxes([axis, *meeting])]
    return [*axes, *(plot for plot in plots if plot not in axes)]


def _level_axes(boxes: Sequence[Box]) -> list[Box]:
    """The level rules, or sides of frames, from which short marks go up or down.

    The dashes of a rule come in rows, and the sides of low cells end at another rule.
    """
    edges: dict[int, list[Box]] = {}
    for x0, y0, x1, y1 in boxes:
        for y in (y0, y1) if x1 - x0 > _MAX_TICK else ():
            edges.setdefault(round(y), []).append((x0 - 1, y, x1 + 1, y))

    def edges_at(x: float, y: float) -> list[Box]:
        return [edge for near in (-1, 0, 1) for edge in edges.get(round(y) + near, ()) if edge[0] <= x <= edge[2]]

    marks = {box for box in boxes if width(box) <= RULE_THICKNESS and 1 < height(box) < _MAX_TICK}
    places = Counter(round(box[0]) for box in marks)
    ticks: Counter[Box] = Counter()
    for x, y0, _, y1 in marks:
        upper, lower = edges_at(x, y0), edges_at(x, y1)
        if places[round(x)] <= _MAX_ROWS_OF_TICKS and bool(upper) != bool(lower):
            ticks.update({*upper, *lower})
    return [edge for edge, count in ticks.items() if count >= _MIN_TICKS and width(edge) > _MIN_AXIS]


def _has_bars(region: Box, drawings: Sequence[Drawing]) -> bool:
    """Whether there are coloured shapes of many lengths, or a large one that is no cell."""
    coloured = list(filter(_is_coloured, drawings))
    if any(not d.rectangle and area(d.box) > _MAX_SHAPE * area(region) for d in coloured):
        return True
    outlined = [d for d in drawings if d.rectangle and not d.filled and _is_colour(d.stroke)]
    bars = [d.box for d in (*coloured, *outlined) if shorter_side(d.box) > _MIN_BAR_SIDE]
    lengths: dict[tuple[bool, int], list[float]] = {}  # of those that start from one upright or level line
    for box in bars:
        lengths.setdefault((True, round(box[3] / _LENGTH_STEP)), []).append(height(box))
        lengths.setdefault((False, round(box[0] / _LENGTH_STEP)), []).append(width(box))
    return any(map(_have_many_lengths, lengths.values()))


def _have_many_lengths(lengths: Sequence[float]) -> bool:
    steps = {round(length / _LENGTH_STEP) for length in lengths}
    return len(steps) > max(_MAX_LENGTHS, _MAX_LENGTH_SHARE * len(lengths))


def is_bar(marks: Sequence[Mark]) -> bool:
    """Whether marks are one shape, perhaps filled and outlined, or filled rectangles: a bar, or a stack of them."""
    whole = merge_boxes(mark.box for mark in marks)
    is_shape = all(abs(x - y) < _SAME_BASELINE for mark in marks for x, y in zip(mark.box, whole, strict=True))
    paths = [mark.drawing for mark in marks]
    return is_shape or all(path and path.filled and path.rectangle for path in paths)


def are_bars_of_one_chart(a: Box, b: Box) -> bool:
    """Whether they start from one line, or between the same two, and are no farther apart than they are thick."""
    across, down = gaps(a, b)
    max_down = min(_MAX_BAR_SPACING, _BAR_SPACING * max(height(a), height(b)))
    max_across = min(_MAX_BAR_SPACING, _BAR_SPACING * max(width(a), width(b)))
    left, top, right, bottom = (abs(x - y) for x, y in zip(a, b, strict=True))
    rows = left < _SAME_BASELINE or max(left, right) < _SAME_ENDS
    columns = bottom < _SAME_BASELINE or max(top, bottom) < _SAME_ENDS
    return (rows and across == 0 and down < max_down) or (columns and down == 0 and across < max_across)


def are_curves_on_one_axis(a: Box, b: Box) -> bool:
    """Whether they are equally wide and one above the other: flat curves, or an axis with ticks below a plot.

    Rules are neither.
    """
    across, down = gaps(a, b)
    widest = max(width(a), width(b))
    if across or min(a[2], b[2]) - max(a[0], b[0]) <= _SAME_WIDTH * widest:
        return False
    upper, lower = (height(box) / widest for box in sorted((a, b), key=lambda box: box[1]))
    flat = max(upper, lower) < _FLAT_CURVE and down < _CURVE_SPACING * widest
    has_axis = upper < _MAX_PLOT_HEIGHT and lower < _MAX_AXIS_HEIGHT and down < _AXIS_SPACING * widest
    return min(upper, lower) * widest > RULE_THICKNESS and (flat or has_axis)
