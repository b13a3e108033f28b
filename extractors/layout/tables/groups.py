"""The groups of a table's rows: which rows are the label of those below them, and where a group begins and ends.

In: the joined rows of a body, and its columns.
"""

from collections.abc import Collection, Sequence

from extractors.layout.tables.lines import Columns, Row, column_of, is_number, rows_box
from extractors.page import Line
from extractors.table_grid import MAX_LABEL_WORDS

_MAX_LABELS = 0.5  # share of the rows that may be labels
_SAME_MIDDLE = 1.0  # text sizes by which the middles of a label and of the table may differ
_INDENT = 0.4  # text sizes by which the rows of a group are indented against its label
_SAME_START, _MOSTLY_STARTS = 2.0, 0.5  # points between the starts of texts; share of those of a column


def find_group_labels(rows: Sequence[Row], columns: Columns, numeric: Collection[int]) -> frozenset[int]:
    """The rows that are the label of the rows below: text that stands alone, on the left or across the table.

    Without `numeric` columns, a label that stands in the first column only must be set in a font of its own.
    """
    beside = [line for row in rows for line in row[1:]]
    alone = {n for n, row in enumerate(rows[:-1]) if _stands_alone(row, columns)}
    alone = {n for n in alone if n == 0 or not _begins_column(rows[n][0], columns, beside)}
    fonts = {row[0].font for n, row in enumerate(rows) if n not in alone and row}
    labels = {n for n in alone if numeric or spans_columns(rows[n], columns) or rows[n][0].font not in fonts}
    labels = {n for n in labels if any(other not in labels for other in range(n + 1, len(rows)))}
    return frozenset(labels) if len(labels) <= _MAX_LABELS * len(rows) else frozenset()


def _stands_alone(row: Row, columns: Columns) -> bool:
    text = " ".join(line.text for line in row)
    if not row or len(text.split()) > MAX_LABEL_WORDS or text[:1].islower() or is_number(text):
        return False
    if all(column_of(line, columns) == 0 and line.box[0] < columns[0][1] for line in row):
        return True
    return len(row) == 1 and spans_columns(row, columns)


def _begins_column(line: Line, columns: Columns, others: Sequence[Line]) -> bool:
    """Whether a text is within a column other than the first and begins where most of the `others` in it do."""
    n = column_of(line, columns)
    if n == 0 or line.box[0] < columns[n][0] or line.box[2] > columns[n][1]:
        return False
    same = [abs(line.box[0] - other.box[0]) < _SAME_START for other in others if column_of(other, columns) == n]
    return sum(same) > _MOSTLY_STARTS * len(same)


def spans_columns(row: Row, columns: Columns) -> bool:
    """Whether a text reaches over several columns, or stands in the middle of the table."""
    x0, _, x1, _ = rows_box([row])
    middle = (columns[0][0] + columns[-1][1]) / 2
    is_centred = abs((x0 + x1) / 2 - middle) < _SAME_MIDDLE * row[0].size and x0 > columns[0][0] + row[0].size
    return is_centred or sum(x0 < right and x1 > left for left, right in columns) > 1


def group_starts(rows: Sequence[Row], labels: Collection[int], columns: Columns) -> list[int]:
    """The rows that begin a group: labels other than those of subgroups, and what is less indented than a group's rows.

    The label of a subgroup follows another label, or one of its kind: it is further right, or in another font.
    """
    starts = []
    outer: Line | None = None  # the label of the group
    inner: Line | None = None  # that of the subgroup
    is_indented: bool | None = None  # the rows below the last label, once known
    for n, row in enumerate(rows):
        first = min((line for line in row if column_of(line, columns) == 0), key=lambda line: line.box[0], default=None)
        if n in labels:
            label = row[0]
            if outer and (n - 1 in labels or inner) and not _is_alike(label, outer):
                inner = label
            else:
                outer, inner = label, None
                starts.append(n)
            is_indented = None
        elif first and outer:
            last = inner or outer
            if is_indented is None:
                is_indented = first.box[0] > last.box[0] + _INDENT * first.size
            if is_indented and first.box[0] <= last.box[0] + _INDENT * first.size / 2:
                starts.append(n)
                outer = inner = None
    return starts


def _is_alike(label: Line, outer: Line) -> bool:
    return label.font == outer.font and label.box[0] <= outer.box[0] + _INDENT * label.size
