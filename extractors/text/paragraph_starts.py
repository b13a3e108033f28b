"""Where paragraphs begin in a column of rows: what sets a row apart from the rows above it."""

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from extractors.layout.text_blocks import font_family, is_monospaced
from extractors.text.rows import Row
from extractors.text.sentences import ends_sentence

# Distances in font sizes.
MAX_PITCH = 1.3  # base lines in a paragraph: multiple of the column's usual distance (at least 0.3 more than it)
# Steps of lines in a paragraph, which differ by so little, and their share if more than half of all are larger.
MAX_STEP_DIFFERENCE, MIN_ALIKE = 0.05, 0.15
MIN_ROWS, MIN_PROSE_ROW = 4, 40  # of double-spaced text, and characters of most of them
MAX_TITLE_PITCH = 1.75  # base lines in print a third larger than the column's: titles are set wider than text
MAX_SIZE_DIFFERENCE = 0.12  # relative difference of font sizes within a paragraph
MAX_ROUGH_SIZE_DIFFERENCE = 0.35  # the same for OCR, which measures letters, and for small capitals beside capitals
MIN_LARGER = 1.05  # size of a heading in the font of the text below it
MIN_INDENT, MAX_MISALIGNMENT = 0.8, 0.4  # indent of a first line, and of a line that still counts as flush left
MIN_SHORTFALL = 0.12  # share of the paragraph's width that its last line leaves free
MIN_HEADING_SHORTFALL = 3  # font sizes that a heading leaves free of the line below it
MIN_CELL_GAP, MAX_PIECE_GAP = 2, 3  # white space from a label to its value, and between paragraphs on one line
MIN_LABEL = 6  # characters of a label that is no word; fewer are the number of a heading
MAX_RUN_IN_LINES = 3  # of a heading at the start of a paragraph

_CONTENTS_ENTRY = re.compile(r"(?:\.\s?\.|…|(?:[·_]\s?){4})\s*(?:\d{1,4}|[ivxlc]{1,6})$", re.IGNORECASE)
_NUMBER = re.compile(r"[(\[]?(\d{1,3})(?![\d.,:%/–-]*\d|[.,]?%|st\b|nd\b|rd\b|th\b)[\])]?\s?(?=[^\W\d_]|[“\"‘])")
_SECTION_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2}){1,4}\.?\s+[^\W\d_]")
_CHAPTER_NUMBER = re.compile(r"(\d{1,2})\.?\s+[^\W\d_a-z]")
_FIRST_SECTION_NUMBER = re.compile(r"(\d{1,2})\.1\.?\s+[^\W\d_a-z]")
_NUMBERED_LABEL = re.compile(r"[^\W\d_]+\s(?:\d{1,3}|[IVX]{1,5})[.:]?")
# Not "O. sanctum", a species.
BULLET = re.compile(r"^([•●○◦▪■□►▶➢➤❖✓✔·∙]|[–—*-]\s|(?![A-Z]\.\s[a-zà-ÿ])\(?(\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]\s)")


def usual_pitch(rows: Sequence[Row]) -> float:
    """The usual distance of base lines, in font sizes."""
    steps = [
        (below.box[3] - above.box[3]) / below.main_line.size
        for above, below in pairwise(rows)
        if abs(above.main_line.size - below.main_line.size) < 0.5
    ]
    if _is_double_spaced(rows, steps):
        return median(steps)
    steps = sorted(step for step in steps if 0.8 < step < 2) or [1.2]
    usual, low = median(steps), steps[(len(steps) - 1) // 4]
    # Where most rows are paragraphs, as in lists, most steps include the white space between them.
    alike = sum(abs(step - low) < MAX_STEP_DIFFERENCE * low for step in steps)
    return low if usual > MAX_PITCH * low and alike >= MIN_ALIKE * len(steps) else usual


def _is_double_spaced(rows: Sequence[Row], steps: Sequence[float]) -> bool:
    """Whether prose is set in wide lines at equal distances, as in typescripts and opinions of courts."""
    if len(rows) < MIN_ROWS or median(steps or [0]) < 2:
        return False
    alike = sum(abs(step - median(steps)) < MAX_STEP_DIFFERENCE * step for step in steps)
    is_prose = median(len(row.text) for row in rows) > MIN_PROSE_ROW
    return is_prose and 2 * alike > len(rows) and 2 * sum(ends_sentence(row.text) for row in rows) < len(rows)


def starts_paragraph(group: Sequence[Row], row: Row, column_pitch: float, usual_size: float) -> bool:
    """Return True when a new paragraph starts with `row`, below the rows of `group`."""
    last = group[-1]
    above, line, size = last.main_line, row.main_line, max(last.main_line.size, 1.0)
    if _differs_in_size(last, row) or above.heading != line.heading or _CONTENTS_ENTRY.search(last.text.strip()):
        return True
    pitch = row.box[3] - last.box[3]
    max_pitch = MAX_TITLE_PITCH if size > 1.3 * usual_size else max(MAX_PITCH * column_pitch, column_pitch + 0.3)
    if not -0.5 * size <= pitch <= max_pitch * size:
        return True
    if abs(pitch) < 0.4 * size:
        return row.box[0] - last.box[2] > MAX_PIECE_GAP * size
    text = row.text.strip()
    is_bullet = BULLET.match(text) and not _is_reference(group, row)
    if is_bullet or (is_tabular(row) and is_tabular(last)) or _is_next_number(group[0].text, text):
        return True
    if _SECTION_NUMBER.match(text) and _SECTION_NUMBER.match(group[0].text.strip()):
        return True
    if len(group) <= MAX_RUN_IN_LINES and _is_first_section(group[0].text.strip(), text):
        return True
    left, right = min(r.box[0] for r in group), max(r.box[2] for r in group)
    ended, short = ends_sentence(last.text), last.box[2] < right - MIN_SHORTFALL * (right - left)
    if not (line.ocr or above.ocr) and _changes_style(group, row, ended=ended):
        return True
    is_item = bool(BULLET.match(group[0].text) or _NUMBER.match(group[0].text.strip()))
    indent, is_flush = row.box[0] - left, last.box[0] - left < MAX_MISALIGNMENT * size
    # Such as a heading above its text; items and headings hang, but go on amid a sentence.
    has_room = text[:1].isupper() and last.box[2] < row.box[2] - MIN_SHORTFALL * (row.box[2] - left)
    if indent > MIN_INDENT * size and is_flush and (ended or short or has_room) and not is_item:
        return True
    if has_room and above.size > MIN_LARGER * line.size and len(group) <= MAX_RUN_IN_LINES and not line.ocr:
        return line.size <= MIN_LARGER * usual_size  # text, not the rest of a title in print of several sizes
    is_full = len(group) == 1 and last.box[2] > row.box[2] - MIN_HEADING_SHORTFALL * size  # and begins a paragraph
    if indent < -MIN_INDENT * size and ((ended and not is_full) or short) and not text[:1].islower():
        return True
    is_outdent = abs(row.box[0] - group[0].box[0]) < MAX_MISALIGNMENT * size and not text[:1].islower()
    if is_outdent and ended and (is_item or _hangs(group)):
        return True
    return ended and short and len(group) > 1 and (text[:1].isupper() or text[:1].isdigit())


def _is_reference(group: Sequence[Row], row: Row) -> bool:
    """Whether a row goes on with a letter in brackets amid a sentence: "the plates in (a) and", "(b) are"."""
    last, size = group[-1], row.main_line.size
    left, right = min(r.box[0] for r in group), max(r.box[2] for r in group)
    is_full = last.box[2] > right - MAX_MISALIGNMENT * size and abs(row.box[0] - left) < MAX_MISALIGNMENT * size
    is_amid = last.text.rstrip()[-1:] not in ".;:,?!" and not BULLET.match(group[0].text)
    return row.text.lstrip().startswith("(") and is_full and is_amid and len(last.text) >= MIN_PROSE_ROW


def _changes_style(group: Sequence[Row], row: Row, *, ended: bool) -> bool:
    """Whether a row is in another font than those of a heading or a line of code above it, or the other way round."""
    last = group[-1]
    above, line = last.main_line, row.main_line
    is_bold = above.bold and line.bold
    is_mixed = row.text.strip()[:2].istitle() and not row.text.isupper()
    if is_bold and is_mixed and all(one.text.isupper() for one in group):
        return True  # a heading of the next level
    shortfall = (row.box[2] - last.box[2]) / max(above.size, 1.0)
    # Amid a line of two fonts, as in bibliographies.
    goes_on = last.lines[-1].last_font == row.lines[0].first_font != ""
    if goes_on and shortfall <= MIN_HEADING_SHORTFALL:
        return False
    starts_anew = ended or row.text.strip()[:1].isupper() or shortfall > MIN_HEADING_SHORTFALL
    if above.bold != line.bold and starts_anew:
        return True
    if above.font == line.font:
        return False
    if is_monospaced(above.font) != is_monospaced(line.font) and not (above.run_in or line.run_in):
        return True
    if shortfall > -MIN_HEADING_SHORTFALL and _is_heading_in_its_font(group, row):
        return True
    # A line of several fonts amid a sentence names a species or a title; above, there are more lines than in a heading.
    is_mixed = bool(line.run_in) and not ended and len(group) > MAX_RUN_IN_LINES
    is_heading = (len(group) == 1 or not above.run_in) and not is_mixed
    return is_heading and (ended or shortfall > MIN_HEADING_SHORTFALL)


def _is_heading_in_its_font(group: Sequence[Row], row: Row) -> bool:
    """Whether a few rows in one font, however long, stand above the first row of plain text in another."""
    lines = [line for above in group for line in above.lines]
    family = font_family(lines[0].font)
    is_whole = all(font_family(font) == family for one in lines for font in (one.first_font, one.last_font))
    first = row.lines[0]
    is_stressed = row.main_line.bold or row.main_line.italic or is_monospaced(first.first_font)
    is_plain = not is_stressed and row.text.strip()[:1].isupper()
    is_unfinished = group[-1].text.rstrip()[-1:] in ",;&"
    is_short = len(group) <= MAX_RUN_IN_LINES and not is_unfinished
    return is_short and is_whole and is_plain and font_family(first.first_font) != family


def _is_next_number(first: str, text: str) -> bool:
    """Whether two texts begin with numbers in sequence, as footnotes and references do."""
    number = _NUMBER.match(text)
    before = _NUMBER.match(first.strip()) if number else None
    return bool(number and before and int(number[1]) == int(before[1]) + 1)


def _is_first_section(chapter: str, text: str) -> bool:
    """Whether a text is numbered as the first section below the one above: "2.1. Mice" below "2. Methods"."""
    above, number = _CHAPTER_NUMBER.match(chapter), _FIRST_SECTION_NUMBER.match(text)
    return bool(above and number and above[1] == number[1])


def _hangs(group: Sequence[Row]) -> bool:
    """Whether all rows but the first are indented, as in bibliographies."""
    edge = group[0].box[0] + MIN_INDENT * group[0].main_line.size
    return len(group) > 1 and all(row.box[0] > edge for row in group[1:])


def _differs_in_size(last: Row, row: Row) -> bool:
    above, line = last.main_line, row.main_line
    capitals = above.font == line.font and above.text.isupper() and line.text.isupper()
    tolerance = MAX_ROUGH_SIZE_DIFFERENCE if line.ocr or capitals else MAX_SIZE_DIFFERENCE
    differs = abs(above.size - line.size) > tolerance * max(above.size, line.size)
    return differs and min(len(above.text), len(line.text)) > 2


def is_tabular(row: Row) -> bool:
    """Return True for a label and values far apart; a heading's number may be as far from its words."""
    first = row.lines[0].text.strip().rstrip(":")
    is_word = len(first) > 2 and first.isalpha() and not first.isupper()
    is_label = is_word or (len(first) >= MIN_LABEL and not _NUMBERED_LABEL.fullmatch(first))
    pieces = row.lines if is_label else row.lines[1:]
    return any(right.box[0] - left.box[2] > MIN_CELL_GAP * left.size for left, right in pairwise(pieces))
