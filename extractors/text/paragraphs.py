"""Grouping the rows of a column into paragraphs, and joining lines into running text."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from statistics import median

from extractors.geometry import merge_boxes
from extractors.layout.labels import LABEL
from extractors.page import Line
from extractors.scripts import UNSPACED
from extractors.text.cleaning import clean_text
from extractors.text.direction import as_left_to_right
from extractors.text.paragraph_starts import BULLET, MAX_RUN_IN_LINES, is_tabular, starts_paragraph, usual_pitch
from extractors.text.reading_order import order_rows
from extractors.text.rows import Row
from extractors.text.sentences import ends_sentence, split_sentences
from extractors.types import Box

MIN_APART = 0.5  # white space above a paragraph that counts as set apart
MIN_INITIAL_SIZE = 1.6  # size of a large initial against the text it begins
# A heading at the start of a paragraph. Words, with a section's number and without; characters, those of its text.
MAX_NUMBERED_RUN_IN_WORDS, MAX_RUN_IN_WORDS, MIN_RUN_IN, MIN_AFTER_RUN_IN = 25, 16, 4, 60
MIN_HYPHENATED = 3  # letters before a hyphen that stays between two words; "re-" and "un-" are prefixes
MAX_MOVED_LINES = 8  # of a sentence's end in the next column or page; without a full stop by then, there is none
# A line that ends because its column does: characters, and their share of those of the usual line.
MIN_FULL_LINE, SHARE_OF_FULL_LINE = 30, 0.9

_UNSPACED = re.compile(rf"[{UNSPACED}]")
_YEAR_AT_END = re.compile(r"(?:19|20)\d\d[a-z]?\W*$")  # of the authors and the year of a reference
_AUTHOR = re.compile(r",\s[A-Z]\.|(?:[A-Z]\.\s?)+[A-Z][\w-]+,")  # "Doe, J." or "J. Doe,"
_AMOUNT = re.compile(r"\d+(?:[.,]\d+)*(?: [^\W\d_A-Z]| ?[%°])")  # unlike the number of a heading or item
_SECTION = re.compile(r"\d{1,2}\.\d")
_NEXT_SENTENCE = re.compile(r"(?<=[^\W\d_]{3}\.) (?=[A-ZÀ-Þ][^.]*$)")
_ADDRESS = re.compile(r"[/:@]|\.\w")  # of mail, or of a page: "10.1073/pnas.96"
HYPHENS = ("-", "\u2010")
_DASHES = (*HYPHENS, "\u2011", "\u2012", "\u2013")
# Where a text of several lines may have been broken.
_BROKEN = re.compile(rf"(?<=[^\W_][{''.join(_DASHES)}]) (?=[^\W_])")
# After a hyphen that stands for the end of a word, as in "low- and high-dose", and within a word: "hard-to-treat".
_CONJUNCTIONS = frozenset("and or nor to vs versus und oder bis et ou y o u e en of och eller".split())  # noqa: SIM905


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
    note: bool = False  # True for small print that interrupts a sentence, such as footnotes; it is in no section

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

    `known` are the document's words in lower case, and what stands before a hyphen in them, as in "non-". A hyphen
    stays where the document writes the word with one, or knows both of its parts.
    """
    done, text = list[str](), ""  # what follows a space starts a new text: to extend a long one takes long
    for line in lines:
        if not text:
            text = line
        elif text[-1] in HYPHENS and line[0] in HYPHENS and line[1:2].isalpha():
            text += line[1:]  # Portuguese repeats the hyphen of a word on the next line
        elif (
            text[-1] in _DASHES
            and text[-2:-1].isalnum()
            and line[:1].isalnum()
            and not _is_suspended(text, line, known)
        ):
            text = (text if _keeps_hyphen(text, line, known) else text[:-1]) + line
        elif is_unspaced(text, line):
            text += line
        else:
            done.append(text)
            text = line
    return " ".join([*done, text])


def hyphens_at_ends(lines: Iterable[str]) -> frozenset[str]:
    """The words and parts of words with a hyphen or dash at the ends of lines."""
    return frozenset(line.rsplit(None, 1)[-1] for line in lines if line.rstrip().endswith(_DASHES))


def join_broken_words(text: str, known: Set[str], at_ends: Set[str]) -> str:
    """`join_lines` for a text whose lines stand behind each other with a space between, as those of a cell do.

    `at_ends`: what stands at the ends of lines of the document (see `hyphens_at_ends`).
    """
    first, *others = _BROKEN.split(text)
    lines = [first]
    for other in others:
        if lines[-1].rpartition(" ")[2] in at_ends:
            lines.append(other)
        else:
            lines[-1] += f" {other}"
    return join_lines(lines, known)


def is_unspaced(text: str, following: str) -> bool:
    """Whether no space stands between two texts, as in Chinese and Japanese."""
    return bool(_UNSPACED.match(text[-1:]) and _UNSPACED.match(following[:1]))


def _is_suspended(text: str, line: str, known: Set[str]) -> bool:
    is_conjunction = line.partition(" ")[0] in _CONJUNCTIONS
    return is_conjunction and "".join(_parts(text, line)).lower() not in known


def _parts(text: str, line: str) -> tuple[str, str]:
    """What stands before the hyphen at the end of a text, and the first word of the line that goes on."""
    return re.split(r"[^\w]", text[:-1])[-1], re.split(r"[^\w]", line)[0]


def _keeps_hyphen(text: str, line: str, known: Set[str]) -> bool:
    if text[-1] not in HYPHENS or not (text[-2].isalpha() and line[0].isalpha()):
        return True  # of a range or a number: no word is broken there
    start, rest = _parts(text, line)
    hyphenated, closed = f"{start}-{rest}".lower(), f"{start}{rest}".lower()
    is_first_part = start.lower() in known or f"{start}-".lower() in known
    two_words = len(start) >= MIN_HYPHENATED and is_first_part and rest.lower() in known
    two_words = two_words or rest in _CONJUNCTIONS or not rest[0].islower()
    is_symbol = min(len(start), len(rest)) == 1  # no word is broken at one letter: "4-nitroquinoline-n-oxide"
    return closed not in known and (hyphenated in known or two_words or is_symbol)


def continues_sentence(first: Paragraph, second: Paragraph, *, adjacent: bool = False) -> bool:
    """Return True when `second`, in the next column or page, continues the last sentence of `first`.

    `adjacent`: no text stands between them.
    """
    if abs(first.size - second.size) > 0.6 or first.bold != second.bold or not first.lines or not second.lines:
        return False
    end, start = first.lines[-1], second.lines[0]
    if ends_sentence(end) or BULLET.match(start):
        return False
    if end[-1] in HYPHENS or start[0].islower():
        return len(first.lines) > 1 or len(end) > 30  # a single short line is a label
    # A capital may begin a name or a noun, but only a line of prose that is plainly unfinished continues with it.
    if len(first.lines) <= (1 if _AMOUNT.match(start) and not end[-1].isdigit() else 2):
        return False
    return end[-1] in ",;" or is_unspaced(end, start) or (adjacent and _breaks_off(first) and not LABEL.match(start))


def _breaks_off(paragraph: Paragraph) -> bool:
    """Whether its last line ends with a word, not with an address, and is as long as those above."""
    *above, last = paragraph.lines
    is_full = len(last) >= max(MIN_FULL_LINE, SHARE_OF_FULL_LINE * median(map(len, above)))
    return is_full and not _ADDRESS.search(last.split()[-1])


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
    pitch, size = usual_pitch(rows), median(row.main_line.size for row in rows)
    for row in rows:
        if groups and not starts_paragraph(groups[-1], row, pitch, size):
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
        tabular=any(is_tabular(row) for row in group),
        apart=above is None or group[0].box[1] - above.box[3] > MIN_APART * main.size,
        heading=main.heading,
    )


def _split_run_in(group: Sequence[Row], paragraph: Paragraph) -> list[Paragraph]:
    """The paragraph, after what looks like a heading at its start: a few words in another font that end in a point.

    In bold and below white space, they need no point. Where the text goes on in their font, only words after them are
    set apart.
    """
    first = group[0].lines[0]
    for number, row in enumerate(group[:MAX_RUN_IN_LINES]):
        line = row.lines[0]
        if len(row.lines) > 1 or line.ocr or (line.font != first.font and not line.run_in):
            return [paragraph]
        if not line.run_in:
            continue
        following = Counter(below.main_line.font for below in group[number + 1 :]).most_common(1)
        if following and following[0][0] == first.first_font:
            return [paragraph]
        start, rest = line.text[: line.run_in].strip(), line.text[line.run_in :].strip()
        if _SECTION.match(start) and (sentence := _NEXT_SENTENCE.search(start)):  # names may have the heading's font
            start, rest = start[: sentence.start()], f"{start[sentence.end() :]} {rest}"
        heading = clean_text(join_lines([*(above.text for above in group[:number]), start]))
        lines = tuple(text for text in (clean_text(rest), *paragraph.lines[number + 1 :]) if text)
        is_stressed = row.main_line.lead > 0 and paragraph.apart
        if not lines or len(paragraph.lines) != len(group) or not _may_be_run_in(heading, lines, is_stressed):
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


def _may_be_run_in(text: str, rest: Sequence[str], is_stressed: bool) -> bool:
    words = text.split()
    return (
        len(text) >= MIN_RUN_IN
        and (text[-1] in ".:–—" or (is_stressed and len(words) > 1 and rest[0][0].isupper()))
        and (text[0].isupper() or text[0].isdigit())
        and len(words) <= (MAX_NUMBERED_RUN_IN_WORDS if _SECTION.match(text) else MAX_RUN_IN_WORDS)
        and sum(map(len, rest)) >= MIN_AFTER_RUN_IN
        and not rest[0][0].islower()
        and not LABEL.match(text)
        and not _YEAR_AT_END.search(text)
        and not _AUTHOR.search(text)
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
