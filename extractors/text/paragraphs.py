"""Rows of a column into paragraphs, and lines into running text."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from extractors.geometry import merge_boxes
from extractors.text.reading_order import Row
from extractors.text.repair import repair
from extractors.text.sentences import ends_sentence, split_sentences
from extractors.types import Box

BULLET = re.compile(r"^([•●○◦▪■□►▶➢➤❖✓✔·∙]|[–—*-]\s|\(?(\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]\s)")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
_HYPHENS = "-\u2010"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together, in one style."""

    lines: tuple[str, ...]
    page: int
    box: Box
    size: float
    bold: bool = False
    italic: bool = False
    ocr: bool = False
    tabular: bool = False
    """True when it has labels with values far to the right."""
    apart: bool = False
    """True when white space sets it apart from what stands above it."""

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines))


_TAIL = 8
"""Most lines of a sentence's end that stand in the next column or page."""


def build_paragraphs(flows: Sequence[Sequence[Row]], page: int) -> list[Paragraph]:
    """The paragraphs of one page's flows, in order."""
    return _with_initials([paragraph for flow in flows for paragraph in _split(flow, page)])


def join(lines: Sequence[str], known: Set[str] = frozenset()) -> str:
    """Lines as one text. Words broken at a line's end are mended; `known` are the document's own words (lower case).

    A hyphen stays where the document writes the word with one, or both of its parts as words.
    """
    text = ""
    for line in lines:
        if not text:
            text = line
        elif text[-1] in _HYPHENS and text[-2:-1].isalpha() and line[:1].isalpha():
            text = _mended(text, line, known)
        elif _CJK.match(text[-1]) and _CJK.match(line[:1]):
            text += line
        else:
            text = f"{text} {line}"
    return text


def goes_on(first: Paragraph, second: Paragraph) -> bool:
    """Whether `second`, in the next column or page, continues the last sentence of `first`."""
    if abs(first.size - second.size) > 0.6 or first.bold != second.bold or not first.lines or not second.lines:
        return False
    end, start = first.lines[-1], second.lines[0]
    if ends_sentence(end) or BULLET.match(start):
        return False
    if end[-1] in _HYPHENS or start[0].islower():
        return len(first.lines) > 1 or len(end) > 30
    # A capital may be a name or a noun: only after a line of prose that is plainly unfinished.
    return len(first.lines) > 2 and (end[-1] in ",;" or bool(_CJK.match(end[-1]) and _CJK.match(start[0])))


def straddled(first: Paragraph, second: Paragraph, known: Set[str] = frozenset()) -> tuple[Paragraph, Paragraph | None]:
    """Move the end of the sentence that `first` begins out of `second`, so that it stands whole.

    Nothing moves when no end is in sight: lists and text without full stops stay on the page where they are printed.
    """
    parts: list[str] = []
    for taken in range(1, min(len(second.lines), _TAIL) + 1):
        parts = split_sentences(join(second.lines[:taken], known))
        if len(parts) > 1 or (taken == len(second.lines) and ends_sentence(second.lines[-1])):
            break
    else:
        return first, second
    kept, rest = parts[0], " ".join(parts[1:])
    whole = replace(first, lines=(*first.lines, kept))
    remaining = tuple(line for line in (rest, *second.lines[taken:]) if line)
    return whole, replace(second, lines=remaining) if remaining else None


def _with_initials(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Large initials joined to the words that they begin."""
    made: list[Paragraph] = []
    for paragraph in paragraphs:
        initial = made[-1] if made else None
        if initial and len(initial.lines) == 1 and len(initial.lines[0]) == 1 and initial.size > 1.6 * paragraph.size:
            made.pop()
            lines = (initial.lines[0] + paragraph.lines[0], *paragraph.lines[1:])
            paragraph = replace(paragraph, lines=lines, box=merge_boxes([initial.box, paragraph.box]))
        made.append(paragraph)
    return made


def _mended(text: str, line: str, known: Set[str]) -> str:
    start = re.split(r"[^\w]", text[:-1])[-1]
    rest = re.split(r"[^\w]", line)[0]
    hyphened, closed = f"{start}-{rest}".lower(), f"{start}{rest}".lower()
    two_words = len(start) > 1 and {start.lower(), rest.lower()} <= known
    if closed not in known and (hyphened in known or two_words or not rest[0].islower()):
        return text + line
    return text[:-1] + line


# --- where one ends -----------------------------------------------------------------------------------------------


def _split(flow: Sequence[Row], page: int) -> list[Paragraph]:
    groups: list[list[Row]] = []
    column = _Column(_pitch(flow), max(row.box[2] for row in flow), median(row.first.size for row in flow))
    for row in flow:
        if groups and not _breaks(groups[-1], row, column):
            groups[-1].append(row)
        else:
            groups.append([row])
    made = []
    for number, group in enumerate(groups):
        above = groups[number - 1][-1] if number else None
        if paragraph := _paragraph(group, page, above):
            made.append(paragraph)
    return made


@dataclass(frozen=True, slots=True)
class _Column:
    """What is usual in a flow."""

    pitch: float
    """Distance of base lines, in font sizes."""
    edge: float
    """Where its longest line ends."""
    size: float


def _pitch(flow: Sequence[Row]) -> float:
    """The usual distance of base lines, in font sizes."""
    steps = [
        (below.box[3] - above.box[3]) / below.first.size
        for above, below in pairwise(flow)
        if abs(above.first.size - below.first.size) < 0.5 and 0.8 < (below.box[3] - above.box[3]) / below.first.size < 2
    ]
    return median(steps) if steps else 1.2


def _breaks(group: Sequence[Row], row: Row, column: _Column) -> bool:
    """Whether a new paragraph starts with `row`, below the rows of `group`."""
    last = group[-1]
    a, b = last.first, row.first
    size = max(a.size, 1.0)
    # Small capitals are set smaller than the capitals beside them; heights of read letters are rough.
    tolerance = 0.35 if b.ocr or (a.font == b.font and a.text.isupper() and b.text.isupper()) else 0.12
    if abs(a.size - b.size) > tolerance * max(a.size, b.size) and min(len(a.text), len(b.text)) > 2:
        return True
    step = row.box[3] - last.box[3]
    # Titles of several lines are set wider than the text.
    widest = 1.75 if size > 1.3 * column.size else max(1.3 * column.pitch, column.pitch + 0.3)
    if step < -0.5 * size or step > widest * size:
        return True
    if abs(step) < 0.4 * size:
        return row.box[0] - last.box[2] > 3 * size
    text = row.text.strip()
    if BULLET.match(text) or (_tabular(row) and _tabular(last)):
        return True
    left, right = min(r.box[0] for r in group), max(r.box[2] for r in group)
    ended, short = ends_sentence(last.text), last.box[2] < right - 0.12 * (right - left)
    if (
        a.bold != b.bold
        and not (b.ocr or a.ocr)
        and (ended or text[:1].isupper() or last.box[2] < row.box[2] - 3 * size)
    ):
        return True
    inset = row.box[0] - left
    if inset > 0.8 * size and last.box[0] - left < 0.4 * size and (ended or short) and not BULLET.match(group[0].text):
        return True
    if inset < -0.8 * size and (ended or short) and not text[:1].islower():
        return True
    return ended and short and len(group) > 1 and (text[:1].isupper() or text[:1].isdigit())


def _tabular(row: Row) -> bool:
    """A label and its values, far apart on one line; a heading's number may stand as far from its words."""
    pieces = row.lines[1:] if len(row.lines[0].text.strip()) < 6 else row.lines
    return any(right.box[0] - left.box[2] > 2 * left.size for left, right in pairwise(pieces))


def _paragraph(group: Sequence[Row], page: int, above: Row | None) -> Paragraph | None:
    texts = tuple(text for row in group if (text := repair(row.text)))
    if not texts or (len(texts) == 1 and len(texts[0]) < 4 and not any(map(str.isalpha, texts[0]))):
        return None  # blank, or a footnote's number or a bullet that lost its text
    main = max((row.first for row in group), key=lambda line: len(line.text))
    return Paragraph(
        lines=texts,
        page=page,
        box=merge_boxes([row.box for row in group]),
        size=round(main.size * 2) / 2,
        bold=main.bold,
        italic=main.italic,
        ocr=main.ocr,
        tabular=any(_tabular(row) for row in group),
        apart=above is None or group[0].box[1] - above.box[3] > 0.5 * main.size,
    )
