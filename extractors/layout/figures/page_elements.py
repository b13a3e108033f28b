"""One page with its text and its marks classified: what may be part of a figure, and what keeps figures apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors.geometry import boxes_touch, coverage, gaps, height, horizontal_overlap, is_inside, vertical_overlap
from extractors.layout.captions import Caption, find_captions
from extractors.layout.figures.regions import MAX_PANEL_LETTER, cluster_marks
from extractors.layout.marks import Mark, PageMarks, find_marks
from extractors.layout.text_blocks import TextBlock, group_text_blocks, median_text_size
from extractors.page import Line, PageLayout
from extractors.types import Box

MAX_NOTE_WORDS = 40  # longer text between a figure and its caption separates them
_MIN_HEADING_SIZE = 1.15  # multiples of the body size
_TABLE_COVERAGE = 0.8  # share of a mark in a table from which it belongs to the table
_PICTURE_MARGIN = 2.0  # points by which the text in a picture may reach out of its box

# The title of an axis, which is often larger than the text of the page. Distances in multiples of the text size.
_MAX_TICK_GAP, _MAX_AXIS_TITLE_GAP = 1.0, 3.0  # below the drawing
_MIN_UNDER_AXIS = 0.5  # share of the title's width

# A legend: names in a row, each after its mark. Distances in multiples of the text size unless noted.
_MAX_KEY_HEIGHT, _MAX_KEY_GAP = 1.0, 1.0
_MIN_ENTRIES = 2
_SAME_ROW = 0.5  # share of the lower text's height


@dataclass(frozen=True, slots=True)
class PageElements:
    layout: PageLayout
    captions: tuple[Caption, ...]
    marks: PageMarks
    separators: tuple[TextBlock, ...]  # running text and headings outside of pictures: no figure reaches across them
    label_blocks: tuple[TextBlock, ...]  # other horizontal text, perhaps of figures
    tables: tuple[Box, ...]
    body_font: str
    body_size: float
    labels: frozenset[int]  # indices of the lines that may belong to figures, level or not
    visible: frozenset[int]  # indices of the visible lines that are not headers or footers
    has_backdrop: bool = False  # an image fills the page, which may be that of all pages and not in `marks`

    @property
    def notes(self) -> tuple[TextBlock, ...]:
        """Short running text, perhaps notes under a figure."""
        return tuple(b for b in self.separators if b.words <= MAX_NOTE_WORDS and not is_heading(b, self.body_size))

    @property
    def fences(self) -> tuple[Box, ...]:
        """Captions and tables, which no figure reaches across either."""
        return (*(caption.box for caption in self.captions), *self.tables)

    @property
    def caption_lines(self) -> frozenset[int]:
        return frozenset().union(*(caption.lines for caption in self.captions))


def classify_page(
    layout: PageLayout, tables: Sequence[Box], running_lines: frozenset[int], body_size: float, *, has_backdrop: bool
) -> PageElements:
    """The elements of an upright page.

    `running_lines` are the indices of its headers and footers; `body_size` is 0 when the document's is unknown.
    """
    visible = frozenset(i for i, line in enumerate(layout.lines) if line.visible and i not in running_lines)
    captions = find_captions(layout, running_lines, tables)
    free = visible.difference(*(caption.lines for caption in captions))
    blocks = group_text_blocks(layout, free)
    marks = find_marks(layout, blocks, [caption.box for caption in captions])
    marks = replace(marks, marks=tuple(m for m in marks.marks if not any(_is_of_table(m, table) for table in tables)))
    body_size = body_size or median_text_size(layout, visible)
    separators = _separators(layout, blocks, marks, body_size)
    body_font = max(separators, key=lambda block: block.words).font if separators else ""
    in_tables = (i for i in free if any(layout.lines[i].belongs_to(table) for table in tables))
    labels = free.difference(in_tables, *(block.lines for block in separators))
    others = tuple(block for block in blocks if block not in separators)
    return PageElements(
        layout, captions, marks, separators, others, tuple(tables), body_font, body_size, labels, visible, has_backdrop
    )


def _is_of_table(mark: Mark, table: Box) -> bool:
    """Whether a mark lies in a table, or draws the rules of it and perhaps of others in one path."""
    lines = mark.drawing is not None and not (mark.drawing.slanted or mark.drawing.curved or mark.drawing.rectangle)
    return coverage(mark.box, table) > _TABLE_COVERAGE or (lines and is_inside(table, mark.box))


def _separators(
    layout: PageLayout, blocks: Sequence[TextBlock], marks: PageMarks, body_size: float
) -> tuple[TextBlock, ...]:
    """Running text and headings, except in pictures. Neither "(b)" nor large text in a drawing's font is a heading."""
    pictures = [mark.box for mark in marks.marks if mark.panel or mark.raster]
    drawn_fonts: set[str] = set()
    clusters: list[Box] = []
    if any(is_heading(block, body_size) for block in blocks):
        clusters = [cluster.box for cluster in cluster_marks(layout, marks.marks)]
        pictures += clusters
        drawn_fonts = {line.font for line in layout.lines if any(is_inside(line.box, c) for c in clusters)}
    return tuple(
        block
        for block in blocks
        if (block.is_prose or (is_heading(block, body_size) and (block.bold or block.font not in drawn_fonts)))
        and any(len(layout.lines[i].text) > MAX_PANEL_LETTER for i in block.lines)
        and (
            block.is_prose
            or not (
                any(_is_axis_title(block, cluster, layout.lines) for cluster in clusters)
                or _is_in_legend(block, layout.lines, marks.marks)
            )
        )
        and not any(is_inside(block.box, picture, _PICTURE_MARGIN) for picture in pictures)
    )


def _is_axis_title(block: TextBlock, drawing: Box, lines: Sequence[Line]) -> bool:
    """Whether a short text stands below a drawing, in the font of the numbers along its lower side."""
    is_near = _is_below(block.box, drawing, _MAX_AXIS_TITLE_GAP * block.size)
    return is_near and any(
        line.font == block.font
        and any(map(str.isdigit, line.text))
        and not any(map(str.isalpha, line.text))
        and _is_below(line.box, drawing, _MAX_TICK_GAP * line.size)
        for line in lines
    )


def _is_in_legend(block: TextBlock, lines: Sequence[Line], marks: Sequence[Mark]) -> bool:
    """Whether a short text is one of several in a row that each have a small mark of a drawing on the left."""
    row = [line for line in lines if vertical_overlap(line.box, block.box) > _SAME_ROW and line.font == block.font]
    small = [mark.box for mark in marks if height(mark.box) < _MAX_KEY_HEIGHT * block.size]

    def has_key(line: Line) -> bool:
        key = (line.box[0] - _MAX_KEY_GAP * line.size, line.box[1], line.box[0], line.box[3])
        return any(boxes_touch(mark, key) and mark[2] < line.box[0] + 1 for mark in small)

    return block.rows == 1 and len(row) >= _MIN_ENTRIES and all(map(has_key, row))


def _is_below(text: Box, drawing: Box, max_gap: float) -> bool:
    is_under = horizontal_overlap(text, drawing) > _MIN_UNDER_AXIS and text[3] > drawing[3]
    return is_under and gaps(text, drawing)[1] < max_gap


def is_heading(block: TextBlock, body_size: float) -> bool:
    return block.size > _MIN_HEADING_SIZE * body_size and block.words >= 1
