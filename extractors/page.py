"""The contents of one page as plain data, the input of everything in `layout` and `text`.

Boxes are in points of the page as displayed (rotation and crop applied), origin top left.
"""

from __future__ import annotations

from dataclasses import dataclass

from extractors.types import Box


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    box: Box
    text: str
    size: float
    """Font size in points of most of its characters."""
    font: str = ""
    bold: bool = False
    italic: bool = False
    lead: int = 0
    """Number of bold characters at its start when the rest is not bold: a run-in heading or a caption's label."""
    block: int = 0
    """Number of its text block, in file order."""
    horizontal: bool = True
    """False for text that runs up, down or at an angle on the page as displayed."""
    angle: int = 0
    """Writing direction to the nearest quarter turn, clockwise from rightwards: 0, 90 (down), 180 or 270 (up)."""
    visible: bool = True
    """False for an invisible text layer (render mode 3), as scanners write."""
    color: int = 0
    """sRGB as 0xRRGGBB."""
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Raster:
    """An embedded image as placed on the page."""

    box: Box
    """The visible part: cut by the active clips and by the page."""
    width: int
    """Pixels of the image itself."""
    height: int
    digest: str
    """Hash of the image, equal for copies in one file. Empty for a picture found in the pixels of a scan."""
    xref: int = 0
    """Its object number in the file, 0 when inline."""
    upright: bool = True
    """False when the placement rotates, mirrors, shears or clips it, so that its pixels alone would mislead."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A vector path."""

    box: Box
    items: int
    """Number of segments: few in a rule or a frame, many in a curve."""
    filled: bool
    stroked: bool
    fill: tuple[float, ...] | None = None
    """RGB (or the components of the file's own colour space), 0 to 1."""
    stroke: tuple[float, ...] | None = None
    rectangle: bool = False
    """True for a single axis-parallel rectangle or line."""
    curved: bool = False
    """True when it has Bézier segments."""


@dataclass(frozen=True, slots=True)
class PageLayout:
    number: int
    """From 1."""
    width: float
    height: float
    lines: tuple[Line, ...] = ()
    rasters: tuple[Raster, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    rotation: int = 0
    notes: tuple[str, ...] = ()

    @property
    def box(self) -> Box:
        return (0.0, 0.0, self.width, self.height)

    @property
    def area(self) -> float:
        return self.width * self.height
