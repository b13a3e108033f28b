"""Tables that have rules around every cell, of which some may span several rows or columns.

In: the lines of text of a table and its rules. Out: its columns, and its cells with their spans.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

from extractors.geometry import merge_boxes
from extractors.layout.tables.lines import Columns, Row, group_rows, is_value, is_whole_number
from extractors.page import Line, middle
from extractors.table_grid import SpannedText
from extractors.types import Box

_SAME_PLACE = 3.0  # points within which two rules are one
_CLOSED = 0.8  # share of a side of a place from which a rule along it closes it
_INSIDE = 0.7  # share of the width of a text that lies between the sides of its cell
_MAX_SPACE = 1.0  # text sizes between two pieces of text on one line of a cell
_LEVEL = 0.15  # text sizes by which the middles of two texts on one line may differ

_Interval = tuple[float, float]
_Place = tuple[int, int]
"""Row and column."""


@dataclass(frozen=True, slots=True)
class RuledTable:
    columns: Columns
    rows: list[list[SpannedText]]
    """As in HTML, each row without the places that cells above it reach into."""
    lines: list[Row]
    """The lines of text of the cells that begin in each row."""
    header_rows: int

    @property
    def has_spans(self) -> bool:
        """Whether a cell below the header spans several rows or columns."""
        return any(max(cell.row_span, cell.column_span) > 1 for row in self.rows[self.header_rows :] for cell in row)


class _Rule(NamedTuple):
    at: float
    start: float
    end: float


class _Cell(NamedTuple):
    row: int
    column: int
    down: int
    across: int
    """The rows and columns that it takes."""


def read_ruled_table(
    header: Sequence[Line], body: Sequence[Line], level_rules: Sequence[Box], borders: Sequence[Box]
) -> RuledTable | None:
    """The cells of a table; None if rules do not show all of them."""
    if not body:
        return None
    lines = [*header, *body]
    left, top, right, bottom = merge_boxes(line.box for line in lines)
    level = [_Rule((y0 + y1) / 2, x0, x1) for x0, y0, x1, y1 in level_rules]
    upright = [_Rule((x0 + x1) / 2, y0, y1) for x0, y0, x1, y1 in borders]
    columns = _intervals(left, [rule.at for rule in upright], right, map(_centre, lines))
    rows = _intervals(top, [rule.at for rule in level], bottom, map(middle, lines))
    cells = _fill_cells(lines, rows, columns, level, upright)
    own = sorted({cell.column for cell, text in cells.items() if text and cell.across == 1})
    if cells and len(own) < len(columns):  # under a heading that spans it, a column may have no text
        columns = _join_intervals(columns, own)
        cells = _fill_cells(lines, rows, columns, level, upright)
    if not _shows_all(cells, len(rows), len(columns)) or not all(map(_is_one_text, cells.values())):
        return None
    if any(_are_labels(cell, text, lines) for cell, text in cells.items()):
        return None
    header_rows = max(
        (cell.row + cell.down for cell, text in cells.items() for line in text if line in header), default=0
    )
    above = [line for cell, text in cells.items() if cell.row < header_rows for line in text]
    if len(above) > len(header):
        return None
    placed: list[list[SpannedText]] = [[] for _ in rows]
    lines_of: list[Row] = [[] for _ in rows]
    for cell, text in sorted(cells.items()):
        joined = " ".join(line.text for row in group_rows(text) for line in row)
        placed[cell.row].append(SpannedText(joined, cell.down, cell.across))
        lines_of[cell.row] += text
    header_rows += _header_rows(placed[header_rows:])
    below = [cell for cell in cells if cell.row >= header_rows]
    if not below or _has_labels_beside(below, len(columns)):
        return None
    return RuledTable(columns, placed, lines_of, header_rows)


def _fill_cells(
    lines: Sequence[Line],
    rows: Sequence[_Interval],
    columns: Sequence[_Interval],
    level: Sequence[_Rule],
    upright: Sequence[_Rule],
) -> dict[_Cell, list[Line]]:
    """The lines of text of each cell; empty if a text crosses the sides of its cell, or a cell is no rectangle."""
    places = _cells(rows, columns, level, upright)
    cells = {cell: list[Line]() for cell in places.values()}
    for line in lines if cells else ():
        cell = places[_index(rows, middle(line)), _index(columns, _centre(line))]
        cells[cell].append(line)
        sides = columns[cell.column][0], columns[cell.column + cell.across - 1][1]
        if min(line.box[2], sides[1]) - max(line.box[0], sides[0]) < _INSIDE * (line.box[2] - line.box[0]):
            return {}
    return cells


def _shows_all(cells: Collection[_Cell], rows: int, columns: int) -> bool:
    """Whether one row has a cell in every column, and one column a cell in every row."""
    in_rows, in_columns = Counter[int](), Counter[int]()
    for cell in cells:
        in_rows.update(range(cell.row, cell.row + cell.down) if cell.across == 1 else ())
        in_columns.update(range(cell.column, cell.column + cell.across) if cell.down == 1 else ())
    return columns > 1 and columns in in_rows.values() and rows in in_columns.values()


def _has_labels_beside(cells: Collection[_Cell], columns: int) -> bool:
    """Whether a row has nothing but the label of a group beside a cell of several rows."""
    tall = {(cell.row, cell.column + cell.across) for cell in cells if cell.down > 1}
    wide = [cell for cell in cells if cell.down == 1 < cell.across and cell.column + cell.across == columns]
    return any((cell.row, cell.column) in tall for cell in wide)


def _header_rows(rows: Sequence[Sequence[SpannedText]]) -> int:
    """Further levels of the header: the rows beside the highest cell of the first of `rows`, if they hold no values."""
    if not rows:
        return 0
    first = max(cell.row_span for cell in rows[0])
    is_header = any(cell.column_span > 1 for cell in rows[0]) and len(rows[0]) > 1
    values = any(is_value(cell.text) for row in rows[:first] for cell in row)
    return first if is_header and 1 < first < len(rows) and not values else 0


def _intervals(low: float, edges: Iterable[float], high: float, centres: Iterable[float]) -> list[_Interval]:
    """Between `low`, `edges` and `high`: those in which a text has its centre, each up to where the next one begins."""
    starts = [low]
    for edge in sorted(edges):
        if starts[-1] + _SAME_PLACE < edge < high:
            starts.append(edge)
    intervals = list(pairwise([*starts, high]))
    return _join_intervals(intervals, sorted({_index(intervals, centre) for centre in centres}))


def _join_intervals(intervals: Sequence[_Interval], kept: Sequence[int]) -> list[_Interval]:
    """Those that are kept; each takes up the others that follow it, and the first those before it."""
    edges = [intervals[0][0], *(intervals[n][0] for n in kept[1:]), intervals[-1][1]]
    return list(pairwise(edges))


def _index(intervals: Sequence[_Interval], at: float) -> int:
    return sum(start < at for start, _ in intervals[1:])


def _centre(line: Line) -> float:
    return (line.box[0] + line.box[2]) / 2


def _cells(
    rows: Sequence[_Interval], columns: Sequence[_Interval], level: Sequence[_Rule], upright: Sequence[_Rule]
) -> dict[_Place, _Cell]:
    """The cell of each place: places that open into each other are one. Empty if one of the cells is no rectangle."""
    roots = {place: place for place in product(range(len(rows)), range(len(columns)))}

    def root(place: _Place) -> _Place:
        while roots[place] != place:
            roots[place] = roots[roots[place]]  # so that the next search is shorter
            place = roots[place]
        return place

    above = [_rules_at(level, start) for start, _ in rows]
    before = [_rules_at(upright, start) for start, _ in columns]
    for row, column in roots:
        if row and not _is_closed(above[row], columns[column]):
            roots[root((row, column))] = root((row - 1, column))
        if column and not _is_closed(before[column], rows[row]):
            roots[root((row, column))] = root((row, column - 1))
    members: dict[_Place, list[_Place]] = {}
    for place in roots:
        members.setdefault(root(place), []).append(place)
    cells = {}
    for places in members.values():
        first, last = min(places), max(places)
        down, across = last[0] - first[0] + 1, last[1] - first[1] + 1
        if len(places) != down * across:
            return {}
        cells.update(dict.fromkeys(places, _Cell(*first, down, across)))
    return cells


def _rules_at(rules: Sequence[_Rule], at: float) -> list[_Rule]:
    return [rule for rule in rules if abs(rule.at - at) < _SAME_PLACE]


def _is_closed(rules: Sequence[_Rule], side: _Interval) -> bool:
    """Whether one of the rules where a side is runs along it."""
    return any(min(rule.end, side[1]) - max(rule.start, side[0]) > _CLOSED * (side[1] - side[0]) for rule in rules)


def _is_one_text(lines: Sequence[Line]) -> bool:
    """Whether lines may be the text of one cell: no numbers below each other, and nothing far beside anything."""
    rows = group_rows(lines)
    numbers = sum(any(is_whole_number(line.text) for line in row) for row in rows)
    return numbers < 2 and all(_is_one_line(row) for row in rows)


def _are_labels(cell: _Cell, lines: Sequence[Line], others: Sequence[Line]) -> bool:
    """Whether the lines of a cell of several rows are the labels of these rows, without rules between them.

    Most are level with another text, and begin as a text does.
    """
    rows = group_rows(lines)
    if cell.down == 1 or len(rows) < cell.down:
        return False
    heights = [middle(line) for line in others if line not in lines]
    level = [any(abs(middle(row[0]) - y) < _LEVEL * row[0].size for y in heights) for row in rows]
    begin = [row[0].text[0].isupper() or row[0].text[0].isdigit() for row in rows[1:]]
    return 2 * sum(level) > len(rows) and 2 * sum(begin) > len(begin)


def _is_one_line(row: Row) -> bool:
    return all(b.box[0] - a.box[2] < _MAX_SPACE * a.size for a, b in pairwise(row))
