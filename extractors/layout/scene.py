"""One page with its text and its ink told apart: what may be a figure, and what keeps figures apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractors import geometry
from extractors.layout import captions as caption_lines
from extractors.layout import marks, regions
from extractors.layout import text_roles as roles
from extractors.layout.captions import Caption
from extractors.page import PageLayout
from extractors.types import Box

NOTE_WORDS = 40
"""No more words than this stand between a figure and its caption."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What `see` makes of a page."""

    layout: PageLayout
    captions: tuple[Caption, ...]
    ink: marks.Ink
    prose: tuple[roles.Paragraph, ...]
    """Running text and headings: no figure reaches across them."""
    fences: tuple[Box, ...]
    """Captions and tables: nor across these."""
    notes: tuple[roles.Paragraph, ...]
    """That prose which is a few words long: perhaps notes under a figure."""
    body_font: str
    body_size: float
    labels: frozenset[int]
    """Indices of the lines that may belong to figures."""
    visible: frozenset[int]

    @property
    def barriers(self) -> tuple[Box, ...]:
        return (*(paragraph.box for paragraph in self.prose), *self.fences)


def see(layout: PageLayout, tables: Sequence[Box], running: frozenset[int], body_size: float) -> Scene:
    """Take the page apart; `running` are the indices of its headers and footers, `body_size` 0 if not known."""
    visible = frozenset(i for i, line in enumerate(layout.lines) if line.visible and i not in running)
    captions = caption_lines.find_captions(layout, running)
    spoken = frozenset().union(*(caption.lines for caption in captions))
    paragraphs = roles.paragraphs(layout, visible - spoken)
    ink = marks.collect(layout, paragraphs)
    ink = replace(
        ink, marks=tuple(m for m in ink.marks if not any(geometry.coverage(m.box, table) > 0.8 for table in tables))
    )
    body = body_size or roles.body_size(layout, visible)
    apart = _apart(layout, paragraphs, ink, body)
    fences = (*(caption.box for caption in captions), *tables)
    notes = tuple(p for p in apart if p.words <= NOTE_WORDS and not is_heading(p, body))
    labels = visible - spoken - {i for paragraph in apart for i in paragraph.lines}
    font = max(apart, key=lambda paragraph: paragraph.words).font if apart else ""
    return Scene(layout, captions, ink, apart, fences, notes, font, body, labels, visible)


def _apart(
    layout: PageLayout, paragraphs: Sequence[roles.Paragraph], ink: marks.Ink, body: float
) -> tuple[roles.Paragraph, ...]:
    """Running text and headings, but for those within a picture, and for large letters in a drawing's own font."""
    holders = [mark.box for mark in ink.marks if mark.panel or mark.raster]
    drawn: frozenset[str] = frozenset()
    if any(is_heading(paragraph, body) for paragraph in paragraphs):
        patches = [patch.box for patch in regions.patches(layout, ink.marks)]
        holders += patches
        drawn = frozenset(
            line.font for line in layout.lines if any(geometry.coverage(line.box, patch) > 0.9 for patch in patches)
        )
    return tuple(
        paragraph
        for paragraph in paragraphs
        if (paragraph.prose or (is_heading(paragraph, body) and (paragraph.bold or paragraph.font not in drawn)))
        and not any(geometry.coverage(paragraph.box, geometry.expand_box(holder, 2)) > 0.9 for holder in holders)
    )


def is_heading(paragraph: roles.Paragraph, body: float) -> bool:
    return paragraph.size > 1.15 * body and paragraph.words >= 1
