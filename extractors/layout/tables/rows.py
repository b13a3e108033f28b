"""The rows of a table's body, where cells take several lines or stand beside several rows.

In: lines grouped by height, and the columns. Out: the lines, grouped into rows as a reader sees them.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from extractors.layout.tables.groups import spans_columns
from extractors.layout.tables.lines import Columns, Row, column_of, is_number, is_whole_number, row_middle, rows_box
from extractors.page import Line, middle

_MIN_NUMERIC, _MIN_NUMBERS = 0.6, 2  # share and count of numbers from which a column is one of numbers
_OWN_ROW = 0.85  # share of the least distance of two rows of numbers at which other lines are a row of their own
_MIN_FULL = 0.5  # pieces of text against the fullest row, from which a row with numbers is certainly a row
_MOSTLY_TOPS = 0.85  # share of the texts below the first lines of rows that continue a text there, if cells begin there
_MOSTLY_ENDS = 0.8  # share of the labels of several lines whose last is level with a row, if labels end there
_MIN_CENTRED = 0.5  # share of the labels that are level with no row, if they stand at half the height of several
_MIN_COLUMNS, _MOSTLY_ROWS = 3, 0.8  # columns, and share of the lines that are like rows, from which all are rows
_SAME_SPACE = 0.15  # text sizes by which equal white spaces may differ
_MAX_LEADING = 1.4  # text sizes between the middles of two lines of one cell
# Gaps between rows against gaps within them: the ratio, and the difference in text sizes.
_MIN_GAP_RATIO, _MIN_GAP_STEP = 1.35, 0.2
# Lines within rows that are equally far apart, to a share of the text size; the gaps of others against them.
_EVEN, _MIN_EVEN, _MIN_EVEN_RATIO = 0.03, 4, 1.2  # the second: such distances


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
    at_top = heads[0] == 0 and _begin_cells(rows, heads, columns)
    cuts = [0]
    for a, b in pairwise(heads):
        cuts.append(_cut(rows, cuts[-1], a, b, at_top))
    joined = [[line for row in rows[first:end] for line in row] for first, end in pairwise([*cuts, len(rows)])]
    heights = [row_middle(rows[n]) for n in heads]
    for column in range(len(columns)):
        joined = _repeat_centred_labels(joined, column, columns, heights, pitch)
    return joined


def numeric_columns(rows: Sequence[Row], columns: Columns) -> frozenset[int]:
    """The columns, other than the first, most of whose lines are numbers."""
    counts: dict[int, list[bool]] = {}
    for row in rows:
        for line in row:
            has_digit = any(map(str.isdigit, line.text))
            if has_digit or not is_number(line.text):  # a dash stands for any missing value
                counts.setdefault(column_of(line, columns), []).append(has_digit and is_number(line.text))
    return frozenset(
        column
        for column, numbers in counts.items()
        if column and sum(numbers) >= max(_MIN_NUMBERS, _MIN_NUMERIC * len(numbers))
    )


def _is_number_in(line: Line, numeric: frozenset[int], columns: Columns) -> bool:
    return column_of(line, columns) in numeric and is_whole_number(line.text)


def _distance(rows: Sequence[Row], n: int, others: Iterable[int]) -> float:
    """Points from a row to the nearest of the others."""
    return min(abs(row_middle(rows[other]) - row_middle(rows[n])) for other in others)


def _is_own_row(rows: Sequence[Row], n: int, columns: Columns, pitch: float) -> bool:
    """Whether a row without numbers is as far from its neighbours as rows of numbers are, a full one from that above.

    It begins in the first column, or is a label across the table.
    """
    is_label = len(rows[n]) == 1 and spans_columns(rows[n], columns)
    is_full = len(rows[n]) > _MIN_FULL * len(columns)  # such rows begin cells of several lines
    near = [other for other in ((n - 1,) if is_full else (n - 1, n + 1)) if 0 <= other < len(rows)]
    is_apart = not near or _distance(rows, n, near) >= _OWN_ROW * pitch
    return is_apart and (is_label or column_of(rows[n][0], columns) == 0)


def _begin_cells(rows: Sequence[Row], heads: Sequence[int], columns: Columns) -> bool:
    """Whether nearly all texts between two of the rows `heads` stand in columns that have a text in the first."""
    texts = level = 0
    for a, b in pairwise([*heads, len(rows)]):
        tops = {column_of(line, columns) for line in rows[a]}
        below = {column_of(line, columns) for row in rows[a + 1 : b] for line in row}
        texts += len(below)
        level += len(below & tops)
    return level >= _MOSTLY_TOPS * texts


def _cut(rows: Sequence[Row], first: int, a: int, b: int, at_top: bool) -> int:
    """Between two rows of numbers, the first row that belongs to the second: below the widest white space.

    Of equal spaces the last if numbers stand `at_top` of their rows, else the one that leaves `a` in the middle of the
    rows from `first` on.
    """
    spaces = {n: _space(rows[first:n], rows[n : b + 1]) for n in range(a + 1, b + 1)}
    widest = [n for n, space in spaces.items() if space > max(spaces.values()) - _SAME_SPACE * rows[a][0].size]
    if at_top:
        return widest[-1]
    top = rows_box(rows[first : a + 1])[1]
    return min(reversed(widest), key=lambda n: abs((top + rows_box(rows[first:n])[3]) / 2 - row_middle(rows[a])))


def _space(upper: Sequence[Row], lower: Sequence[Row]) -> float:
    """The white space between rows; negative where lines of different columns reach past each other."""
    return rows_box(lower)[1] - rows_box(upper)[3]


def _repeat_centred_labels(
    rows: Sequence[Row], column: int, columns: Columns, heights: Sequence[float], pitch: float
) -> list[Row]:
    """The rows, each with its own copy of the label that stands at half the height of several rows, if labels do so.

    `heights` are those of the rows.
    """
    own = [[line for line in row if column_of(line, columns) == column] for row in rows]
    labels = _stack(line for cell in own for line in cell)
    least = (1 - _OWN_ROW) * pitch
    taken = _share_out(labels, heights, least)
    if not taken:
        places = [(cell, y) for cell, y in zip(own, heights, strict=True) if len(cell) > 1]
        ends = sum(abs(middle(cell[-1]) - y) <= least for cell, y in places)
        at_end = ends > max(1, _MOSTLY_ENDS * len(places))  # one may be level by chance
        between = [_is_between(cell, y, least, at_end) for cell, y in zip(own, heights, strict=True)]
        if not any(between) or sum(between) < _MIN_CENTRED * sum(map(bool, own)):
            return list(rows)
        taken = [min(labels, key=lambda label: abs(row_middle(label) - y)) for y in heights]
    return [
        [*(line for line in row if line not in cell), *label] for row, cell, label in zip(rows, own, taken, strict=True)
    ]


def _share_out(labels: Sequence[Row], heights: Sequence[float], margin: float) -> list[Row]:
    """The label of every row, if every label stands in the middle of several rows, else none."""
    taken: list[Row] = []
    for label in labels:
        level = sum(any(abs(middle(line) - y) <= margin for line in label) for y in heights)
        first, y = len(taken), row_middle(label)
        ends = (n for n in range(first, len(heights)) if abs((heights[first] + heights[n]) / 2 - y) <= margin)
        last = next(ends, None)
        if last is None or last == first or level > 1:  # with single rows, the few texts of any column would do
            return []
        taken += [label] * (last + 1 - first)
    return taken if len(taken) == len(heights) and 1 < len(labels) < len(heights) else []


def _is_between(cell: Row, y: float, least: float, at_end: bool) -> bool:
    """Whether neither the first line of a cell nor its middle nor, with `at_end`, its last is level with its row."""
    places = [middle(cell[0]), row_middle(cell), *([middle(cell[-1])] if at_end else [])] if cell else []
    return bool(places) and min(abs(place - y) for place in places) > least


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
    """The rows, with those joined between which the gap is much narrower than others: lines of one cell.

    Where the gaps differ less but are even, only the rows of fewer cells continue others.
    """
    if _are_rows(rows, columns):
        return list(rows)
    distances = [row_middle(lower) - row_middle(upper) for upper, lower in pairwise(rows)]
    size = max((line.size for row in rows for line in row), default=0.0)
    limit = _gap_limit(distances, size)
    even_limit = 0.0 if limit else _even_gap_limit(distances, size)
    joined: list[Row] = []
    cells = 0  # of the first line of the last row
    for row, distance in zip(rows, [max(limit, even_limit), *distances], strict=False):
        is_narrow = distance < limit or (distance < even_limit and len(row) < cells)
        if joined and is_narrow and _is_wrapped(joined[-1], row, columns):
            joined[-1] += row
        else:
            joined.append(list(row))
            cells = len(row)
    return joined


def _are_rows(rows: Sequence[Row], columns: Columns) -> bool:
    """Whether nearly all lines have a text in every column and begin with a capital: lines of cells do not."""
    full = sum(len({column_of(line, columns) for line in row}) == len(columns) for row in rows)
    begin = sum(row[0].text[:1].isupper() or row[0].text[:1].isdigit() for row in rows)
    return len(columns) >= _MIN_COLUMNS and min(full, begin) > _MOSTLY_ROWS * len(rows)


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


def _even_gap_limit(distances: Sequence[float], size: float) -> float:
    """The same where the least distances are alike, and the others a little wider; else 0."""
    ascending = sorted(distances)
    even = sum(distance < ascending[0] + _EVEN * size for distance in ascending)
    if not _MIN_EVEN <= even < len(ascending) or ascending[even] <= _MIN_EVEN_RATIO * ascending[0]:
        return 0.0
    return (ascending[even - 1] + ascending[even]) / 2
