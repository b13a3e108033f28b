"""Tables of text: a caption, a header between it and the columns of text below, and level rules from end to end.

In: an upright page. Out: boxes. The text may be as long as that of paragraphs: caption and header make it cells.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from extractors.geometry import width
from extractors.layout.tables.growth import stand_over
from extractors.layout.tables.lines import Row, column_of, count_words, find_columns, group_rows, lines_inside
from extractors.layout.tables.splits import is_table_caption, starts_caption
from extractors.page import Line
from extractors.types import Box

_MIN_WIDTH = 100.0  # points
_SAME_END = 4.0  # points by which the ends of rules of one table may differ
_INDENT = 12.0  # points by which a caption may start left of the rules
_MAX_CAPTION_ROWS = 6  # below its first, with those of a header that has no rule above it
_MAX_HEADER_ROWS, _MAX_HEADER_WORDS = 4, 12  # the second: of a cell
_MIN_ROWS, _MIN_FILLED = 3, 2  # of the body; lines in a column, in two columns at least
_MAX_HEADING_ROWS, _MAX_ACROSS = 2, 0.2  # further down: rows of a heading; texts across columns, by rows
_SAME_SIZE = 0.5  # points by which the text sizes of one table may differ


def captioned_regions(level_rules: Sequence[Box], lines: Sequence[Line]) -> Iterator[Box]:
    """Boxes from the header to the last rule of the tables below the captions of a page."""
    for caption in filter(is_table_caption, lines):
        rules = _rules_below(caption, level_rules)
        region = _table_between(rules, caption, lines) if len(rules) > 1 else None
        if region:
            yield region


def _rules_below(caption: Line, level_rules: Sequence[Box]) -> list[Box]:
    """The nearest rule below a caption that reaches over its start, and those below with the same ends."""
    start, _, _, bottom = caption.box
    below = [rule for rule in level_rules if rule[1] >= bottom - caption.size / 2 and width(rule) > _MIN_WIDTH]
    below = sorted((r for r in below if r[0] - _INDENT < start < r[2]), key=lambda rule: rule[1])
    return [r for r in below if abs(r[0] - below[0][0]) < _SAME_END and abs(r[2] - below[0][2]) < _SAME_END]


def _table_between(rules: Sequence[Box], caption: Line, lines: Sequence[Line]) -> Box | None:
    """The table that begins below a caption, if there is one."""
    x0, _, x1, _ = rules[0]
    heights = [caption.box[3], *(rule[1] for rule in rules)]
    strips = [group_rows(lines_inside((x0, top, x1, bottom), lines)) for top, bottom in pairwise(heights)]
    if len(strips[0]) > _MAX_CAPTION_ROWS:
        return None
    # Without a rule between caption and header, the header is the last row above the first rule.
    first = 0 if strips[0] and len(strips[0][-1]) > 1 else next((n for n, s in enumerate(strips) if n and s), 0)
    header = strips[first] if first else strips[0][-1:]
    body: list[Row] = []
    last = first
    for n, strip in enumerate(strips[first + 1 :], first + 1):
        if not _continues(body, strip):
            break
        body += strip
        last = n
    if not _is_headed(header, body):
        return None
    top = min(line.box[1] for row in header for line in row)
    return (x0, min(top, heights[first]) if first else top, x1, heights[last + 1])


def _continues(body: Sequence[Row], strip: Sequence[Row]) -> bool:
    """Whether the rows between two rules continue the `body` above: in its text size and columns, or as a heading."""
    if any(starts_caption(row[0]) for row in strip):
        return False
    if not body or not strip:
        return True
    if abs(_text_size(body) - _text_size(strip)) > _SAME_SIZE:
        return False
    columns = find_columns(body)
    lines = [line for row in strip for line in row]
    within = [line for line in lines if any(x0 <= line.box[0] and line.box[2] <= x1 for x0, x1 in columns)]
    is_set_in_columns = len(lines) - len(within) <= _MAX_ACROSS * len(strip)
    is_set_in_columns = is_set_in_columns and len({column_of(line, columns) for line in within}) > 1
    return len(strip) <= _MAX_HEADING_ROWS or is_set_in_columns


def _text_size(rows: Sequence[Row]) -> float:
    return median(line.size for row in rows for line in row)


def _is_headed(header: Sequence[Row], body: Sequence[Row]) -> bool:
    """Whether the header's cells are short and stand over most columns of the body, or a single one over all."""
    if not 0 < len(header) <= _MAX_HEADER_ROWS or len(body) < _MIN_ROWS:
        return False
    if any(count_words(line) > _MAX_HEADER_WORDS for row in header for line in row):
        return False
    columns = find_columns(body)
    filled = Counter(column_of(line, columns) for row in body for line in row)
    if sum(count >= _MIN_FILLED for count in filled.values()) < 2:
        return False
    fullest = max(header, key=len)
    return len(fullest) == 1 or stand_over(fullest, columns)
