"""The lines of a table's region, before they are cells: rows and columns by white space, and what is a number."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf
from statistics import fmean, median

from extractors.geometry import merge_boxes
from extractors.page import Line, middle
from extractors.types import Box

Row = list[Line]
Columns = Sequence[tuple[float, float]]
"""The extents of the columns, from left to right, in points."""

LONG_RULE = 0.7  # share of the table's width; shorter rules are below a heading of several columns
_SAME_ROW = 0.4  # text sizes between the middles of lines in one row
_MIN_GUTTER = 0.5  # median text sizes: narrower white space separates words, not columns
_MARK_SIZE, _MARK_GAP = 0.8, 0.3  # text sizes: of a footnote's mark, and between it and the text before
_ROWS_PER_CROSSING = 6  # one row in this many may cross a gutter, as headings that span columns do
_SAME_CUT = 3.0  # points between a gutter and a rule that stand for the same border
_MIN_SHARED_ROWS = 3  # rows of several pieces from which gutters are found in these alone
# Running text.
_PROSE_WORDS, _SHORT_BLOCK = 6.0, 3  # mean words a line of running text; twice as many in blocks of fewer lines
_MIN_PIECES = 3  # in a row of a table in such a block; two are a line with a wide space, or two columns
_MAX_LABEL_LINES = 5  # of a block that is a label; more are a paragraph beside a table
_LONG_PARAGRAPH, _NARROW_WORDS, _FILLED = 6, 3.0, 0.75  # lines; mean words; shares of the width, and of such lines

_NUMBER = re.compile(
    r"^[<>≤≥~±]?\s*[$€£¥]?\s*[(+–−-]?\s*[$€£¥]?\d[\d.,\s]*(?:\s?[%xX×°]|bps|pts?)?\)?[*∗†‡§#^∧a-d]{0,3}"
    r"(?:\s*(?:[±(]|[–-](?![^\W\d_]|\s*[^\W\d_]{2})|to\b).*)?$"  # not "1,8-Cineole"
)
_SIGN_BEFORE, _SIGN_AFTER = re.compile(r"(?:^|\s)(?:US|A|C)?[$€£¥]\s?[(]?$"), re.compile(r"^[)%]{1,2}$")
_MARK = re.compile(r"^[(\[]?(?:[a-z]|\d{1,2}|[*∗†‡§¶#]{1,3})(?:,\s?(?:[a-z]|\d{1,2}|[*†‡§¶#]))*[)\]]?$")
_YEAR = re.compile(r"^(?:19|20)\d\d(?:\s?[–/-]\s?(?:19|20)?\d\d)?$")
_REFERENCE = re.compile(r"^\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]$")
_LIST_MARK = re.compile(r"[(\[]?(?:\d{1,3}|[a-z])[.)\]]|\W{1,3}")
_NO_VALUE = re.compile(r"^(?:[—–−-]+|n/?[am]|\*+)$", re.IGNORECASE)


def is_number(text: str) -> bool:
    """Whether a cell is numeric: `1,204`, `$(3.5)`, `12 %`, `0.3 ± 0.1`, `[3, 5]`, or a dash for a missing value."""
    return bool(_NUMBER.match(text) or _NO_VALUE.match(text) or _REFERENCE.match(text))


def is_value(text: str) -> bool:
    """Whether a cell is a number other than a year or a reference, which head columns as well."""
    return is_number(text) and not is_year(text) and not _REFERENCE.match(text)


def is_year(text: str) -> bool:
    return bool(_YEAR.match(text))


def is_whole_number(text: str) -> bool:
    """Whether a cell is numeric and no part of one that is broken in brackets, as `0.4 (0.3–` above `0.5)`."""
    return is_number(text) and sum(map(text.count, "([")) == sum(map(text.count, ")]"))


def group_rows(lines: Sequence[Line]) -> list[Row]:
    """Lines that stand side by side, rows from top to bottom and each row from left to right."""
    rows: list[Row] = []
    for line in sorted(lines, key=middle):
        if rows and middle(line) - row_middle(rows[-1]) < _SAME_ROW * line.size:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.box[0]) for row in rows]


def find_prose(lines: Sequence[Line]) -> frozenset[Line]:
    """The lines of blocks with many words a line, and of long paragraphs in narrow columns.

    A table may share a block with the text around it: its rows of several short pieces do not count, nor do its labels
    of several lines.
    """
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    prose = frozenset(
        line
        for block in blocks.values()
        if fmean(map(count_words, block)) >= (_PROSE_WORDS if len(block) >= _SHORT_BLOCK else 2 * _PROSE_WORDS)
        or _is_narrow_paragraph(block)
        for row in group_rows(block)
        if len(row) < _MIN_PIECES or fmean(map(count_words, row)) >= _PROSE_WORDS
        for line in row
    )
    short = {n for n, block in blocks.items() if sum(not is_value(line.text) for line in block) <= _MAX_LABEL_LINES}
    return prose.difference(line for line in _long_labels(group_rows(lines)) if line.block in short) if prose else prose


def _long_labels(rows: Sequence[Row]) -> Iterator[Line]:
    """The lines that stand alone between two rows of values in the same columns: labels of several lines."""
    above: list[float] = []  # where the values of the last such row end
    alone: Row = []
    for row in rows:
        ends = [line.box[2] for line in row[1:] if is_value(line.text)]
        if not ends and len(row) == 1:
            alone.append(row[0])
            continue
        if len(ends) > 1 and all(_is_close(end, above) for end in ends):
            left = min(line.box[0] for line in row[1:] if is_value(line.text))
            yield from alone if all(line.box[2] < left for line in alone) else ()
        above, alone = ends, []


def _is_close(end: float, others: Sequence[float]) -> bool:
    return any(abs(end - other) < _SAME_CUT for other in others)


def _is_narrow_paragraph(block: Sequence[Line]) -> bool:
    """Whether many lines of a few words each stand below each other and are filled, as no column of cells is."""
    if len(block) < _LONG_PARAGRAPH or fmean(map(count_words, block)) < _NARROW_WORDS:
        return False
    left, _, right, _ = merge_boxes(line.box for line in block)
    return all(
        upper.box[3] < middle(lower) and lower.box[0] - left < 3 * lower.size for upper, lower in pairwise(block)
    ) and (sum(line.box[2] - left > _FILLED * (right - left) for line in block) >= _FILLED * len(block))


def count_words(line: Line) -> int:
    return len(line.text.split())


def join_marks(lines: Sequence[Line]) -> list[Line]:
    """The lines, with small raised marks of footnotes as part of the text on their left."""
    largest = max((line.size for line in lines), default=0.0)
    joined, parts = list(lines), set()
    for n, mark in enumerate(lines):
        if mark.size < _MARK_SIZE * largest and _MARK.match(mark.text):
            owner = next((m for m, line in enumerate(joined) if _is_marked_by(line, mark)), None)
            if owner is not None:
                joined[owner] = _with_mark(joined[owner], mark)
                parts.add(n)
    return [line for n, line in enumerate(joined) if n not in parts]


def _is_marked_by(line: Line, mark: Line) -> bool:
    is_beside = abs(mark.box[0] - line.box[2]) < _MARK_GAP * line.size
    return is_beside and mark.size < _MARK_SIZE * line.size and line.box[1] < middle(mark) < line.box[3]


def _with_mark(line: Line, mark: Line) -> Line:
    space = " " if mark.text[0] in "([" else ""
    return replace(line, text=f"{line.text}{space}{mark.text}", box=merge_boxes([line.box, mark.box]))


def without_list_mark(row: Row) -> Row:
    """The row without the `(1)` or `•` before its text, unless that is all."""
    is_marked = len(row) > 1 and _LIST_MARK.fullmatch(row[0].text) and not is_number(row[1].text)
    return row[1:] if is_marked else row


def join_signs(row: Row) -> Row:
    """The row, with currency signs that stand apart as part of the number on their right, and `%` of that on the left.

    Only some rows of a table have such signs, at another place than the number's: its box remains without them.
    """
    joined: Row = []
    for line in row:
        before = joined[-1] if joined else None
        sign = (
            _SIGN_BEFORE.search(before.text) if before and is_number(_SIGN_BEFORE.sub("", line.text).rstrip()) else None
        )
        if before and sign:
            rest = before.text[: sign.start()].rstrip()
            share = len(rest) / len(before.text)
            joined[-1:] = [_cut(before, rest, share)] if rest else []
            joined.append(replace(line, text=f"{sign[0].strip()} {line.text}"))
        elif before and _SIGN_AFTER.match(line.text) and is_number(f"{before.text}{line.text}"):
            joined[-1] = replace(before, text=f"{before.text}{line.text}", box=merge_boxes([before.box, line.box]))
        else:
            joined.append(line)
    return joined


def _cut(line: Line, text: str, share: float) -> Line:
    """The first part of a line, as `share` of its width."""
    x0, y0, x1, y1 = line.box
    return replace(line, text=text, box=(x0, y0, x0 + share * (x1 - x0), y1))


def lines_inside(box: Box, lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.belongs_to(box)]


def rows_box(rows: Sequence[Row]) -> Box:
    return merge_boxes(line.box for row in rows for line in row)


def row_middle(row: Row) -> float:
    return sum((line.box[1] + line.box[3]) / 2 for line in row) / len(row)


def column_of(line: Line, columns: Columns) -> int:
    """The column that holds most of a line; of several, the first."""
    left, right = line.box[0], line.box[2]
    best, most = 0, -inf
    for n, (x0, x1) in enumerate(columns):
        shared = (x1 if x1 < right else right) - (x0 if x0 > left else left)
        if shared > most:
            best, most = n, shared
        elif x0 > right:
            break
    return best


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


def count_columns(rows: Sequence[Row]) -> int:
    """The number of columns, without those of the numbers or bullets of a list, which belong to their text."""
    columns = find_columns(rows)
    return len({column_of(line, columns) for row in rows for line in row if not _LIST_MARK.fullmatch(line.text)})


def _overlaps(line: Line, column: tuple[float, float]) -> bool:
    return line.box[0] < column[1] and line.box[2] > column[0]


def _split_at_gutters(rows: Sequence[Row], rules: Sequence[float]) -> list[tuple[float, float]]:
    spans = sorted((line.box[0], line.box[2]) for row in rows for line in row)
    if not spans:
        return []
    crossings = sum(len(row) > 1 for row in rows) // _ROWS_PER_CROSSING
    min_gutter = _MIN_GUTTER * median(line.size for row in rows for line in row)
    edges = sorted({edge for span in spans for edge in span})
    starts, ends = [x0 for x0, _ in spans], sorted(x1 for _, x1 in spans)
    gutters: list[tuple[float, float]] = []
    for left, right in pairwise(edges):
        if bisect_left(starts, right) - bisect_right(ends, left) <= crossings:
            if gutters and gutters[-1][1] == left:
                left = gutters.pop()[0]
            gutters.append((left, right))
    gutters = [part for gutter in gutters for part in _around_texts(gutter, spans, min_gutter)]
    cuts = [(left + right) / 2 for left, right in gutters if right - left >= min_gutter]
    cuts += [x for x in rules if not any(abs(x - cut) < _SAME_CUT for cut in cuts)]
    return list(pairwise([edges[0], *sorted(x for x in cuts if edges[0] < x < edges[-1]), edges[-1]]))


def _around_texts(
    gutter: tuple[float, float], spans: Sequence[tuple[float, float]], min_gutter: float
) -> list[tuple[float, float]]:
    """A gutter, cut at the texts that stand free within it: the few cells of columns that are mostly empty."""
    left, right = gutter
    groups: list[list[tuple[float, float]]] = []  # of the texts, those above each other
    for x0, x1 in spans:
        if left + min_gutter <= x0 and x1 <= right - min_gutter:
            if groups and x0 - max(end for _, end in groups[-1]) < min_gutter:
                groups[-1].append((x0, x1))
            else:
                groups.append([(x0, x1)])
    columns = [(group[0][0], max(x1 for _, x1 in group)) for group in groups if len(group) > 1]
    if not columns and len(groups) > 1:  # one may be anything; several are no parts of the columns beside them
        columns = [(groups[0][0][0], groups[-1][-1][1])]
    return list(zip([left, *(x1 for _, x1 in columns)], [*(x0 for x0, _ in columns), right], strict=True))
