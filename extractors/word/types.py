"""What the readers of word processing files return besides blocks."""

from dataclasses import dataclass
from typing import Any

from extractors.blocks.types import Block, Content


@dataclass(frozen=True, slots=True)
class Drawing(Block):
    """A chart, diagram or group of shapes, which only a rendered page shows."""

    words: str = ""
    """The text inside."""
    alt: str = ""
    size: tuple[float, float] | None = None
    """Width and height at which it is shown, in points."""
    chart: Any = None
    """The `c:chartSpace` element of a chart, which can be drawn by itself."""


WordContent = Content | Drawing
