"""Grouping the rows of a column into paragraphs, and joining lines into running text."""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from extractors.geometry import merge_boxes
from extractors.layout.labels import LABEL
from extractors.page import Line
from extractors.text.cleaning import clean_text
from extractors.text.direction import as_left_to_right
from extractors.text.reading_order import order_rows
from extractors.text.rows import Row
from extractors.text.sentences import ends_sentence, split_sentences
from extractors.types import Box

# Distances in font sizes.
MAX_PITCH = 1.3  # base lines in a paragraph: multiple of the column's usual distance (at least 0.3 more than it)
MAX_TITLE_PITCH = 1.75  # base lines in print a third larger than the column's: titles are set wider than text
MAX_SIZE_DIFFERENCE = 0.12  # relative difference of font sizes within a paragraph
MAX_ROUGH_SIZE_DIFFERENCE = 0.35  # the same for OCR, which measures letters, and for small capitals beside capitals
MIN_INDENT, MAX_MISALIGNMENT = 0.8, 0.4  # indent of a first line, and of a line that still counts as flush left
MIN_SHORTFALL = 0.12  # share of the paragraph's width that its last line leaves free
MIN_HEADING_SHORTFALL = 3  # font sizes that a heading leaves free of the line below it
MIN_CELL_GAP, MAX_PIECE_GAP = 2, 3  # white space from a label to its value, and between paragraphs on one line
MIN_LABEL = 6  # characters of a label that is no word; fewer are the number of a heading
MIN_APART = 0.5  # white space above a paragraph that counts as set apart
MIN_INITIAL_SIZE = 1.6  # size of a large initial against the text it begins
# A heading at the start of a paragraph. In characters, but for the first two; the last: of the text it belongs to.
MAX_RUN_IN_LINES, MAX_RUN_IN_WORDS, MIN_RUN_IN, MIN_AFTER_RUN_IN = 3, 16, 4, 60
MIN_HYPHENATED = 3  # letters before a hyphen that stays between two words; "re-" and "un-" are prefixes
MAX_MOVED_LINES = 8  # of a sentence's end in the next column or page; without a full stop by then, there is none

# Not "O. sanctum", a species.
BULLET = re.compile(r"^([•●○◦▪■□►▶➢➤❖✓✔·∙]|[–—*-]\s|(?![A-Z]\.\s[a-zà-ÿ])\(?(\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]\s)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
HYPHENS = ("-", "\u2010")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Consecutive lines of one style."""

    lines: tuple[str, ...]
    page: int
    box: Box
    size: float  # font size in points, to the nearest half
    font: str = ""
    bold: bool = False
    italic: bool = False
    ocr: bool = False
    doubtful: tuple[str, ...] = ()  # words that OCR read with little confidence
    tabular: bool = False  # True when a row has a label and values far to its right
    apart: bool = False  # True when white space separates it from the text above
    verbatim: bool = False  # True when its lines stay lines, as those of code do
    run_in: bool = False  # True for what begins the next paragraph in a font of its own: "2.1. Methods. We used"
    heading: int = 0  # level from 1 if the file's structure tags call it a heading

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines))


def read_paragraphs(lines: Sequence[Line], page: int) -> list[Paragraph]:
    """Return the paragraphs of one page in reading order."""
    placed, as_displayed = as_left_to_right(lines)
    return [replace(one, box=as_displayed(one.box)) for one in build_paragraphs(order_rows(placed), page)]


def build_paragraphs(columns: Sequence[Sequence[Row]], page: int) -> list[Paragraph]:
    """Return the paragraphs of one page in order; see `order_rows` for its columns."""
    return _join_initials([paragraph for column in columns for paragraph in _split_column(column, page)])


def join_lines(lines: Sequence[str], known: Set[str] = frozenset()) -> str:
    """Return lines as one text, with words that were broken at the end of a line put together.

    `known` are the document's words in lower case. A hyphen stays where the document writes the word with one, or
    both of its parts as words.
    """
    text = ""
    for line in lines:
        if not text:
            text = line
        elif text[-1] in HYPHENS and text[-2:-1].isalpha() and line[:1].isalpha():
            text = (text if _keeps_hyphen(text, line, known) else text[:-1]) + line
        elif is_unspaced(text, line):
            text += line
        else:
            text = f"{text} {line}"
    return text


def is_unspaced(text: str, following: str) -> bool:
    """Whether no space stands between two texts, as in Chinese and Japanese."""
    return bool(_CJK.match(text[-1:]) and _CJK.match(following[:1]))


def _keeps_hyphen(text: str, line: str, known: Set[str]) -> bool:
    start = re.split(r"[^\w]", text[:-1])[-1]
    rest = re.split(r"[^\w]", line)[0]
    hyphenated, closed = f"{start}-{rest}".lower(), f"{start}{rest}".lower()
    two_words = len(start) >= MIN_HYPHENATED and {start.lower(), rest.lower()} <= known
    is_symbol = len(start) == 1  # no word is broken after one letter: "4-nitroquinoline-n-oxide"
    return closed not in known and (hyphenated in known or two_words or is_symbol or not rest[0].islower())


def continues_sentence(first: Paragraph, second: Paragraph) -> bool:
    """Return True when `second`, in the next column or page, continues the last sentence of `first`."""
    if abs(first.size - second.size) > 0.6 or first.bold != second.bold or not first.lines or not second.lines:
        return False
    end, start = first.lines[-1], second.lines[0]
    if ends_sentence(end) or BULLET.match(start):
        return False
    if end[-1] in HYPHENS or start[0].islower():
        return len(first.lines) > 1 or len(end) > 30  # a single short line is a label
    # A capital may begin a name or a noun, but only a line of prose that is plainly unfinished continues with it.
    return len(first.lines) > 2 and (end[-1] in ",;" or is_unspaced(end, start))


def move_sentence_end(
    first: Paragraph, second: Paragraph, known: Set[str] = frozenset()
) -> tuple[Paragraph, Paragraph | None]:
    """Move the end of the last sentence of `first` from `second` into it; the second is None when nothing is left.

    Both stay as they are when `second` has no full stop near its start: lists stay on the page they are printed on.
    """
    parts: list[str] = []
    for moved in range(1, min(len(second.lines), MAX_MOVED_LINES) + 1):
        parts = split_sentences(join_lines(second.lines[:moved], known))
        if len(parts) > 1 or (moved == len(second.lines) and ends_sentence(second.lines[-1])):
            break
    else:
        return first, second
    remaining = tuple(line for line in (" ".join(parts[1:]), *second.lines[moved:]) if line)
    whole = replace(first, lines=(*first.lines, parts[0]), doubtful=first.doubtful + second.doubtful)
    return whole, replace(second, lines=remaining) if remaining else None


def _split_column(rows: Sequence[Row], page: int) -> list[Paragraph]:
    groups: list[list[Row]] = []
    pitch, size = _usual_pitch(rows), median(row.main_line.size for row in rows)
    for row in rows:
        if groups and not _starts_paragraph(groups[-1], row, pitch, size):
            groups[-1].append(row)
        else:
            groups.append([row])
    rows_above = [None, *(group[-1] for group in groups)]
    paragraphs = [_paragraph(group, page, above) for group, above in zip(groups, rows_above, strict=False)]
    return [
        part
        for group, paragraph in zip(groups, paragraphs, strict=True)
        if paragraph
        for part in _split_run_in(group, paragraph)
    ]


def _usual_pitch(rows: Sequence[Row]) -> float:
    """The usual distance of base lines, in font sizes."""
    steps = [
        (below.box[3] - above.box[3]) / below.main_line.size
        for above, below in pairwise(rows)
        if abs(above.main_line.size - below.main_line.size) < 0.5
    ]
    return median([step for step in steps if 0.8 < step < 2] or [1.2])


def _starts_paragraph(group: Sequence[Row], row: Row, usual_pitch: float, usual_size: float) -> bool:
    """Return True when a new paragraph starts with `row`, below the rows of `group`."""
    last = group[-1]
    above, line, size = last.main_line, row.main_line, max(last.main_line.size, 1.0)
    if _differs_in_size(last, row) or above.heading != line.heading:
        return True
    pitch = row.box[3] - last.box[3]
    max_pitch = MAX_TITLE_PITCH if size > 1.3 * usual_size else max(MAX_PITCH * usual_pitch, usual_pitch + 0.3)
    if not -0.5 * size <= pitch <= max_pitch * size:
        return True
    if abs(pitch) < 0.4 * size:
        return row.box[0] - last.box[2] > MAX_PIECE_GAP * size
    text = row.text.strip()
    if BULLET.match(text) or (_is_tabular(row) and _is_tabular(last)):
        return True
    left, right = min(r.box[0] for r in group), max(r.box[2] for r in group)
    ended, short = ends_sentence(last.text), last.box[2] < right - MIN_SHORTFALL * (right - left)
    starts_anew = ended or text[:1].isupper() or last.box[2] < row.box[2] - 3 * size
    if above.bold != line.bold and not (line.ocr or above.ocr) and starts_anew:
        return True
    # A line of several fonts amid a sentence names a species or a title; above, there are more lines than in a heading.
    is_mixed = bool(line.run_in) and not ended and len(group) > MAX_RUN_IN_LINES
    is_heading = _changes_font(above, line) and (len(group) == 1 or not above.run_in) and not is_mixed
    if is_heading and (ended or last.box[2] < row.box[2] - MIN_HEADING_SHORTFALL * size):
        return True
    indent, is_flush = row.box[0] - left, last.box[0] - left < MAX_MISALIGNMENT * size
    if indent > MIN_INDENT * size and is_flush and (ended or short) and not BULLET.match(group[0].text):
        return True
    if indent < -MIN_INDENT * size and (ended or short) and not text[:1].islower():
        return True
    return ended and short and len(group) > 1 and (text[:1].isupper() or text[:1].isdigit())


def _changes_font(above: Line, line: Line) -> bool:
    return above.font != line.font and not (line.ocr or above.ocr)


def _differs_in_size(last: Row, row: Row) -> bool:
    above, line = last.main_line, row.main_line
    capitals = above.font == line.font and above.text.isupper() and line.text.isupper()
    tolerance = MAX_ROUGH_SIZE_DIFFERENCE if line.ocr or capitals else MAX_SIZE_DIFFERENCE
    differs = abs(above.size - line.size) > tolerance * max(above.size, line.size)
    return differs and min(len(above.text), len(line.text)) > 2


def _is_tabular(row: Row) -> bool:
    """Return True for a label and values far apart; a heading's number may be as far from its words."""
    first = row.lines[0].text.strip().rstrip(":")
    is_word = len(first) > 2 and first.isalpha() and not first.isupper()
    pieces = row.lines if is_word or len(first) >= MIN_LABEL else row.lines[1:]
    return any(right.box[0] - left.box[2] > MIN_CELL_GAP * left.size for left, right in pairwise(pieces))


def _paragraph(group: Sequence[Row], page: int, above: Row | None) -> Paragraph | None:
    texts = tuple(text for row in group if (text := clean_text(row.text)))
    if not texts or (len(texts) == 1 and len(texts[0]) < 4 and not any(map(str.isalpha, texts[0]))):
        return None  # blank, or a footnote's number or a bullet that lost its text
    main = max((row.main_line for row in group), key=lambda line: len(line.text))
    return Paragraph(
        lines=texts,
        page=page,
        box=merge_boxes([row.box for row in group]),
        size=round(main.size * 2) / 2,
        font=main.font,
        bold=main.bold,
        italic=main.italic,
        ocr=main.ocr,
        doubtful=tuple(word for row in group for line in row.lines for word in line.doubtful),
        tabular=any(_is_tabular(row) for row in group),
        apart=above is None or group[0].box[1] - above.box[3] > MIN_APART * main.size,
        heading=main.heading,
    )


def _split_run_in(group: Sequence[Row], paragraph: Paragraph) -> list[Paragraph]:
    """The paragraph, after what looks like a heading at its start: a few words in another font that end in a point."""
    first = group[0].lines[0]
    for number, row in enumerate(group[:MAX_RUN_IN_LINES]):
        line = row.lines[0]
        if len(row.lines) > 1 or line.ocr or (line.font != first.font and not line.run_in):
            return [paragraph]
        if not line.run_in:
            continue
        start, rest = line.text[: line.run_in].strip(), line.text[line.run_in :].strip()
        heading = clean_text(join_lines([*(above.text for above in group[:number]), start]))
        lines = tuple(text for text in (clean_text(rest), *paragraph.lines[number + 1 :]) if text)
        if not lines or len(paragraph.lines) != len(group) or not _may_be_run_in(heading, lines):
            return [paragraph]
        above = replace(
            paragraph,
            lines=(heading,),
            box=merge_boxes(r.box for r in group[: number + 1]),
            font=first.font,
            run_in=True,
        )
        return [above, replace(paragraph, lines=lines, apart=False)]
    return [paragraph]


def _may_be_run_in(text: str, rest: Sequence[str]) -> bool:
    words = text.split()
    return (
        len(text) >= MIN_RUN_IN
        and text[-1] in ".:–—"
        and (text[0].isupper() or text[0].isdigit())
        and len(words) <= MAX_RUN_IN_WORDS
        and sum(map(len, rest)) >= MIN_AFTER_RUN_IN
        and not rest[0][0].islower()
        and not LABEL.match(text)
    )


def _join_initials(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    joined: list[Paragraph] = []
    for paragraph in paragraphs:
        initial = joined[-1] if joined else None
        is_initial = initial and len(initial.lines) == 1 and len(initial.lines[0]) == 1
        if initial and is_initial and initial.size > MIN_INITIAL_SIZE * paragraph.size:
            joined.pop()
            lines = (initial.lines[0] + paragraph.lines[0], *paragraph.lines[1:])
            paragraph = replace(paragraph, lines=lines, box=merge_boxes([initial.box, paragraph.box]))
        joined.append(paragraph)
    return joined
