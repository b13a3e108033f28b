"""What lies on one page, as plain data, so that everything after it is pure geometry.

All boxes are in points of the page as displayed (rotation and crop applied), origin top left.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extractors.types import Box


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text in one font run order."""

    box: Box
    text: str
    size: float
    """Font size in points, of most of its characters."""
    font: str = ""
    bold: bool = False
    italic: bool = False
    lead: int = 0
    """How many of its first characters are bold while the rest is not: a run-in heading or a caption's label."""
    block: int = 0
    """Number of the text block it stands in, in the file's own order."""
    horizontal: bool = True
    """False for text that runs up, down or aslant on the page as displayed."""
    angle: int = 0
    """Which way it runs, clockwise from rightwards, to the nearest quarter turn: 0, 90 (down), 180 or 270 (up)."""
    visible: bool = True
    """False for an invisible text layer (render mode 3), as scanners leave."""
    color: int = 0
    """sRGB as 0xRRGGBB."""
    ocr: bool = False


@dataclass(frozen=True, slots=True)
class Raster:
    """An embedded image as placed on the page."""

    box: Box
    """What shows of it: cut by the clips in force and by the page."""
    width: int
    """Pixels of the image itself."""
    height: int
    digest: str
    """The same for the same image, also when a file holds it twice: repeated on many pages, it is furniture.

    Empty for a picture that was found in the pixels of a scan."""
    xref: int = 0
    """Its object in the file, 0 when inline."""
    upright: bool = True
    """False when the placement turns, mirrors, shears or clips it: the pixels alone would mislead."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A vector path."""

    box: Box
    items: int
    """Number of segments: a rule or a frame has few, a curve many."""
    filled: bool
    stroked: bool
    fill: tuple[float, ...] | None = None
    """RGB (or what the file's own colour space holds), 0 to 1."""
    stroke: tuple[float, ...] | None = None
    rectangle: bool = False
    """True when it is one axis-parallel rectangle or line."""
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
    notes: tuple[str, ...] = field(default=())
