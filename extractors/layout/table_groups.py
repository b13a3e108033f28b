"""The groups of a table's rows: which rows are the label of those below them, and where a group ends.

In: the joined rows of a body, and its columns.
"""

from collections.abc import Collection, Sequence

from extractors.layout.table_lines import Columns, Row, column_of, is_number, rows_box
from extractors.table_grid import MAX_LABEL_WORDS

_MAX_LABELS = 0.4  # share of the rows that may be labels
_SAME_MIDDLE = 1.0  # text sizes by which the middles of a label and of the table may differ
_INDENT = 0.4  # text sizes by which the rows of a group are indented against its label


def find_group_labels(rows: Sequence[Row], columns: Columns, numeric: Collection[int]) -> frozenset[int]:
    """The rows that are the label of the rows below: text that stands alone, on the left or across the table.

    Without `numeric` columns, a label that stands in the first column only must be set in a font of its own.
    """
    alone = {n for n, row in enumerate(rows[:-1]) if _stands_alone(row, columns)}
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


def spans_columns(row: Row, columns: Columns) -> bool:
    """Whether a text reaches over several columns, or stands in the middle of the table."""
    x0, _, x1, _ = rows_box([row])
    middle = (columns[0][0] + columns[-1][1]) / 2
    is_centred = abs((x0 + x1) / 2 - middle) < _SAME_MIDDLE * row[0].size and x0 > columns[0][0] + row[0].size
    return is_centred or sum(x0 < right and x1 > left for left, right in columns) > 1


def group_ends(rows: Sequence[Row], labels: Collection[int], columns: Columns) -> list[int]:
    """The rows that no longer belong to the label above: those further left than its own rows, which are indented."""
    ends = []
    left = indented = None
    for n, row in enumerate(rows):
        in_first = [line for line in row if column_of(line, columns) == 0]
        if not in_first:
            continue
        x, indent = min(line.box[0] for line in in_first), _INDENT * in_first[0].size
        if n in labels:
            left, indented = x, None
        elif left is not None:
            if indented is None:
                indented = x > left + indent
            if indented and x <= left + indent / 2:
                ends.append(n)
                left = None
    return ends
