"""What belongs to a table outside of its cells: its footnotes, its title, and the unit of its amounts."""

import re
from collections.abc import Collection, Iterable, Sequence
from statistics import median

from extractors.geometry import gaps, stretch_to_column, vertical_overlap, width
from extractors.layout.labels import LABEL
from extractors.layout.tables.lines import Columns, Row, column_of, is_number, is_value, rows_box, without_list_mark
from extractors.page import Line
from extractors.types import Box

_MAX_NOTE_LINES = 15
_GAP = 1.6  # text sizes between a table and its first note, and between two notes
_MIN_CELL_GAP = 2.0  # text sizes between two cells; a mark stands closer to its note
_UNIT_GAP, _MAX_UNIT_WORDS, _MAX_UNITS = 1.5, 15, 2  # text sizes between a unit and the table; words; a unit and a date
_INSIDE = 0.8  # share of a line's width above or below the table
_MIN_COLUMNS = 3  # with two, the middle of the table is not far from that of its values
_CENTRED = 1.5  # text sizes between the middle of a title and that of the table
_SAME_SIZE = 0.3  # points
_SMALLER = 0.95  # text size of notes by that of running text
_MIN_NOTE_WORDS = 6  # in the last row of a table, which is a note if it stands alone
_MAX_INDENT = 0.25  # share of the table's width left of a note; farther right it may continue a cell
_MAX_HANGING = 2.0  # text sizes by which the lines of a cell may be indented against its first

_NOTE = re.compile(
    r"[*∗†‡§¶#]|[(\[]?(?:[a-z]|\d{1,2})[)\]]\s|(?-i:[a-z]\s+[A-Z])|(?:notes?|sources?|abbreviations?|legend|key)\b\s?[:.—–]"
    r"|see (?:accompanying |the )?notes?\b|n/?[am]\s?[:=–—]",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[(\[]?(?:all |the )?(?:amounts?|figures|values|numbers|shares|dollars|euros|pounds|USD?|EUR|GBP|in)\b.*"
    r"(?:thousands?|millions?|billions?|['’]?000s?|percent|%|units?)(?!\w)|[(\[]?[$€£¥].*(?:thousand|million|billion)",
    re.IGNORECASE,
)

_PERIOD = re.compile(
    r"(?:(?:as of|at|for the|fiscal|years?|quarters?|months|weeks|ended|ending|three|six|nine|twelve|thirteen|"
    r"(?:jan|febr)uary|march|april|may|june|july|august|(?:sept|nov|dec)ember|october)\W+|\d{1,2},?\s+)*(?:19|20)\d\d\W*",
    re.IGNORECASE,
)


def split_notes(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of a table, and the last ones that are notes: they stand alone, and begin like a note or are long."""
    count, (left, _, right, _) = len(rows), rows_box(rows)
    while count > 2 and len(note := without_list_mark(rows[count - 1])) == 1:
        text = note[0].text
        indent = rows[count - 1][0].box[0] - left
        if note is not rows[count - 1] and indent > note[0].size:
            break  # a list within a cell
        if indent > _MAX_INDENT * (right - left) and _continues_cell(rows[:count]):
            break
        if is_number(text) or not (_NOTE.match(text) or len(text.split()) >= _MIN_NOTE_WORDS):
            break
        count -= 1
    return list(rows[:count]), list(rows[count:])


def _continues_cell(rows: Sequence[Row]) -> bool:
    """Whether the last row, and those above it that stand alone as well, begin below one of several texts in a row."""
    last = rows[-1][0]
    for row in reversed(rows):
        starts = [-last.size < last.box[0] - line.box[0] < _MAX_HANGING * last.size for line in row]
        if len(row) > 1 or not any(starts):
            return any(starts)
    return False


def count_titles(header: Sequence[Row], body: Sequence[Row], columns: Columns) -> int:
    """How many of the first rows of a header are titles of the table: centred over all of it, not over its values."""
    if len(columns) < _MIN_COLUMNS or not body:
        return 0
    x0, _, x1, _ = rows_box([*header, *body])
    values = [line.box for row in body for line in row if column_of(line, columns) > 0]
    middles = (x0 + x1) / 2, (min(box[0] for box in values) + x1) / 2 if values else x0
    for n, row in enumerate(header):
        x, size = (row[0].box[0] + row[-1].box[2]) / 2, row[0].size
        if len(row) > 1 or abs(x - middles[0]) > _CENTRED * size or abs(x - middles[1]) < 2 * _CENTRED * size:
            return n
    return len(header)


def split_units(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The rows of a table without those above its first value that only say what its amounts are in; their texts."""
    end = next((n for n, row in enumerate(rows) if any(is_value(line.text) for line in row)), 0)
    units = [row for row in rows[:end] if len(row) == 1 and is_unit(row[0])]
    return [row for row in rows if row not in units], [row[0].text for row in units]


def find_notes(table: Box, lines: Iterable[Line], prose: Collection[Line]) -> list[Line]:
    """The lines right below a table that begin like a note, or are set smaller than the running text of the page."""
    body = median(line.size for line in prose) if prose else 0.0
    table = stretch_to_column(table, (line.box for line in prose))
    notes: list[Line] = []
    bottom = table[3]
    below = [line for line in lines if line.box[1] >= table[3] - line.size / 2 and _is_in_width_of(table, line)]
    for line in sorted(below, key=lambda line: line.box[1]):
        begins = bool(_NOTE.match(line.text)) or line.size < _SMALLER * body
        continues = notes and abs(line.size - notes[-1].size) < _SAME_SIZE
        is_near = line.box[1] - bottom < _GAP * line.size
        if not is_near or not (begins or continues) or LABEL.match(line.text) or len(notes) == _MAX_NOTE_LINES:
            break
        if any(_are_cells(line, other) for other in below):
            break
        notes.append(line)
        bottom = line.box[3]
    return notes


def _are_cells(line: Line, other: Line) -> bool:
    """Whether two pieces of text on one line are so far apart that they are cells of a table."""
    return gaps(line.box, other.box)[0] > _MIN_CELL_GAP * line.size and vertical_overlap(line.box, other.box) > 0.5


def find_units(table: Box, lines: Collection[Line]) -> list[Line]:
    """The lines right above a table that say what its amounts are in, and of what date or period they are."""
    found: list[Line] = []
    top = table[1]
    for _ in range(_MAX_UNITS):
        above = (
            line
            for line in lines
            if -line.size / 2 < top - line.box[3] < _UNIT_GAP * line.size and _is_in_width_of(table, line)
        )
        unit = next((line for line in above if line not in found and (is_unit(line) or _is_period(line))), None)
        if unit is None:
            break
        found.insert(0, unit)
        top = unit.box[1]
    return found


def _is_period(line: Line) -> bool:
    return bool(_PERIOD.fullmatch(line.text))


def is_unit(line: Line) -> bool:
    """Whether a line says what amounts are in, such as `(in millions of dollars)`."""
    return bool(_UNIT.match(line.text)) and len(line.text.split()) <= _MAX_UNIT_WORDS


def _is_in_width_of(table: Box, line: Line) -> bool:
    return min(line.box[2], table[2]) - max(line.box[0], table[0]) >= _INSIDE * width(line.box)
