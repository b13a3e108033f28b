"""The rows of a table's body, where cells take several lines or stand beside several rows.

In: lines grouped by height, and the columns. Out: the lines, grouped into rows as a reader sees them.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from extractors.layout.table_groups import spans_columns
from extractors.layout.table_lines import Columns, Row, column_of, is_number, row_middle
from extractors.page import Line, middle

_MIN_NUMERIC, _MIN_NUMBERS = 0.6, 2  # share and count of numbers from which a column is one of numbers
_OWN_ROW = 0.85  # share of the least distance of two rows of numbers at which other lines are a row of their own
_MIN_FULL = 0.5  # pieces of text against the fullest row, from which a row with numbers is certainly a row
_MOSTLY = 0.6  # share of the rows of numbers that have a label on their line, if labels are level with their rows
_MIN_CENTRED = 0.5  # share of the labels that are level with no row, if they stand at half the height of several
_SAME_DISTANCE = 0.5  # points by which equal distances may differ
_MAX_LEADING = 1.4  # text sizes between the middles of two lines of one cell
# Gaps between rows against gaps within them: the ratio, and the difference in text sizes.
_MIN_GAP_RATIO, _MIN_GAP_STEP = 1.35, 0.2


def join_cell_lines(rows: Sequence[Row], columns: Columns) -> list[Row]:
    """The rows of a body: the lines around each row of numbers, or between wide gaps where there are few numbers."""
    numeric = numeric_columns(rows, columns)
    anchors = [n for n, row in enumerate(rows) if any(_is_number_in(line, numeric, columns) for line in row)]
    full = [n for n in anchors if len(rows[n]) >= _MIN_FULL * max(len(rows[other]) for other in anchors)]
    if len(full) < _MIN_NUMBERS:
        return _join_between_gaps(rows, columns)
    pitch = min(row_middle(rows[b]) - row_middle(rows[a]) for a, b in pairwise(full))
    anchors = [n for n in anchors if n in full or _distance(rows, n, full) >= _OWN_ROW * pitch]
    heads = sorted({*anchors, *(n for n in range(len(rows)) if _is_own_row(rows, n, columns, pitch))})
    level = sum(any(column_of(line, columns) == 0 for line in rows[n]) for n in anchors) > _MOSTLY * len(anchors)
    cuts = [0, *(_cut(rows, a, b, level) for a, b in pairwise(heads)), len(rows)]
    joined = [[line for row in rows[first:end] for line in row] for first, end in pairwise(cuts)]
    for column in range(min(numeric)):
        joined = _repeat_centred_labels(joined, column, columns, pitch)
    return joined


def numeric_columns(rows: Sequence[Row], columns: Columns) -> frozenset[int]:
    """The columns, other than the first, most of whose lines are numbers."""
    counts: dict[int, list[bool]] = {}
    for row in rows:
        for line in row:
            counts.setdefault(column_of(line, columns), []).append(is_number(line.text))
    return frozenset(
        column
        for column, numbers in counts.items()
        if column and sum(numbers) >= max(_MIN_NUMBERS, _MIN_NUMERIC * len(numbers))
    )


def _is_number_in(line: Line, numeric: frozenset[int], columns: Columns) -> bool:
    return column_of(line, columns) in numeric and is_number(line.text)


def _distance(rows: Sequence[Row], n: int, others: Iterable[int]) -> float:
    """Points from a row to the nearest of the others."""
    return min(abs(row_middle(rows[other]) - row_middle(rows[n])) for other in others)


def _is_own_row(rows: Sequence[Row], n: int, columns: Columns, pitch: float) -> bool:
    """Whether a row without numbers is as far from its neighbours as rows of numbers are.

    It begins in the first column, or is a label across the table.
    """
    near = [other for other in (n - 1, n + 1) if 0 <= other < len(rows)]
    is_label = len(rows[n]) == 1 and spans_columns(rows[n], columns)
    return (is_label or column_of(rows[n][0], columns) == 0) and _distance(rows, n, near) >= _OWN_ROW * pitch


def _cut(rows: Sequence[Row], a: int, b: int, level: bool) -> int:
    """Between two rows of numbers, the first row that belongs to the second: below the widest gap.

    Of equal gaps the last if labels are `level` with their rows, else the one in the middle.
    """
    distances = {n: row_middle(rows[n]) - row_middle(rows[n - 1]) for n in range(a + 1, b + 1)}
    widest = [n for n, distance in distances.items() if distance > max(distances.values()) - _SAME_DISTANCE]
    between = (row_middle(rows[a]) + row_middle(rows[b])) / 2
    if level:
        return widest[-1]
    return min(reversed(widest), key=lambda n: abs((row_middle(rows[n]) + row_middle(rows[n - 1])) / 2 - between))


def _repeat_centred_labels(rows: Sequence[Row], column: int, columns: Columns, pitch: float) -> list[Row]:
    """The rows, each with its own copy of the label that stands at half the height of several rows, if labels do so."""
    lines = [line for row in rows for line in row if column_of(line, columns) == column]
    others = [[line for line in row if column_of(line, columns) > column] for row in rows]
    heights = [row_middle(other) for other in others if other]
    between = [line for line in lines if _is_between(middle(line), heights, (1 - _OWN_ROW) * pitch)]
    if not between or len(between) < _MIN_CENTRED * len(lines):
        return list(rows)
    labels = _stack(lines)
    spread: list[Row] = []
    for row, other in zip(rows, others, strict=True):
        left = [line for line in row if column_of(line, columns) < column]
        own = [line for line in row if column_of(line, columns) == column]
        if other:
            spread.append([*left, *min(labels, key=lambda label: abs(row_middle(label) - row_middle(other))), *other])
        elif not any(line in between for line in own):
            spread.append(row)
    return spread


def _is_between(y: float, heights: Sequence[float], least: float) -> bool:
    """Whether a label is level with no row, but between two of them."""
    return bool(heights) and min(heights) < y < max(heights) and min(abs(y - height) for height in heights) > least


def _stack(lines: Iterable[Line]) -> list[Row]:
    """Lines of one column as cells, each of the lines that follow each other closely."""
    cells: list[Row] = []
    for line in sorted(lines, key=middle):
        if cells and middle(line) - middle(cells[-1][-1]) < _MAX_LEADING * line.size:
            cells[-1].append(line)
        else:
            cells.append([line])
    return cells


def _join_between_gaps(rows: Sequence[Row], columns: Columns) -> list[Row]:
    """The rows, with those joined between which the gap is much narrower than others: lines of one cell."""
    distances = [row_middle(lower) - row_middle(upper) for upper, lower in pairwise(rows)]
    limit = _gap_limit(distances, max((line.size for row in rows for line in row), default=0.0))
    joined: list[Row] = []
    for row, distance in zip(rows, [limit, *distances], strict=False):
        if joined and distance < limit and _is_wrapped(joined[-1], row, columns):
            joined[-1] += row
        else:
            joined.append(list(row))
    return joined


def _is_wrapped(upper: Row, lower: Row, columns: Columns) -> bool:
    """Whether a line of `lower` continues one above it in its column, which had no room for its first word."""
    for line in lower:
        column = column_of(line, columns)
        above = [other for other in upper if column_of(other, columns) == column]
        word = line.text.split()[0]
        length = len(word) / len(line.text) * (line.box[2] - line.box[0])
        if above and max(other.box[2] for other in above) + length > columns[column][1]:
            return True
    return False


def _gap_limit(distances: Sequence[float], size: float) -> float:
    """The distance from which on lines are in different rows; 0 if all distances are alike."""
    steps = [(lower, upper) for lower, upper in pairwise(sorted(distances)) if lower > 0]
    clear = [step for step in steps if step[1] > _MIN_GAP_RATIO * step[0] and step[1] - step[0] > _MIN_GAP_STEP * size]
    if not clear:
        return 0.0
    lower, upper = max(clear, key=lambda step: step[1] / step[0])
    return (lower + upper) / 2
