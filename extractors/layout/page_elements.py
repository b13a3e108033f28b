"""One page with its text and its marks classified: what may be part of a figure, and what keeps figures apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors.geometry import coverage, is_inside
from extractors.layout.captions import Caption, find_captions
from extractors.layout.marks import Mark, PageMarks, find_marks
from extractors.layout.regions import MAX_PANEL_LETTER, cluster_marks
from extractors.layout.text_blocks import TextBlock, group_text_blocks, median_text_size
from extractors.page import PageLayout
from extractors.types import Box

MAX_NOTE_WORDS = 40  # longer text between a figure and its caption separates them
_MIN_HEADING_SIZE = 1.15  # multiples of the body size
_TABLE_COVERAGE = 0.8  # share of a mark in a table from which it belongs to the table
_PICTURE_MARGIN = 2.0  # points by which the text in a picture may reach out of its box


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
    layout: PageLayout, tables: Sequence[Box], running_lines: frozenset[int], body_size: float
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
        layout, captions, marks, separators, others, tuple(tables), body_font, body_size, labels, visible
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
    if any(is_heading(block, body_size) for block in blocks):
        clusters = [cluster.box for cluster in cluster_marks(layout, marks.marks)]
        pictures += clusters
        drawn_fonts = {line.font for line in layout.lines if any(is_inside(line.box, c) for c in clusters)}
    return tuple(
        block
        for block in blocks
        if (block.is_prose or (is_heading(block, body_size) and (block.bold or block.font not in drawn_fonts)))
        and any(len(layout.lines[i].text) > MAX_PANEL_LETTER for i in block.lines)
        and not any(is_inside(block.box, picture, _PICTURE_MARGIN) for picture in pictures)
    )


def is_heading(block: TextBlock, body_size: float) -> bool:
    return block.size > _MIN_HEADING_SIZE * body_size and block.words >= 1
