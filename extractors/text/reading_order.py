"""The reading order of a page: its lines as columns, each read from top to bottom.

White space decides. A gutter that is free over a whole region splits it into columns. Bands between horizontal gaps
that share a gutter form one region, so that an accidental gap across two columns does not cut them.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from extractors.geometry import height, merge_boxes, vertical_overlap
from extractors.page import Line
from extractors.text.formulas import join_formulas
from extractors.text.rows import MIN_GUTTER, Row, by_block, group_by_height, join_into_rows, make_row, on_one_line

MAX_INTRUSION = 1  # points by which a row may reach into a gutter: dashes and brackets hang out of their column
MIN_BESIDE_OVERLAP = 0.3  # share of the shorter column's height that columns side by side have in common
# Values beside labels: median characters, share on one line with a label, and median distance in font sizes, since the
# lines of a narrow text column follow each other more closely.
MAX_ANSWER_LENGTH, MIN_PAIRED_SHARE, MIN_ANSWER_PITCH = 18, 0.8, 1.9
MAX_BAND_OVERLAP = 0.2  # share of a row's height by which ascenders and descenders may reach into the next band
MIN_HEADING_GAP = 0.5  # white space above a heading that belongs to the text below it, in font sizes
# Footnotes: font size against that of most text, points by which their heading is larger, and white space above them in
# font sizes of the text.
MAX_NOTE_SIZE, MIN_HEADING_EXCESS, MIN_NOTE_GAP = 0.9, 0.5, 0.5
MAX_SIZE_RATIO = 1.5  # font sizes in one row; a larger initial is a row of its own

_Interval = tuple[float, float]


def order_rows(lines: Sequence[Line]) -> list[list[Row]]:
    """Return the columns of a page in reading order.

    Text that runs up or down comes last, except in the outer margins, where it is left out: archives' stamps and
    download notices.
    """
    lines = [line for line in lines if line.text.strip()]
    horizontal = [line for line in lines if line.horizontal]
    others = [line for line in lines if not line.horizontal]
    if sum(len(line.text) for line in others) > sum(len(line.text) for line in horizontal):
        return _in_file_order(lines)
    if not horizontal:
        return []
    left, _, right, _ = merge_boxes([line.box for line in horizontal])
    others = [line for line in others if line.box[2] >= left and line.box[0] <= right]
    return _split_region(join_into_rows(horizontal)) + _in_file_order(others)


def _in_file_order(lines: Sequence[Line]) -> list[list[Row]]:
    return [[make_row([line]) for line in block] for block in by_block(lines)]


def _split_region(rows: list[Row]) -> list[list[Row]]:
    """Split at gutters that are free over the whole region, else into regions from top to bottom, else not at all."""
    if len(rows) == 1:
        return [rows]
    min_gutter = MIN_GUTTER * median(row.main_line.size for row in rows)
    columns = _columns(rows, min_gutter)
    if len(columns) > 1:
        return [part for column in _move_notes_last(columns) for part in _split_region(column)]
    regions = _regions(rows, min_gutter)
    if len(regions) == 1:
        return [_from_top_to_bottom(rows)]
    ordered: list[list[Row]] = []
    after_single = False
    for region in regions:
        parts = _split_region(region)
        # Successive regions of one column are one column: a paragraph may continue from one in the next.
        if after_single and len(parts) == 1:
            ordered[-1].extend(parts[0])
        else:
            ordered.extend(parts)
        after_single = len(parts) == 1
    return ordered


def _columns(rows: list[Row], min_gutter: float) -> list[list[Row]]:
    gutters = _gutters(rows, min_gutter - 2 * MAX_INTRUSION) if len(rows) > 2 else []
    columns: list[list[Row]] = [[] for _ in range(len(gutters) + 1)]
    for row in rows:
        columns[sum(row.box[0] >= gutter[1] - 0.1 for gutter in gutters)].append(row)
    merged = [columns[0]]
    for column in columns[1:]:
        boxes = merge_boxes(row.box for row in merged[-1]), merge_boxes(row.box for row in column)
        if vertical_overlap(*boxes) > MIN_BESIDE_OVERLAP and not _are_paired(merged[-1], column):
            merged.append(column)
        else:
            merged[-1] = merged[-1] + column
    return merged


def _move_notes_last(columns: list[list[Row]]) -> list[list[Row]]:
    """Columns without the footnotes at their feet, then these: the text goes on in the next column."""
    body_size = _usual_size([row for column in columns for row in column])
    cuts = [_start_of_notes(column, body_size) for column in (sorted(c, key=_base_line) for c in columns)]
    return [part for parts in zip(*cuts, strict=True) for part in parts if part]


def _start_of_notes(column: list[Row], body_size: float) -> tuple[list[Row], list[Row]]:
    """A column cut where small print begins that goes on to its foot, with the heading of the small print."""
    start = len(column)
    while start and column[start - 1].main_line.size <= MAX_NOTE_SIZE * body_size:
        start -= 1
    if start and start < len(column) and _is_heading_of_notes(column[:start], body_size):
        start -= 1
    while 0 < start < len(column):
        gap = column[start].box[1] - max(row.box[3] for row in column[:start])
        if gap > MIN_NOTE_GAP * body_size:
            break
        start += 1
    return column[:start], column[start:]


def _is_heading_of_notes(rows: list[Row], body_size: float) -> bool:
    """Whether the last of these rows is larger than the text and stands alone in its size."""
    size = rows[-1].main_line.size
    return size > body_size + MIN_HEADING_EXCESS and not (len(rows) > 1 and rows[-2].main_line.size == size)


def _usual_size(rows: Sequence[Row]) -> float:
    """The font size of most characters."""
    sizes: Counter[float] = Counter()
    for row in rows:
        sizes[round(row.main_line.size * 2) / 2] += len(row.text)
    return sizes.most_common(1)[0][0]


def _base_line(row: Row) -> float:
    return row.box[3]


def _are_paired(left: list[Row], right: list[Row]) -> bool:
    """Return True for labels with values, or questions with short answers, which are read across."""
    short, long = sorted((left, right), key=lambda side: median(len(row.text) for row in side))
    if len(short) < 2 or median(len(row.text) for row in short) >= MAX_ANSWER_LENGTH or short[0].main_line.vertical:
        return False  # the tiers of a Japanese page have short lines at one height
    if sum(any(on_one_line(a.box, b.box) for b in long) for a in short) < MIN_PAIRED_SHARE * len(short):
        return False
    tops = sorted(row.box[1] for row in short)
    pitch = median(below - above for above, below in pairwise(tops))
    return len(short) >= MIN_PAIRED_SHARE * len(long) or pitch > MIN_ANSWER_PITCH * short[0].main_line.size


def _gutters(rows: Sequence[Row], min_width: float) -> list[_Interval]:
    """The free vertical strips between the rows."""
    gutters = []
    spans = sorted((row.box[0], row.box[2]) for row in rows)
    reach = spans[0][1]
    for start, end in spans[1:]:
        if start - reach >= min_width:
            gutters.append((reach, start))
        reach = max(reach, end)
    return gutters


def _bands(rows: list[Row]) -> list[list[Row]]:
    """Rows between gaps that run across the whole region."""
    bands: list[list[Row]] = []
    reach = float("-inf")
    for row in sorted(rows, key=lambda row: row.box[1]):
        slack = MAX_BAND_OVERLAP * height(row.box)
        if row.box[1] + slack >= reach:
            bands.append([])
        bands[-1].append(row)
        reach = max(reach, row.box[3] - slack)
    return bands


def _regions(rows: list[Row], min_gutter: float) -> list[list[Row]]:
    """Split into what is above, in and below the largest part of the region that has a gutter."""
    bands = _bands(rows)
    best: tuple[float, int, int, _Interval] | None = None
    for strip in _possible_gutters(bands, min_gutter):
        sides = [_text_heights(band, strip) for band in bands]
        blocking = [-1, *(n for n, side in enumerate(sides) if side is None), len(sides)]
        for first, last in ((a + 1, b) for a, b in pairwise(blocking) if b - a > 1):
            two_sided = [n for n in range(first, last) if min(sides[n] or (0.0,)) > 0]
            total = sum(min(sides[n] or (0.0,)) for n in two_sided)
            # Two pieces on one line are not columns.
            if sum(len(bands[n]) for n in two_sided) > 2 and (best is None or total > best[0]):
                best = (total, first, last, strip)
    if best is None:
        return [rows]
    _, first, last, strip = best
    last = _end_before_heading(bands, first, last, strip)
    parts = (bands[:first], bands[first:last], bands[last:])
    return [[row for band in part for row in band] for part in parts if part]


def _possible_gutters(bands: Sequence[list[Row]], width: float) -> list[_Interval]:
    """Strips at both edges and in the middle of every white space between two pieces of a band."""
    starts = {
        round(start, 0)
        for band in bands
        for left, right in _gutters(band, width)
        for start in (left, right - width, (left + right - width) / 2)
    }
    return [(start, start + width) for start in sorted(starts)]


def _text_heights(band: Sequence[Row], strip: _Interval) -> tuple[float, float] | None:
    """Total height of the rows left and right of the strip; None when a row reaches into it."""
    left = right = 0.0
    for row in band:
        if row.box[2] <= strip[0] + MAX_INTRUSION:
            left += height(row.box)
        elif row.box[0] >= strip[1] - MAX_INTRUSION:
            right += height(row.box)
        else:
            return None
    return left, right


def _end_before_heading(bands: Sequence[list[Row]], first: int, last: int, strip: _Interval) -> int:
    """Exclude one-sided bands at the end of a region of columns that head the text below, from the widest gap on."""
    end = last
    while end > first and min(_text_heights(bands[end - 1], strip) or (0.0,)) == 0:
        end -= 1
    if last == len(bands) or end in (first, last):
        return last
    gaps = [
        min(row.box[1] for row in below) - max(row.box[3] for row in above)
        for above, below in pairwise(bands[end - 1 : last])
    ]
    widest = max(range(len(gaps)), key=gaps.__getitem__)
    return end + widest if gaps[widest] > MIN_HEADING_GAP * bands[end][0].main_line.size else last


def _from_top_to_bottom(rows: list[Row]) -> list[Row]:
    """One column, with the pieces of one line joined, and those of a displayed formula."""
    ordered: list[Row] = []
    for level in group_by_height(join_formulas(rows)):
        sizes = [row.main_line.size for row in level]
        is_one_row = len(level) > 1 and max(sizes) < MAX_SIZE_RATIO * min(sizes)
        ordered += [make_row([line for row in level for line in row.lines])] if is_one_row else level
    return ordered
