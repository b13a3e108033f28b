"""Find the tables and notes of a sheet, which empty rows and columns separate."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from extractors.sheets.types import MAX_CELLS, Cell, Cells

MAX_GAP = 2
"""Empty rows or columns across which parts of one table are joined."""
MAX_HEADER_ROWS = 5
MAX_CAPTION_LENGTH = 200
"""Characters of a text above a table from which it is a paragraph and not its caption."""
MAX_PLACES = 5 * MAX_CELLS
"""Places of a sheet with those that merged cells reach into; others count as single cells, as in a merged sheet."""
_COVERED = Cell("")

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SheetTable:
    row: int
    column: int
    rows: Sequence[Sequence[Cell]]
    """As in HTML: without the places that merged cells reach into."""
    header_rows: int
    caption: str = ""


@dataclass(frozen=True, slots=True)
class SheetText:
    row: int
    column: int
    text: str


def find_tables(cells: Cells) -> list[SheetTable | SheetText]:
    """Return the tables and the other texts of a sheet, from top to bottom.

    Empty rows and columns separate them; what continues a table behind a gap, because it has no header or no labels
    of its own, is part of it.
    """
    filled: dict[Place, Cell] = {}
    for (row, column), cell in cells.items():
        if len(filled) + cell.rows * cell.columns <= MAX_PLACES:
            for place in ((row + i, column + j) for i in range(cell.rows) for j in range(cell.columns)):
                filled.setdefault(place, _COVERED)
        filled[row, column] = cell
    found: list[SheetTable | SheetText] = []
    for region in _regions(filled):
        found += _read_region(region)
    return _with_captions(sorted(found, key=lambda one: (one.row, one.column)))


def _regions(cells: dict[Place, Cell]) -> list[dict[Place, Cell]]:
    for axis in (0, 1):
        values = sorted({place[axis] for place in cells})
        cuts = [after for before, after in pairwise(values) if after - before > 1]
        parts: list[dict[Place, Cell]] = [{} for _ in range(len(cuts) + 1)]
        for place, cell in cells.items():
            parts[bisect_right(cuts, place[axis])][place] = cell
        joined = parts[:1]
        for part in parts[1:]:
            if _continues(joined[-1], part, axis):
                joined[-1] = joined[-1] | part
            else:
                joined.append(part)
        if len(joined) > 1:
            return [region for part in joined for region in _regions(part)]
    return [cells]


def _continues(before: dict[Place, Cell], part: dict[Place, Cell], axis: int) -> bool:
    """Whether a part behind a gap belongs to the table before it: rows without a header, or columns without labels."""
    start = min(place[axis] for place in part)
    gap = start - max(place[axis] for place in before) - 1
    across = 1 - axis
    span, span_before = ({place[across] for place in one} for one in (part, before))
    length, length_before = (len({place[axis] for place in one}) for one in (part, before))
    if gap > MAX_GAP:
        return False
    kinds = [cell.kind for place, cell in part.items() if place[axis] == start and cell is not _COVERED]
    if axis == 0:
        is_inside = min(span) == min(span_before) and max(span) <= max(span_before) and len(span) > 1
        is_alike = length == length_before == 1 and span == span_before  # a table with empty rows between all others
        return is_inside and (is_alike or (length_before > 1 and "number" in kinds))
    if min(length, length_before) == 1:  # a column alone belongs to what is beside it
        return 2 * len(span & span_before) >= min(len(span), len(span_before)) > 1
    return span <= span_before and 2 * kinds.count("number") > len(kinds)


def _read_region(cells: dict[Place, Cell]) -> Iterator[SheetTable | SheetText]:
    """The table of a region, with the lines above and below it that are no rows of it; else its texts."""
    rows = sorted({place[0] for place in cells if cells[place] is not _COVERED})
    by_row: dict[int, dict[int, Cell]] = {row: {} for row in rows}
    for (row, column), cell in cells.items():
        if row in by_row:
            by_row[row][column] = cell
    own = {row: [cell for cell in by_row[row].values() if cell is not _COVERED] for row in rows}
    has_rows = [len(own[row]) > 1 for row in rows]
    first = has_rows.index(True) if any(has_rows) else len(rows)
    end = len(rows) - has_rows[::-1].index(True) if any(has_rows) else len(rows)
    while end < len(rows) and own[rows[end]][0].kind != "text":  # a last number, such as a total, is part of it
        end += 1
    if end - first < 2:
        first = end = len(rows)
    for row in (*rows[:first], *rows[end:]) if end > first else rows:
        texts = [cell.text for _, cell in sorted(by_row[row].items()) if cell is not _COVERED]
        yield SheetText(row, min(by_row[row]), (": " if len(texts) == 2 else ", ").join(texts))
    if end > first:
        kept = rows[first:end]
        columns = sorted({column for row in kept for column, cell in by_row[row].items() if cell is not _COVERED})
        table = [list(_row_cells(by_row[row], kept, columns, row)) for row in kept]
        yield SheetTable(kept[0], columns[0], table, _count_header_rows([by_row[row] for row in kept]))


def _row_cells(row: dict[int, Cell], rows: Sequence[int], columns: Sequence[int], number: int) -> Iterator[Cell]:
    """The cells of a row, with spans in rows and columns that are not empty. A text alone is the label of a group."""
    own = [cell for cell in row.values() if cell is not _COVERED]
    if number != rows[0] and len(own) == len(row) == 1 and columns[0] in row and own[0].kind == "text":
        yield Cell(own[0].text, columns=len(columns))
        return
    for column in columns:
        cell = row.get(column, Cell(" "))
        if cell is not _COVERED:
            height = bisect_left(rows, number + cell.rows) - bisect_left(rows, number)
            width = bisect_left(columns, column + cell.columns) - bisect_left(columns, column)
            yield Cell(cell.text.strip(), cell.kind, height, width)


def _count_header_rows(rows: Sequence[dict[int, Cell]]) -> int:
    """Rows of headers: they have no numbers, or only years and dates, where those below do."""
    any_numbers = any(cell.kind == "number" for row in rows for cell in row.values())
    if not _may_be_header(rows[0], rows[1:]):
        return 0
    count = 1
    while count < min(MAX_HEADER_ROWS, len(rows) - 1):
        above, row = rows[count - 1], rows[count]
        own, next_own = ([cell for cell in one.values() if cell is not _COVERED] for one in (above, row))
        has_levels = any(cell.columns > 1 or cell.rows > 1 for cell in own) or (
            any_numbers and len(own) < len(next_own)
        )
        if not has_levels or len(next_own) < 2 or not _may_be_header(row, rows[count + 1 :]):
            break
        count += 1
    return count


def _may_be_header(row: dict[int, Cell], below: Sequence[dict[int, Cell]]) -> bool:
    """Whether a row has no values: texts only, and years and dates in columns of something else."""
    for column, cell in row.items():
        others = [one[column].kind for one in below if column in one and one[column] is not _COVERED]
        if cell.kind == "number" or (cell.kind != "text" and cell.kind in others):
            return False
    return True


def _with_captions(found: list[SheetTable | SheetText]) -> list[SheetTable | SheetText]:
    """Texts directly above a table, and nothing beside them, become its caption."""
    result: list[SheetTable | SheetText] = []
    for one in found:
        if isinstance(one, SheetTable):
            right = one.column + max(sum(cell.columns for cell in row) for row in one.rows)
            lines: list[str] = []
            top = one.row
            while result and isinstance(above := result[-1], SheetText):
                is_above = 0 < top - above.row <= MAX_GAP and one.column <= above.column < right
                if not is_above or len(above.text) > MAX_CAPTION_LENGTH or len(lines) == 2:
                    break
                top = above.row
                lines.insert(0, above.text)
                result.pop()
            one = SheetTable(one.row, one.column, one.rows, one.header_rows, " ".join(lines))
        result.append(one)
    return result
