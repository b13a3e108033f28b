"""The contents of one page as plain data, the input of everything in `layout` and `text`.

Boxes are in points of the page as displayed (rotation and crop applied), origin top left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from extractors.geometry import coverage, rotate_box, scale_box
from extractors.types import Box

_LINE_INSIDE = 0.6  # share of a line in a figure or table from which it belongs there


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    box: Box
    text: str
    size: float  # font size in points of most of its characters
    font: str = ""  # of most of its characters, as size, weight and slant
    first_font: str = ""
    last_font: str = ""
    bold: bool = False
    italic: bool = False
    lead: int = 0  # bold characters at its start when the rest is not bold: a run-in heading or a caption's label
    run_in: int = 0  # characters at its start in another font than the rest: perhaps a heading within the paragraph
    block: int = 0  # number of its text block, in file order
    horizontal: bool = True  # False for text that runs up, down or at an angle on the page as displayed
    angle: int = 0  # writing direction to the nearest quarter turn: 0 (rightwards), 90 (down), 180 or 270 (up)
    vertical: bool = False  # True when its characters stand upright below each other, as in Japanese
    visible: bool = True  # False for an invisible text layer (render mode 3), as scanners write
    ocr: bool = False
    doubtful: tuple[str, ...] = ()  # words that OCR read with little confidence
    heading: int = 0  # level from 1 if the file's structure tags call it a heading
    artifact: bool = False  # True when the file's structure tags leave it out: perhaps a header or footer

    def belongs_to(self, box: Box) -> bool:
        """Whether the line is part of the figure or table in `box`."""
        return coverage(self.box, box) > _LINE_INSIDE


def middle(line: Line) -> float:
    """Half-way between top and bottom."""
    return (line.box[1] + line.box[3]) / 2


@dataclass(frozen=True, slots=True)
class Raster:
    """An embedded image as placed on the page."""

    box: Box  # the visible part: cut by the active clips and by the page
    width: int  # pixels of the image itself
    height: int
    digest: str  # hash of the image, equal for copies in one file; empty for a picture found in a scan
    xref: int = 0  # its object number in the file, 0 when inline
    upright: bool = True  # False when it is placed rotated, mirrored, sheared or clipped: its pixels would mislead


@dataclass(frozen=True, slots=True)
class Drawing:
    """A vector path."""

    box: Box
    items: int  # number of segments: few in a rule or a frame, many in a curve
    filled: bool
    stroked: bool
    fill: tuple[float, ...] | None = None  # RGB (or the components of the file's own colour space), 0 to 1
    stroke: tuple[float, ...] | None = None
    rectangle: bool = False  # True for a single axis-parallel rectangle or line
    curved: bool = False  # True when it has Bézier segments
    slanted: bool = False  # True when it has straight segments that are neither level nor upright
    parts: tuple[Box, ...] = ()  # the rectangles or rules that it draws at once, if it is several and nothing else

    def moved(self, transform: Callable[[Box], Box]) -> Drawing:
        """The path on a page that is scaled or turned."""
        return replace(self, box=transform(self.box), parts=tuple(map(transform, self.parts)))


class AlternativeText(NamedTuple):
    """What the file's structure tags say of a figure."""

    box: Box
    text: str


@dataclass(frozen=True, slots=True)
class PageLayout:
    number: int  # from 1
    width: float
    height: float
    lines: tuple[Line, ...] = ()
    rasters: tuple[Raster, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    rotation: int = 0  # degrees clockwise; part of the key of cached pages
    notes: tuple[str, ...] = ()
    alternative_texts: tuple[AlternativeText, ...] = ()  # on the page as it was read

    @property
    def box(self) -> Box:
        return (0.0, 0.0, self.width, self.height)

    @property
    def area(self) -> float:
        return self.width * self.height

    def scaled(self, factor: float) -> PageLayout:
        """The layout with all lengths multiplied by `factor`."""
        if factor == 1:
            return self
        lines = (replace(x, box=scale_box(x.box, factor), size=x.size * factor) for x in self.lines)
        return replace(
            self,
            width=self.width * factor,
            height=self.height * factor,
            lines=tuple(lines),
            rasters=tuple(replace(raster, box=scale_box(raster.box, factor)) for raster in self.rasters),
            drawings=tuple(one.moved(lambda box: scale_box(box, factor)) for one in self.drawings),
        )

    def rotated(self, angle: int) -> PageLayout:
        """The layout rotated clockwise by `angle` (0, 90, 180 or 270) degrees."""
        if angle == 0:
            return self

        def turn(box: Box) -> Box:
            return rotate_box(box, angle, self.width, self.height)

        lines = []
        for line in self.lines:
            direction = (line.angle + angle) % 360
            lines.append(replace(line, box=turn(line.box), angle=direction, horizontal=direction == 0))
        width, height = (self.width, self.height) if angle == 180 else (self.height, self.width)
        return replace(
            self,
            width=width,
            height=height,
            lines=tuple(lines),
            rasters=tuple(replace(raster, box=turn(raster.box)) for raster in self.rasters),
            drawings=tuple(drawing.moved(turn) for drawing in self.drawings),
        )
