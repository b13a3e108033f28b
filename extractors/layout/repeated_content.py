"""What repeats from page to page and is content all the same: copies, forms, headers of tables, text near a header.

In: the lines of a page that may be headers and footers. Out: which of them are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set

from extractors.geometry import area, horizontal_overlap, vertical_overlap
from extractors.layout.captions import begins_caption
from extractors.layout.edge_lines import has_folio, in_margin, level_rows
from extractors.layout.page_sample import GRID
from extractors.layout.rules import find_rules
from extractors.page import Line, PageLayout

MAX_HEADER_ROWS = 4  # of a page's header, or its footer
MIN_HEADER_GAP = 0.9  # line sizes from a header to the text: more than between two lines of it
_MAX_LINES = 60  # of the header and the footer of one page
_MAX_REPEATED = 1 / 3  # of a page's characters: above it the pages are copies, or filled forms
_MAX_NUMBER_GAP = 4  # font sizes from the number of a heading to its words; page numbers stand farther from text
_ROW_SHARE = 0.5  # share of the lower line's height that lines of one row have in common
_SAME_SIZE = 0.5  # points
_MIN_COLUMNS, _MAX_ROWS_TO_CELLS = 3, 4  # below a header, labels of groups may stand above the first row of cells
_MOSTLY_OVER = 0.75  # share of the headings that stand over cells
_MIN_PICTURE = 0.25  # share of a page with hardly any text of its own: a scan or a plate


def are_text(repeated: Set[int], layout: PageLayout) -> bool:
    """Whether so much of a page repeats that it is a copy of another, or the same form with other values."""
    lines = [layout.lines[i] for i in repeated]
    inside = {round(line.box[3] / GRID) for line in lines if not in_margin(line.box, layout)}
    characters, all_characters = (sum(len(line.text) for line in some) for some in (lines, layout.lines))
    rows = max(len(inside), _header_rows(repeated, layout))
    return rows > MAX_HEADER_ROWS and characters > _MAX_REPEATED * all_characters


def joined_to_text(repeated: Set[int], layout: PageLayout) -> set[int]:
    """Those of the lines that stand as close to text of their font as the lines of one paragraph do.

    None of more lines than headers and footers have: each is compared with all the text.
    """
    if len(repeated) > _MAX_LINES:
        return set()
    text = [line for index, line in enumerate(layout.lines) if index not in repeated and line.horizontal]
    left, joined = set(repeated), set[int]()
    while found := {i for i in left if any(_are_of_one_paragraph(layout.lines[i], other) for other in text)}:
        left, joined = left - found, joined | found
        text = [layout.lines[i] for i in found]
    return joined


def _are_of_one_paragraph(line: Line, other: Line) -> bool:
    upper, lower = (line, other) if line.box[1] < other.box[1] else (other, line)
    is_close = lower.box[1] - upper.box[3] < MIN_HEADER_GAP * line.size and horizontal_overlap(line.box, other.box) > 0
    return is_close and line.font == other.font and abs(line.size - other.size) < _SAME_SIZE


def has_picture(layout: PageLayout) -> bool:
    """Whether the page is a scan or a plate, on which a header and a footer may be all of the text."""
    return any(area(raster.box) > _MIN_PICTURE * layout.area for raster in layout.rasters)


def _header_rows(repeated: Set[int], layout: PageLayout) -> int:
    """The number of rows at the head or the foot of the page, whichever are more."""
    boxes = [layout.lines[index].box for index in repeated]
    rows = Counter(at_head for at_head, _ in {(box[3] < layout.height / 2, round(box[3] / GRID)) for box in boxes})
    return max(rows.values(), default=0)


def header_cells(found: Set[int], layout: PageLayout) -> set[int]:
    """Where more rows repeat than headers have, those between the upright rules of a table: its header."""
    if _header_rows(found, layout) <= MAX_HEADER_ROWS:
        return set()
    content = [line.box for index, line in enumerate(layout.lines) if index not in found]
    left, right = min((box[0] for box in content), default=0.0), max((box[2] for box in content), default=0.0)
    tables = [
        rule
        for rule in find_rules(layout.drawings)[1]
        if left < rule[0] < right and any(rule[1] < box[1] and box[3] < rule[3] for box in content)
    ]
    return {i for i in found if any(rule[1] < layout.lines[i].box[1] < rule[3] for rule in tables)}


def column_headings(found: Set[int], layout: PageLayout) -> set[int]:
    """The header of a table: rows of texts close above others in their columns, what is above those, and a caption."""
    indices = level_rows(layout) if len(found) <= _MAX_LINES else []
    rows = [[layout.lines[index] for index in row] for row in indices]
    headings = set[int]()
    for n in reversed(range(len(rows) - 1)):
        gap = min(line.box[1] for line in rows[n + 1]) - max(line.box[3] for line in rows[n])
        if found.isdisjoint(indices[n]) or gap > MIN_HEADER_GAP * rows[n][0].size:
            continue
        if headings.issuperset(indices[n + 1]) or _stands_over(rows[n], rows[n + 1 : n + 1 + _MAX_ROWS_TO_CELLS]):
            headings.update(indices[n])
            if n and begins_caption(rows[n - 1][0].text):
                headings.update(indices[n - 1])
    return headings


def _stands_over(row: Sequence[Line], below: Iterable[Sequence[Line]]) -> bool:
    """Whether most texts of a row stand over one of the first of the rows below that has several."""
    cells = next((other for other in below if len(other) >= _MIN_COLUMNS), [])
    over = sum(any(horizontal_overlap(line.box, cell.box) > 0 for cell in cells) for line in row)
    return len(row) >= _MIN_COLUMNS and over >= _MOSTLY_OVER * len(row) and not has_folio(row)


def numbers_content(index: int, found: Set[int], layout: PageLayout) -> bool:
    """Whether a number stands right before text that is no furniture, or between such texts: a heading, a table."""
    line = layout.lines[index]
    if any(map(str.isalpha, line.text)):
        return False

    def on_row(other: Line) -> bool:
        return vertical_overlap(other.box, line.box) > _ROW_SHARE

    row = [i for i, other in enumerate(layout.lines) if other.horizontal and on_row(other)]
    content = [layout.lines[i].box for i in row if i not in found]
    reach = line.box[2] + _MAX_NUMBER_GAP * line.size
    return bool(content) and (len(row) > 2 or any(line.box[2] <= box[0] <= reach for box in content))
