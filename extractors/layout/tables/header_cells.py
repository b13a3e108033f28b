"""The cells of a table's header, which may have several levels: over which columns each heading stands."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from extractors.geometry import width
from extractors.layout.tables.lines import LONG_RULE, Columns, Row, column_of, is_year, row_middle
from extractors.page import Line, middle
from extractors.types import Box, TableCell

_RULE_BELOW = 1.2  # text sizes from a heading down to the rule that shows its columns
_OVERLAP = 0.3  # share of a heading over a column from which it counts for it
_MAX_LEADING = 1.4  # text sizes between the middles of two lines of one heading
_SAME_EDGE = 0.35  # text sizes by which edges or middles of two lines of one heading may differ
_MAX_LABEL_COLUMNS = 3  # left of headings that are repeated below several others
_SAME_MIDDLE = 1.0  # text sizes by which the middles of a heading and of its columns may differ


def header_cells(
    rows: Sequence[Row], columns: Columns, rules: Sequence[Box], borders: Sequence[Box] = ()
) -> list[TableCell]:
    """The cells of a header, its levels from top to bottom; together they cover it.

    `rules` are level ones, `borders` the upright ones, of which those on both sides of a heading show its columns.
    """
    levels: list[list[TableCell]] = []
    lower = _Lower({}, {}, {})
    for n in reversed(range(len(rows))):
        row = rows[n]
        if len(row) == 1 and n + 1 < len(rows) and _has_long_rule_between(row, rows[n + 1], columns, rules):
            levels.append([_header_cell(n, range(len(columns)), row[0].text)])
            continue
        taken = _without_columns_of_others([_columns_below(line, columns) for line in row])
        cells: list[TableCell] = []
        spans = []
        for line, own in zip(row, taken, strict=True):
            others = {column for span in taken if span is not own for column in span}
            between = _columns_between_borders(line, row, columns, borders)
            below = rows[n + 1] if n + 1 < len(rows) and len(row) == 1 else []
            between = between or _columns_of_years(below, own, columns)
            spans.append(between or _span(line, row, own, columns, rules, lower.without(others)))
            cells = _add_cell(cells, _header_cell(n, spans[-1], line.text))
        levels.append(cells)
        lower = lower.under(row, spans)
    return _fill_levels(_over_repeated_headings(levels[::-1], len(columns)), len(columns))


@dataclass(frozen=True, slots=True)
class _Lower:
    """The headings below a level of the header, by column."""

    extents: dict[int, tuple[float, float]]
    spans: dict[int, range]
    heights: dict[int, float]
    """The middle of the highest."""

    def without(self, columns: Collection[int]) -> "_Lower":
        return _Lower(
            {column: extent for column, extent in self.extents.items() if column not in columns},
            self.spans,
            self.heights,
        )

    def under(self, row: Row, spans: Sequence[range]) -> "_Lower":
        """These, with a row above them."""
        extents, columns, heights = dict(self.extents), dict(self.spans), dict(self.heights)
        for line, span in zip(row, spans, strict=True):
            known = [extents[column] for column in span if column in extents]
            left = min([line.box[0], *(extent[0] for extent in known)])
            right = max([line.box[2], *(extent[1] for extent in known)])
            for column in span:
                extents[column] = (left, right) if len(span) == 1 or column not in extents else extents[column]
                columns[column] = span if column not in columns or len(span) > 1 else columns[column]
                heights[column] = middle(line)
        return _Lower(extents, columns, heights)


def _over_repeated_headings(levels: Sequence[Sequence[TableCell]], columns: int) -> list[Sequence[TableCell]]:
    """The levels, each heading over one repetition of the headings below: `A, B` over `n, %, n, %`."""
    changed = list(levels)
    for number, level in enumerate(levels[:-1]):
        below = [cell for lower in levels[number + 1 :] for cell in lower if cell.column_span == 1]
        texts = ["".join(c.text for c in below if c.column == n).replace(" ", "") for n in range(columns)]
        for labels in range(min(_MAX_LABEL_COLUMNS, columns) + 1):
            over = [cell for cell in level if cell.column + cell.column_span > labels]
            size = (columns - labels) // max(1, len(over))
            unit = texts[labels : labels + size]
            is_repeated = all(unit) and 1 < size == len(set(unit)) and texts[labels:] == unit * len(over)
            if is_repeated and 1 < len(over) == len({cell.text for cell in over}):
                starts = range(labels, columns, size)
                own = [replace(cell, column=n, column_span=size) for n, cell in zip(starts, over, strict=True)]
                changed[number] = [*(cell for cell in level if cell not in over), *own]
                break
    return changed


def _header_cell(row: int, columns: range, text: str) -> TableCell:
    return TableCell(row, columns[0], text.strip(), column_span=len(columns), header=True)


def _add_cell(cells: Sequence[TableCell], cell: TableCell) -> list[TableCell]:
    """The cells of one level with another one on their right; it shares no column with those before it."""
    before = cells[-1] if cells else None
    if before is None or before.column + before.column_span <= cell.column:
        return [*cells, cell]
    if before.column < cell.column:
        return [*cells[:-1], replace(before, column_span=cell.column - before.column), cell]
    if before.column + before.column_span < cell.column + cell.column_span:
        first = before.column + before.column_span
        return [*cells, replace(cell, column=first, column_span=cell.column + cell.column_span - first)]
    return [*cells[:-1], replace(before, text=f"{before.text} {cell.text}")]


def _fill_levels(levels: Sequence[Sequence[TableCell]], columns: int) -> list[TableCell]:
    """One cell for texts of the same columns that follow each other, and no empty places above or below them."""
    open_cells: list[TableCell | None] = [None] * columns  # the lowest cell of every column so far
    cells: list[TableCell] = []
    for level in levels:
        for cell in level:
            span = range(cell.column, cell.column + cell.column_span)
            above = open_cells[cell.column]
            if above and (above.column, above.column_span) == (cell.column, cell.column_span):
                cells.remove(above)
                cell = replace(above, text=f"{above.text} {cell.text}")
            cells.append(cell)
            for column in span:
                open_cells[column] = cell
    cells = [cell for cell in cells if cell.text]
    starts = sorted({cell.row for cell in cells})
    cells = sorted((replace(cell, row=starts.index(cell.row)) for cell in cells), key=lambda c: (c.row, c.column))
    return [_stretch_down(_stretch_up(cell, cells), cells, len(starts)) for cell in cells]


def _stretch_up(cell: TableCell, cells: Sequence[TableCell]) -> TableCell:
    above = [other.row for other in cells if other.row < cell.row and _share_columns(cell, other)]
    return cell if above else replace(cell, row=0, row_span=cell.row + 1)


def _stretch_down(cell: TableCell, cells: Sequence[TableCell], rows: int) -> TableCell:
    last = cell.row + cell.row_span - 1
    below = [other.row for other in cells if other.row > last and _share_columns(cell, other)]
    return replace(cell, row_span=min(below, default=rows) - cell.row)


def _share_columns(a: TableCell, b: TableCell) -> bool:
    return a.column < b.column + b.column_span and b.column < a.column + a.column_span


def _share_rows(a: TableCell, b: TableCell) -> bool:
    return a.row < b.row + b.row_span and b.row < a.row + a.row_span


def remove_column(cells: Sequence[TableCell], column: int, target: int) -> list[TableCell]:
    """The cells of a header without a column; a text that stands only above it moves to the column `target`."""
    kept: list[TableCell] = []
    moved = [cell for cell in cells if (cell.column, cell.column_span) == (column, 1)]
    for cell in cells:
        reaches = cell.column <= column < cell.column + cell.column_span
        if cell not in moved:
            first = cell.column - (cell.column > column)
            kept.append(replace(cell, column=first, column_span=cell.column_span - reaches))
    to_left = target < column
    for cell in moved:
        place = replace(cell, column=target if to_left else target - 1)
        over = [n for n, other in enumerate(kept) if _share_columns(other, place) and _share_rows(other, place)]
        if not over:
            kept.append(place)
        for n in over[:1]:
            texts = (kept[n].text, cell.text) if to_left else (cell.text, kept[n].text)
            kept[n] = replace(kept[n], text=" ".join(texts))
    return kept


def _has_long_rule_between(upper: Row, lower: Row, columns: Columns, rules: Sequence[Box]) -> bool:
    least = LONG_RULE * (columns[-1][1] - columns[0][0])
    return any(row_middle(upper) < rule[1] < row_middle(lower) and width(rule) > least for rule in rules)


def _columns_below(line: Line, columns: Columns) -> range:
    """The columns over which a heading stands."""
    least = _OVERLAP * (line.box[2] - line.box[0])
    over = [
        n
        for n, (x0, x1) in enumerate(columns)
        if (shared := min(line.box[2], x1) - max(line.box[0], x0)) > least or shared > 2 * _OVERLAP * (x1 - x0)
    ]
    return range(over[0], over[-1] + 1) if over else range(column_of(line, columns), column_of(line, columns) + 1)


def _without_columns_of_others(spans: Sequence[range]) -> list[range]:
    """The columns of the headings of one row, of each without those over which another one stands alone."""
    singles = {span[0] for span in spans if len(span) == 1}
    own = [[n for n in span if len(span) == 1 or n not in singles] or span for span in spans]
    return [range(columns[0], columns[-1] + 1) for columns in own]


def _span(line: Line, row: Row, own: range, columns: Columns, rules: Sequence[Box], lower: _Lower) -> range:
    """The columns of a heading: those above the rule below it, or those around whose middle it stands.

    `lower`: the headings below it, in columns that have no other one beside this.
    """
    if under := _columns_above_rule(line, row, columns, rules, lower):
        return range(min(under[0], own[0]), max(under[-1], own[-1]) + 1)
    x = (line.box[0] + line.box[2]) / 2
    free = lower.extents
    below = {lower.spans[n] for n, (left, right) in free.items() if left < line.box[2] and line.box[0] < right}
    is_apart = not any(n in free and _continues(line, free[n], lower.heights[n]) for n in own)
    if len(below) == 1 and not is_apart:
        span = below.pop()
        extents = [free[n] for n in span if n in free]
        if min(left for left, _ in extents) <= x <= max(right for _, right in extents):
            return span  # the first line of a heading of several lines
    is_over_one = len(own) == 1 and own[0] in free and free[own[0]][0] <= x <= free[own[0]][1]
    if (is_over_one and not is_apart) or not free.keys() >= set(own):
        return own
    first, last = own[0], own[-1]
    while first - 1 in free:
        first -= 1
    while last + 1 in free:
        last += 1
    spans = [range(a, b + 1) for a in range(first, own[0] + 1) for b in range(own[-1], last + 1)]
    centred = [span for span in spans if abs((free[span[0]][0] + free[span[-1]][1]) / 2 - x) < _SAME_MIDDLE * line.size]
    return max(centred, key=len, default=own)


def _continues(line: Line, extent: tuple[float, float], height: float) -> bool:
    """Whether the text below can be the next line of a heading: right below it, and aligned with it."""
    left, right = extent[0] - line.box[0], extent[1] - line.box[2]
    is_aligned = min(abs(left), abs(right), abs(left + right) / 2) < _SAME_EDGE * line.size
    return is_aligned and height - middle(line) < _MAX_LEADING * line.size


def _columns_between_borders(line: Line, row: Row, columns: Columns, borders: Sequence[Box]) -> range | None:
    """The columns between the upright rules next to a heading, if it stands there alone in its row."""
    xs = [x0 for x0, y0, _, y1 in borders if y0 < middle(line) < y1]
    places = [(other.box[0] + other.box[2]) / 2 for other in row]
    x = places[row.index(line)]
    left, right = max((at for at in xs if at < x), default=None), min((at for at in xs if at > x), default=None)
    if left is None or right is None or sum(left < place < right for place in places) > 1:
        return None
    inside = [n for n, (x0, x1) in enumerate(columns) if left < (x0 + x1) / 2 < right]
    return range(inside[0], inside[-1] + 1) if inside else None


def _columns_of_years(below: Row, own: range, columns: Columns) -> range | None:
    """The columns of the years below a heading that stands alone in its row over one of them, such as `Year ended`."""
    years = sorted(column_of(line, columns) for line in below if is_year(line.text))
    return range(years[0], years[-1] + 1) if len(years) > 1 and set(years) & set(own) else None


def _columns_above_rule(line: Line, row: Row, columns: Columns, rules: Sequence[Box], lower: _Lower) -> list[int]:
    """The columns over a short rule right below a heading, if there is one below no other heading of its row."""
    total = columns[-1][1] - columns[0][0]
    places = [lower.extents.get(n, extent) for n, extent in enumerate(columns)]
    for rule in rules:
        is_below = -line.size / 2 < rule[1] - line.box[3] < _RULE_BELOW * line.size
        over = [other for other in row if rule[0] < (other.box[0] + other.box[2]) / 2 < rule[2]]
        if is_below and width(rule) < LONG_RULE * total and over == [line]:
            return [n for n, (x0, x1) in enumerate(places) if rule[0] < (x0 + x1) / 2 < rule[2]]
    return []
