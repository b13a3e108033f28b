"""The rows and columns of a table, by the white space between its lines of text and by its rules.

In: the lines in a table's region. Out: a grid of cell texts. Positions of rules are x or y coordinates in points.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from extractors.geometry import merge_boxes
from extractors.page import Line
from extractors.types import Box

Row = list[Line]

_SAME_ROW = 0.4  # text sizes between the middles of lines in one row
_MIN_GUTTER = 0.5  # median text sizes: narrower white space separates words, not columns
_ROWS_PER_CROSSING = 8  # one row in this many may cross a gutter, as headings that span columns do
_SAME_CUT = 3.0  # points between a gutter and a rule that stand for the same border
_SPANNED = 0.3  # share of a text in a column from which it starts there
_MOSTLY_SIGNS = 0.6  # share of a column's cells that are currency or percent signs
_MIN_ROW_RULES = 3  # fewer rules separate the header and the foot, not every row

_NUMBER = re.compile(
    r"^[<>≤≥~±]?\s*[$€£¥]?\s*[(+–−-]?\s*[$€£¥]?\d[\d.,\s]*(?:\s?[%xX×°]|bps|pts?)?\)?[*†‡a-d]?(?:\s*[±(–-].*)?$"
)
_NO_VALUE = re.compile(r"^(?:[—–−-]+|n/?[am]|\*+)$", re.IGNORECASE)
_SIGN = re.compile(r"^[$€£¥%)(]{1,3}$")


def read_cells(lines: Sequence[Line], level_rules: Sequence[float], upright_rules: Sequence[float]) -> list[list[str]]:
    """The text of every cell, row by row, of a table with these lines and rules."""
    rows = group_rows(lines)
    grid = _fill_cells(_merge_rows_between_rules(rows, level_rules), find_columns(rows, upright_rules))
    return _merge_continued_rows(_merge_sign_columns(grid))


def is_number(text: str) -> bool:
    """Whether a cell is numeric: `1,204`, `$(3.5)`, `12 %`, `0.3 ± 0.1`, or a dash for a missing value."""
    return bool(_NUMBER.match(text) or _NO_VALUE.match(text))


def group_rows(lines: Sequence[Line]) -> list[Row]:
    """Lines that stand side by side, rows from top to bottom and each row from left to right."""
    rows: list[Row] = []
    for line in sorted(lines, key=_middle):
        if rows and _middle(line) - fmean(map(_middle, rows[-1])) < _SAME_ROW * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def _middle(line: Line) -> float:
    return (line.box[1] + line.box[3]) / 2


def rows_box(rows: Sequence[Row]) -> Box:
    return merge_boxes(line.box for row in rows for line in row)


def find_columns(rows: Sequence[Row], rules: Sequence[float] = ()) -> list[tuple[float, float]]:
    """The extents of the columns, separated by gutters that nearly all rows leave white or by upright `rules`."""
    spans = sorted((line.box[0], line.box[2]) for row in rows for line in row)
    if not spans:
        return []
    min_gutter = _MIN_GUTTER * median(line.size for row in rows for line in row)
    edges = sorted({edge for span in spans for edge in span})
    gutters: list[tuple[float, float]] = []
    for left, right in pairwise(edges):
        if sum(x0 < right and x1 > left for x0, x1 in spans) <= len(rows) // _ROWS_PER_CROSSING:
            if gutters and gutters[-1][1] == left:
                left = gutters.pop()[0]
            gutters.append((left, right))
    cuts = [(left + right) / 2 for left, right in gutters if right - left >= min_gutter]
    cuts += [x for x in rules if not any(abs(x - cut) < _SAME_CUT for cut in cuts)]
    return list(pairwise([edges[0], *sorted(x for x in cuts if edges[0] < x < edges[-1]), edges[-1]]))


def _fill_cells(rows: Sequence[Row], columns: Sequence[tuple[float, float]]) -> list[list[str]]:
    grid = [[""] * len(columns) for _ in rows]
    for cells, row in zip(grid, rows, strict=True):
        for line in row:
            shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in columns]
            least = _SPANNED * (line.box[2] - line.box[0])
            column = next((n for n, length in enumerate(shared) if length > least), shared.index(max(shared)))
            cells[column] = f"{cells[column]} {line.text}".strip()
    return grid


def _merge_sign_columns(grid: list[list[str]]) -> list[list[str]]:
    """The grid, with empty columns and columns of mere signs (`$`, `%`) merged with their neighbours."""
    width = len(grid[0]) if grid else 0
    for column in reversed(range(width)):
        texts = [row[column] for row in grid if row[column]]
        signs = [text for text in texts if _SIGN.match(text)]
        if texts and len(signs) < max(1, _MOSTLY_SIGNS * len(texts)):
            continue
        after_number = column > 0 and (not texts or signs[0][0] in "%)")
        target = column - 1 if after_number or column == width - 1 else column + 1
        for row in grid:
            if target >= 0 and row[column]:
                pair = (row[target], row[column]) if target < column else (row[column], row[target])
                row[target] = " ".join(filter(None, pair))
            del row[column]
        width -= 1
    return grid


def _merge_rows_between_rules(rows: Sequence[Row], rules: Sequence[float]) -> list[Row]:
    """The rows, with those between two level `rules` as one where every row has its rule: cells of several lines.

    Where several numbers stand below each other between two rules, the rules only separate groups of rows.
    """
    if len(rules) < _MIN_ROW_RULES:
        return list(rows)
    bands: list[list[Row]] = [[] for _ in range(len(rules) + 1)]
    for row in rows:
        middle = fmean(map(_middle, row))
        bands[sum(y < middle for y in rules)].append(row)
    merged: list[Row] = []
    for band in bands:
        numeric = sum(any(is_number(line.text) for line in row[1:]) for row in band)
        if numeric > 1:
            merged += band
        elif band:
            merged.append([line for row in band for line in row])
    return merged


def _merge_continued_rows(grid: Sequence[Sequence[str]]) -> list[list[str]]:
    """The grid, with rows that only continue the row above (no first cell, no number) joined to it."""
    merged: list[list[str]] = []
    for row in grid:
        continues = len(merged) > 1 and not row[0] and not any(is_number(cell) for cell in row if cell)
        if continues and all(above for above, cell in zip(merged[-1], row, strict=True) if cell):
            merged[-1] = [f"{above} {cell}".strip() for above, cell in zip(merged[-1], row, strict=True)]
        else:
            merged.append(list(row))
    return merged
