"""A slide deck as plain data, whatever file it came from. Boxes are in points of the slide, origin top left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from extractors.types import Box, Problem, TableGrid


@dataclass(frozen=True, slots=True)
class TextShape:
    """One paragraph."""

    text: str
    box: Box
    level: int = 0
    """Level of a bullet; 0 is the outermost."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table, or the numbers of a chart."""

    grid: TableGrid
    box: Box
    caption: str = ""
    """The title and axes of a chart, or the alternative text of a table."""
    is_chart: bool = False

    @property
    def words(self) -> str:
        """The texts of the cells, row by row."""
        rows = groupby(self.grid.cells, key=lambda cell: cell.row)
        return "\n".join("  ".join(cell.text for cell in cells) for _, cells in rows)


@dataclass(frozen=True, slots=True)
class ImageShape:
    """An embedded picture."""

    read_bytes: Callable[[], bytes]
    """Returns the image file; raises when the deck does not contain it."""
    box: Box
    caption: str = ""
    """Alternative text."""
    crop: Box = (0, 0, 0, 0)
    """Shares cut off at the left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class DrawingShape:
    """A group, diagram or embedded object, which only a rendering shows as a whole."""

    box: Box
    kind: Literal["group", "diagram", "object"]
    caption: str = ""
    words: str = ""
    """The text inside, which the text shapes of the slide contain as well."""


Shape = TextShape | TableShape | ImageShape | DrawingShape


@dataclass(frozen=True, slots=True)
class Slide:
    number: int
    """Position in the deck, from 1, counting hidden slides."""
    title: str = ""
    title_box: Box | None = None
    section: str = ""
    hidden: bool = False
    shapes: tuple[Shape, ...] = ()
    """In reading order, without the title."""
    notes: tuple[str, ...] = ()
    """Paragraphs of the speaker's notes."""
    comments: tuple[str, ...] = ()

    @property
    def heading(self) -> tuple[str, ...]:
        """Heading path: section and title; marks a hidden slide."""
        title = f"{self.title or f'Slide {self.number}'} (hidden slide)" if self.hidden else self.title
        return tuple(part for part in (self.section, title) if part)

    @property
    def words(self) -> str:
        """All text on the slide, line by line."""
        lines = [self.title]
        for shape in self.shapes:
            lines.append(shape.text if isinstance(shape, TextShape) else shape.caption)
            if isinstance(shape, TableShape):
                lines.append(shape.words)
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class Deck:
    width: float
    height: float
    slides: tuple[Slide, ...]
    title: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def box(self) -> Box:
        return (0.0, 0.0, self.width, self.height)


def clip_box(box: Box, width: float, height: float) -> Box:
    """Return a box clipped to a slide of the given size, to hundredths of a point."""
    x0, x1 = (round(min(max(side, 0.0), width), 2) for side in box[::2])
    y0, y1 = (round(min(max(side, 0.0), height), 2) for side in box[1::2])
    return (x0, y0, x1, y1)
