"""A slide deck as plain data, whatever file it came from. Boxes in points of the slide, origin top left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from extractors.types import Box, Problem


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    text: str
    box: Box
    level: int = 0
    """Of a bullet; 0 is the outermost."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table, or a chart's numbers as one; the first row is the header."""

    rows: Sequence[Sequence[str]]
    box: Box
    caption: str = ""
    """A chart's title and axes; a table's alt text."""
    chart: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """An embedded picture."""

    data: Callable[[], bytes]
    """Its file; raises when the deck lacks it."""
    box: Box
    caption: str = ""
    """Its alt text."""
    crop: tuple[float, float, float, float] = (0, 0, 0, 0)
    """Shares cut off left, top, right and bottom."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """Something drawn that only rendering shows whole: a group, a diagram, an embedded object."""

    box: Box
    kind: Literal["group", "diagram", "object"]
    caption: str = ""
    words: str = ""
    """What is written in it, which the slide's texts give as well."""


Part = Text | Grid | Image | Drawing


@dataclass(frozen=True, slots=True)
class Slide:
    number: int
    """From 1; hidden slides count."""
    title: str = ""
    title_box: Box | None = None
    section: str = ""
    hidden: bool = False
    parts: tuple[Part, ...] = ()
    """In reading order, without the title."""
    notes: tuple[str, ...] = ()
    """Paragraphs of the speaker's notes."""
    comments: tuple[str, ...] = ()

    @property
    def heading(self) -> tuple[str, ...]:
        """Section and title; says that the slide is hidden, which a searcher should know."""
        title = f"{self.title or f'Slide {self.number}'} (hidden slide)" if self.hidden else self.title
        return tuple(part for part in (self.section, title) if part)

    @property
    def words(self) -> str:
        """All that is written on it, line by line."""
        lines = [self.title]
        for part in self.parts:
            match part:
                case Text():
                    lines.append(part.text)
                case Grid():
                    lines += [part.caption, *("  ".join(row) for row in part.rows)]
                case Image():
                    lines.append(part.caption)
                case Drawing():
                    lines.append(part.caption)
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, slots=True)
class Deck:
    width: float
    height: float
    slides: tuple[Slide, ...]
    title: str = ""
    problems: tuple[Problem, ...] = field(default=())
