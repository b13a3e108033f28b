"""The lines of a table's region -> rows of cells, by the white between them and by its rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median

from extractors.page import Line
from extractors.types import Box

Row = list[Line]

_NUMBER = re.compile(
    r"^[<>≤≥~±]?\s*[$€£¥]?\s*[(+–−-]?\s*[$€£¥]?\d[\d.,\s]*(?:\s?[%xX×°]|bps|pts?)?\)?[*†‡a-d]?(?:\s*[±(–-].*)?$"
)
_DASH = re.compile(r"^(?:[—–−-]+|n/?[am]|\*+)$", re.IGNORECASE)
_SIGN = re.compile(r"^[$€£¥%)(]{1,3}$")


def is_number(text: str) -> bool:
    """A figure as tables print them: `1,204`, `$(3.5)`, `12 %`, `0.3 ± 0.1`, and the dash for none."""
    return bool(_NUMBER.match(text) or _DASH.match(text))


def levels(lines: Sequence[Line]) -> list[Row]:
    """Lines that stand side by side, from top to bottom, each level from left to right."""
    rows: list[Row] = []
    for line in sorted(lines, key=lambda line: line.box[1] + line.box[3]):
        middle = (line.box[1] + line.box[3]) / 2
        if rows and middle - fmean((one.box[1] + one.box[3]) / 2 for one in rows[-1]) < 0.4 * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def columns(rows: Sequence[Row], rules: Sequence[float] = ()) -> list[tuple[float, float]]:
    """The extents of the columns: white runs between them in nearly all rows, or one of `rules` (x) does.

    A heading may span columns, so that one row in eight may cross the white.
    """
    spans = sorted((line.box[0], line.box[2]) for row in rows for line in row)
    if not spans:
        return []
    least = 0.5 * median(line.size for row in rows for line in row)
    crossing = len(rows) // 8
    ends = sorted({edge for span in spans for edge in span})
    white: list[tuple[float, float]] = []
    for left, right in pairwise(ends):
        if sum(x0 < right and x1 > left for x0, x1 in spans) <= crossing:
            if white and white[-1][1] == left:
                white[-1] = (white[-1][0], right)
            else:
                white.append((left, right))
    cuts = [(a + b) / 2 for a, b in white if b - a >= least]
    cuts += [x for x in rules if not any(abs(x - cut) < 3 for cut in cuts)]
    edges = [ends[0], *sorted(x for x in cuts if ends[0] < x < ends[-1]), ends[-1]]
    return list(pairwise(edges))


def fill(rows: Sequence[Row], across: Sequence[tuple[float, float]]) -> list[list[str]]:
    """The text of every cell, empty columns and columns of mere signs (`$`, `%`) given to their neighbours."""
    grid = [[""] * len(across) for _ in rows]
    for cells, row in zip(grid, rows, strict=True):
        for line in row:
            shared = [min(line.box[2], x1) - max(line.box[0], x0) for x0, x1 in across]
            # What spans columns is the heading of the first of them.
            column = next((n for n, width in enumerate(shared) if width > 0.3 * (line.box[2] - line.box[0])), None)
            column = shared.index(max(shared)) if column is None else column
            cells[column] = f"{cells[column]} {line.text}".strip()
    return _without_signs(grid)


def _without_signs(grid: list[list[str]]) -> list[list[str]]:
    width = len(grid[0]) if grid else 0
    for column in reversed(range(width)):
        texts = [row[column] for row in grid if row[column]]
        signs = [text for text in texts if _SIGN.match(text)]
        if texts and len(signs) < max(1, 0.6 * len(texts)):
            continue
        before = column > 0 and (not texts or signs[0][0] in "%)")
        target = column - 1 if before or column == width - 1 else column + 1
        for row in grid:
            if target >= 0 and row[column]:
                pair = (row[target], row[column]) if target < column else (row[column], row[target])
                row[target] = " ".join(part for part in pair if part)
            del row[column]
        width -= 1
    return grid


def banded(rows: Sequence[Row], rules: Sequence[float]) -> list[Row]:
    """Levels between two rules (y) as one row, where each row has its rule: cells of several lines.

    Not where numbers stand below each other between two rules: those only divide the rows into groups.
    """
    if len(rules) < 3:
        return list(rows)
    bands: list[list[Row]] = [[] for _ in range(len(rules) + 1)]
    for row in rows:
        middle = fmean((line.box[1] + line.box[3]) / 2 for line in row)
        bands[sum(y < middle for y in rules)].append(row)
    made: list[Row] = []
    for band in bands:
        numbers = sum(any(is_number(line.text) for line in row[1:]) for row in band)
        made += band if numbers > 1 else [[line for row in band for line in row]] if band else []
    return made


def merged(grid: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows that only go on with the row above (no first cell, no number) joined to it."""
    made: list[list[str]] = []
    for row in grid:
        goes_on = made and not row[0] and not any(is_number(cell) for cell in row if cell) and len(made) > 1
        if goes_on and all(made[-1][n] for n, cell in enumerate(row) if cell):
            made[-1] = [f"{a} {b}".strip() for a, b in zip(made[-1], row, strict=True)]
        else:
            made.append(list(row))
    return made


def hull(rows: Sequence[Row]) -> Box:
    boxes = [line.box for row in rows for line in row]
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
