"""Lines of a page grouped into blocks of text, and which blocks are running text.

In: the lines of a `PageLayout`. Out: `TextBlock`s. Running text keeps figures apart; other text may be their labels.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from extractors.geometry import horizontal_overlap, merge_boxes, width
from extractors.page import Line, PageLayout
from extractors.types import Box

DEFAULT_BODY_SIZE = 10.0  # points, on a page without text

# When a line continues a block. Distances in multiples of the line's text size.
_SIZE_TOLERANCE = 0.6  # points between the font sizes of one block
_MAX_OPEN_GAP = 2.0  # a block that ended farther above is complete
_SAME_BASELINE = 0.3  # between base lines within one row
_MAX_WORD_GAP = 1.2  # between two pieces of one row; gutters between columns are wider
_MIN_LEADING, _MAX_LEADING = -0.6, 0.75  # space between the boxes of two rows: set tight, or up to 1.9-fold leading
_MAX_INDENT = 2.5  # of a first line, or of a list item
_MAX_CENTRE_SHIFT = 1.0  # between centred rows
_MAX_GROWTH = 0.5  # share of the block's width by which a row may be wider
_MIN_ROW_OVERLAP = 0.3  # share of the narrower row

# What reads as running text. Labels, legends and cells of a chart have fewer words and are narrower.
_BULLET = re.compile(r"^\s*(?:[•●▪■◦‣–\-*✓➢►]|\(?\d{1,2}[.)])\s+\S")
_MONOSPACED = re.compile(r"mono|courier|consol|menlo|inconsolata|typewriter|cmtt|(?:source|fira)code", re.IGNORECASE)
_MIN_BULLET_WORDS = 3  # "1. Jan" is a tick label
_MIN_ROW_WORDS, _MIN_ROW_WIDTH = 9, 18.0  # of a single row; width in text sizes
_MIN_WORDS, _MIN_WORDS_PER_ROW, _MIN_WIDTH = 11, 3.6, 11.0  # of several rows
_MANY_WORDS, _MIN_WORDS_PER_NARROW_ROW = 30, 2.8  # of a long paragraph in a narrow column, or
_MIN_WRAPPED_ROWS = 4  # of a shorter one


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Lines of one size that follow each other closely, one below the other."""

    lines: tuple[int, ...]  # indices of the layout's lines
    box: Box
    words: int
    rows: int
    is_prose: bool  # sentences rather than labels
    size: float
    font: str
    bold: bool


def median_text_size(layout: PageLayout, lines: Collection[int]) -> float:
    """The median font size of the characters in the lines with these indices."""
    sizes = sorted((layout.lines[i].size, len(layout.lines[i].text)) for i in lines)
    half = sum(length for _, length in sizes) / 2
    for size, length in sizes:
        half -= length
        if half <= 0:
            return size
    return DEFAULT_BODY_SIZE


def group_text_blocks(layout: PageLayout, lines: Collection[int]) -> tuple[TextBlock, ...]:
    """Blocks of the horizontal lines among those with these indices."""
    order = sorted((i for i in lines if layout.lines[i].horizontal), key=lambda i: layout.lines[i].box[1])
    blocks: list[list[int]] = []
    open_blocks: list[list[int]] = []
    for index in order:
        line = layout.lines[index]
        reach = _MAX_OPEN_GAP * line.size
        open_blocks = [block for block in open_blocks if line.box[1] - layout.lines[block[-1]].box[3] < reach]
        block = next((b for b in open_blocks if _continues([layout.lines[i] for i in b], line)), None)
        if block is None:
            block = []
            blocks.append(block)
            open_blocks.append(block)
        block.append(index)
    return tuple(_text_block(layout, block) for block in blocks)


def _continues(block: Sequence[Line], line: Line) -> bool:
    """Whether `line` stands right below, or right beside, the end of `block`."""
    last, size = block[-1], line.size
    if abs(last.size - size) > _SIZE_TOLERANCE:
        return False
    if abs(line.box[3] - last.box[3]) < _SAME_BASELINE * size:
        return abs(line.box[0] - last.box[2]) < _MAX_WORD_GAP * size
    if not _MIN_LEADING * size < line.box[1] - last.box[3] < _MAX_LEADING * size:
        return False
    left_edge, right_edge = min(other.box[0] for other in block), max(other.box[2] for other in block)
    aligned = abs(line.box[0] - left_edge) < _MAX_INDENT * size
    if len(block) > 1 and line.box[2] - right_edge > _MAX_GROWTH * (right_edge - left_edge):
        return False  # text beside a picture goes on below it
    centred = abs(line.box[0] + line.box[2] - last.box[0] - last.box[2]) / 2 < _MAX_CENTRE_SHIFT * size
    return (aligned or centred) and horizontal_overlap(line.box, last.box) > _MIN_ROW_OVERLAP


def _text_block(layout: PageLayout, members: Sequence[int]) -> TextBlock:
    lines = [layout.lines[i] for i in members]
    box = merge_boxes(line.box for line in lines)
    words = sum(_count_words(line.text) for line in lines)
    rows = len({round(line.box[3] / (0.5 * line.size + 1)) for line in lines})
    main = max(lines, key=lambda line: len(line.text))
    if _BULLET.match(lines[0].text) and words >= _MIN_BULLET_WORDS:
        is_prose = True
    elif rows == 1:
        is_prose = words >= _MIN_ROW_WORDS and width(box) > _MIN_ROW_WIDTH * main.size
    else:
        narrow = words >= _MANY_WORDS or (rows >= _MIN_WRAPPED_ROWS and _is_wrapped(lines, box))
        least = _MIN_WORDS_PER_NARROW_ROW if narrow else _MIN_WORDS_PER_ROW
        is_prose = words >= _MIN_WORDS and words / rows >= least and width(box) > _MIN_WIDTH * main.size
    return TextBlock(tuple(members), box, words, rows, is_prose, main.size, main.font, main.bold)


def _is_wrapped(rows: Sequence[Line], box: Box) -> bool:
    """Whether every row ends where the first word of the next would not fit, as in a paragraph."""
    return all(
        row.box[2] + width(following.box) * (len(following.text.split()[0]) + 1) / len(following.text) > box[2]
        for row, following in pairwise(rows)
        if following.text.split()
    )


def _count_words(text: str) -> int:
    """The number of words with letters; two characters of Chinese or Japanese count as one."""
    words = [word for word in text.split() if word.isalpha() or any(c.isalpha() for c in word)]
    return sum(-(-len(word) // 2) if word[0] > "\u2e80" else 1 for word in words)


def is_monospaced(font: str) -> bool:
    """Whether a font with this name sets all characters equally wide, as code is set."""
    return bool(_MONOSPACED.search(font))


def font_family(font: str) -> str:
    """The typeface without weight and slant: `ABCDEF+Arial-BoldItalicMT` -> `arial`."""
    name = re.split(r"[-,]", font.rsplit("+", 1)[-1])[0].lower()
    return re.sub(r"(mt|ps|bold|italic|oblique|regular|medium|light)+$", "", name)
