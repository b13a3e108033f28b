"""The lines of a table's region, before they are cells: rows and columns by white space, and what is a number."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from extractors.geometry import merge_boxes
from extractors.page import Line
from extractors.types import Box

Row = list[Line]
Columns = Sequence[tuple[float, float]]
"""The extents of the columns, from left to right, in points."""

_SAME_ROW = 0.4  # text sizes between the middles of lines in one row
_MIN_GUTTER = 0.5  # median text sizes: narrower white space separates words, not columns
_ROWS_PER_CROSSING = 6  # one row in this many may cross a gutter, as headings that span columns do
_SAME_CUT = 3.0  # points between a gutter and a rule that stand for the same border
_MIN_SHARED_ROWS = 3  # rows of several pieces from which gutters are found in these alone

_NUMBER = re.compile(
    r"^[<>≤≥~±]?\s*[$€£¥]?\s*[(+–−-]?\s*[$€£¥]?\d[\d.,\s]*(?:\s?[%xX×°]|bps|pts?)?\)?[*∗†‡§#^∧a-d]{0,3}(?:\s*(?:[±(–-]|to\b).*)?$"
)
_NO_VALUE = re.compile(r"^(?:[—–−-]+|n/?[am]|\*+)$", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell is numeric: `1,204`, `$(3.5)`, `12 %`, `0.3 ± 0.1`, or a dash for a missing value."""
    return bool(_NUMBER.match(text) or _NO_VALUE.match(text))


def group_rows(lines: Sequence[Line]) -> list[Row]:
    """Lines that stand side by side, rows from top to bottom and each row from left to right."""
    rows: list[Row] = []
    for line in sorted(lines, key=middle):
        if rows and middle(line) - row_middle(rows[-1]) < _SAME_ROW * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def rows_box(rows: Sequence[Row]) -> Box:
    return merge_boxes(line.box for row in rows for line in row)


def row_middle(row: Row) -> float:
    return fmean(map(middle, row))


def column_of(line: Line, columns: Columns) -> int:
    """The column that holds most of a line; of several, the first."""
    shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in columns]
    return shared.index(max(shared))


def find_columns(rows: Sequence[Row], rules: Sequence[float] = ()) -> list[tuple[float, float]]:
    """The extents of the columns, separated by gutters that nearly all rows leave white or by upright `rules`.

    A line that stands alone and reaches over several columns is a title within the table and counts for none.
    """
    shared = [row for row in rows if len(row) > 1]
    if len(shared) >= _MIN_SHARED_ROWS:
        columns = _split_at_gutters(shared, rules)
        alone = [row for row in rows if len(row) == 1 and sum(_overlaps(row[0], column) for column in columns) < 2]
        rows = shared + alone
    return _split_at_gutters(rows, rules)


def _overlaps(line: Line, column: tuple[float, float]) -> bool:
    return line.box[0] < column[1] and line.box[2] > column[0]


def _split_at_gutters(rows: Sequence[Row], rules: Sequence[float]) -> list[tuple[float, float]]:
    spans = sorted((line.box[0], line.box[2]) for row in rows for line in row)
    if not spans:
        return []
    crossings = sum(len(row) > 1 for row in rows) // _ROWS_PER_CROSSING
    min_gutter = _MIN_GUTTER * median(line.size for row in rows for line in row)
    edges = sorted({edge for span in spans for edge in span})
    gutters: list[tuple[float, float]] = []
    for left, right in pairwise(edges):
        if sum(x0 < right and x1 > left for x0, x1 in spans) <= crossings:
            if gutters and gutters[-1][1] == left:
                left = gutters.pop()[0]
            gutters.append((left, right))
    cuts = [(left + right) / 2 for left, right in gutters if right - left >= min_gutter]
    cuts += [x for x in rules if not any(abs(x - cut) < _SAME_CUT for cut in cuts)]
    return list(pairwise([edges[0], *sorted(x for x in cuts if edges[0] < x < edges[-1]), edges[-1]]))
