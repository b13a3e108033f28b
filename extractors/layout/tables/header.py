"""How many of a table's first rows are its header."""

import re
from collections import Counter
from collections.abc import Sequence

from extractors.layout.tables.lines import Row, column_of, find_columns, is_value, row_middle, rows_box
from extractors.layout.tables.splits import is_table_caption
from extractors.page import Line, middle

_MAX_ROWS, _MAX_RULED_ROWS = 4, 8  # lines of a header, and of one with a rule below it
_MIN_BODY_NUMBERS = 0.3  # share of cells that are numbers in a body whose header is recognised by having none
_FRAME = 3.0  # points around the first row in which a rule is the table's upper frame

_COMPARISONS = ("<", ">", "≤", "≥")
_CONTINUED = re.compile(r"\W*cont(?:inued|['’]d|\.)?\W*", re.IGNORECASE)


def drop_caption_rows(rows: Sequence[Row], rules: Sequence[float]) -> list[Row]:
    """The rows without those above the table's upper rule, which end its caption. `rules`: the y of long ones.

    A caption may also end with "(continued)".
    """
    continued = [n for n, row in enumerate(rows[:_MAX_ROWS]) if len(row) == 1 and _CONTINUED.fullmatch(row[0].text)]
    rows = rows[continued[-1] + 1 :] if continued else rows
    rows = rows[_count_caption_rows(rows, rules) :]
    if len(rules) < 2 or rules[0] < rows_box(rows[:1])[1] + _FRAME:  # the first is the upper frame
        return list(rows)
    above = [row for row in rows if rows_box([row])[3] <= rules[0] + _FRAME]
    between = [row for row in rows if rules[0] < middle(row[0]) < rules[1]]
    is_caption = all(len(row) == 1 for row in above) and 0 < len(between) <= _MAX_RULED_ROWS
    return list(rows[len(above) :]) if is_caption and len(rows) - len(above) > 1 else list(rows)


def _count_caption_rows(rows: Sequence[Row], rules: Sequence[float]) -> int:
    """The first rows that are a caption within the table's frame, down to the rule below them."""
    below = [y for y in rules if y > middle(rows[0][0])]
    if not below or not is_table_caption(rows[0][0]):
        return 0
    count = sum(row_middle(row) < below[0] for row in rows)
    return count if count < len(rows) and all(len(row) == 1 for row in rows[:count]) else 0


def count_header_rows(rows: Sequence[Row], rules: Sequence[float]) -> int:
    """How many of the rows are the header: those above the first rule, in another font, or above the numbers.

    0 if nothing tells them from the others. `rules`: the y of long ones.
    """
    first, last = rows_box(rows[:1]), rows_box(rows[-1:])
    ends = [sum(middle(row[0]) < y for row in rows) for y in rules if first[1] + _FRAME < y < last[3] - _FRAME]
    if (
        ends
        and 0 < ends[0] <= _MAX_RULED_ROWS
        and (not _has_many_values(rows[: ends[0]]) or _rows_in_own_font(rows, with_values=True) == ends[0])
    ):
        count = ends[0]
        for end in ends[1:]:
            # A rule below headings of several columns, and another one below their columns' own.
            more = rows[count:end]
            if not (count < end <= _MAX_RULED_ROWS):
                break
            fullest = _pieces(rows[:count])
            is_level = _pieces(more) >= max(2, fullest - 1) and _leaves_labels_empty(more, rows[end:])
            is_level = is_level or _rows_in_own_font(rows) == end
            if _pieces(more) <= fullest and not is_level:  # the rest of a row from the page before has fewer
                break
            if end == len(rows) or _has_many_values(rows[count:end]):
                break
            count = end
        return _without_first_rows_of_body(rows, count)
    return _rows_in_own_font(rows) or _rows_above_numbers(rows) or _rows_without_label(rows)


def _without_first_rows_of_body(rows: Sequence[Row], count: int) -> int:
    """The header rows without those that begin the body, as where every second row has a shade instead of rules."""
    for n, row in enumerate(rows[1:count], 1):
        values = sum(map(_is_amount, row))
        if not is_value(row[0].text) and values > 0 and values >= len(row) - 1 - values:
            count = n
            break
    left = rows_box(rows)[0] + rows[0][0].size
    while count > 1 and len(rows[count - 1]) == 1 and len(rows[count - 2]) > 1:
        # The label of a group, unless it is the header of the labels.
        if rows[count - 1][0].box[0] > left or rows[count - 2][0].box[0] > left:
            break
        count -= 1
    return count


def may_be_header(row: Row) -> bool:
    """Whether the first row of a table that shows no header can be one: it has no values."""
    return not any(is_value(line.text) for line in row)


def _leaves_labels_empty(header: Sequence[Row], body: Sequence[Row]) -> bool:
    """Whether rows that may be a level of the header begin right of the first labels below them."""
    first = min((line for row in body for line in row), key=lambda line: line.box[0], default=None)
    return first is not None and rows_box(header)[0] > first.box[2]


def _pieces(rows: Sequence[Row]) -> int:
    """The pieces of text in the fullest row."""
    return max(map(len, rows), default=0)


def _has_many_values(rows: Sequence[Row]) -> bool:
    lines = [line for row in rows for line in row]
    return sum(map(_is_amount, lines)) > _MIN_BODY_NUMBERS * len(lines)


def _is_amount(line: Line) -> bool:
    """Whether a text is a value and no class of values, as "≥32%" is, which heads columns as well."""
    return is_value(line.text) and not line.text.startswith(_COMPARISONS)


def _rows_in_own_font(rows: Sequence[Row], *, with_values: bool = False) -> int:
    """The number of first rows whose font is that of no other row; 0 if there is none.

    Rows in which many cells are values only count `with_values`.
    """
    fonts = [Counter(line.font for line in row).most_common(1)[0][0] for row in rows]
    count = next((n for n, font in enumerate(fonts) if font != fonts[0]), 0)
    is_own = 0 < count <= _MAX_ROWS and fonts[0] and fonts[0] not in fonts[count:]
    return count if is_own and (with_values or not _has_many_values(rows[:count])) else 0


def _rows_above_numbers(rows: Sequence[Row]) -> int:
    """The number of first rows without numbers if the others are full of them, else 0."""
    count = next((n for n, row in enumerate(rows) if any(is_value(line.text) for line in row[1:])), 0)
    # The last of them may be labels of groups.
    while count > 1 and len(rows[count - 1]) == 1 and any(len(row) > 1 for row in rows[: count - 1]):
        count -= 1
    return count if 0 < count <= _MAX_ROWS and _has_many_values(rows[count:]) else 0


def _rows_without_label(rows: Sequence[Row]) -> int:
    """The number of first rows that leave the first column empty if no other row does."""
    columns = find_columns(rows)
    labelled = [any(column_of(line, columns) == 0 for line in row) for row in rows]
    count = labelled.index(True) if True in labelled else 0
    return count if count <= _MAX_ROWS and all(labelled[count:]) and len(rows) > count + 1 else 0
