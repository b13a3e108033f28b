"""A PDF page to write and draw on, with embedded fonts.

Coordinates are PDF points, origin top left; colours are (r, g, b) in 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import atan2, cos, hypot, sin
from typing import Any

from extractors.pdf.render import pymupdf

Point = tuple[float, float]
Box = tuple[float, float, float, float]
Color = tuple[float, float, float]

INK: Color = (0.13, 0.15, 0.18)
SEA: Color = (0.04, 0.27, 0.40)
CORAL: Color = (0.86, 0.33, 0.20)
GREY: Color = (0.45, 0.48, 0.52)
PALE: Color = (0.90, 0.93, 0.95)
SAND: Color = (0.98, 0.94, 0.87)
BLUE: Color = (0.16, 0.45, 0.72)
GREEN: Color = (0.18, 0.55, 0.34)
WHITE: Color = (1.0, 1.0, 1.0)

FONTS = {"sans": "helv", "bold": "hebo", "italic": "heit", "serif": "tiro", "hand": "tiit", "mono": "cour"}
"""Our names -> the names of MuPDF's built-in fonts; every machine with PyMuPDF has them."""


@cache
def font(name: str) -> Any:
    """The font called `name`."""
    return pymupdf().Font(FONTS[name])


def width(text: str, name: str = "sans", size: float = 9) -> float:
    """Width of `text` in points."""
    return float(font(name).text_length(text, fontsize=size))


class Sheet:
    """A page being drawn; text is drawn above everything else. Call `commit` at the end."""

    def __init__(self, page: Any) -> None:
        self.page = page
        for name in FONTS:
            page.insert_font(fontname=f"f-{name}", fontbuffer=font(name).buffer)
        self._shape = page.new_shape()

    def commit(self) -> None:
        """Write the drawings to the page."""
        self._shape.commit()
        self._shape = self.page.new_shape()

    def text(
        self,
        at: Point,
        text: str,
        name: str = "sans",
        size: float = 9,
        color: Color = INK,
        align: str = "left",
        turn: int = 0,
    ) -> float:
        """Write one line with its base line at `at`; return its width. `turn` is 0 or 90 (upwards)."""
        long = width(text, name, size)
        shift = {"left": 0.0, "center": long / 2, "right": long}[align]
        start = (at[0] - shift, at[1]) if turn == 0 else (at[0], at[1] + shift)
        if text:
            self._shape.insert_text(start, text, fontname=f"f-{name}", fontsize=size, color=color, rotate=turn)
        return long

    def label(self, at: Point, text: str, name: str = "sans", size: float = 7.5, color: Color = INK) -> None:
        """Write lines (split at newlines) centred on the point `at`."""
        lines = text.split("\n")
        top = at[1] - (len(lines) - 1) * size * 0.6 + size * 0.34
        for index, line in enumerate(lines):
            self.text((at[0], top + index * size * 1.2), line, name, size, color, "center")

    def _finish(self, fill: Color | None, stroke: Color | None, thick: float, dash: str, close: bool) -> None:
        self._shape.finish(
            fill=fill, color=stroke, width=thick if stroke else 0, dashes=dash or None, closePath=close, lineJoin=1
        )

    def rect(
        self,
        box: Box,
        fill: Color | None = None,
        stroke: Color | None = None,
        thick: float = 0.8,
        radius: float = 0,
        dash: str = "",
    ) -> None:
        """A rectangle; `radius` rounds its corners, in points."""
        short = min(box[2] - box[0], box[3] - box[1])
        self._shape.draw_rect(pymupdf().Rect(box), radius=min(radius / short, 0.5) if radius else None)
        self._finish(fill, stroke, thick, dash, True)

    def line(self, points: Sequence[Point], stroke: Color = INK, thick: float = 0.8, dash: str = "") -> None:
        """A line through all `points`."""
        self._shape.draw_polyline(list(points))
        self._finish(None, stroke, thick, dash, False)

    def poly(
        self, points: Sequence[Point], fill: Color | None = None, stroke: Color | None = None, thick: float = 0.8
    ) -> None:
        """A closed polygon."""
        self._shape.draw_polyline([*points, points[0]])
        self._finish(fill, stroke, thick, "", True)

    def curve(self, points: Sequence[Point], stroke: Color = INK, thick: float = 0.8) -> None:
        """A smooth line through all `points` (Catmull-Rom as Bézier curves)."""
        path = [points[0], *points, points[-1]]
        for before, start, end, after in zip(path, path[1:], path[2:], path[3:], strict=False):
            first = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
            second = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
            self._shape.draw_bezier(start, first, second, end)
        self._finish(None, stroke, thick, "", False)

    def circle(
        self, at: Point, radius: float, fill: Color | None = None, stroke: Color | None = None, thick: float = 0.8
    ) -> None:
        """A circle around `at`."""
        self._shape.draw_circle(at, radius)
        self._finish(fill, stroke, thick, "", True)

    def oval(self, box: Box, fill: Color | None = None, stroke: Color | None = None, thick: float = 0.8) -> None:
        """An ellipse that fills `box`."""
        self._shape.draw_oval(pymupdf().Rect(box))
        self._finish(fill, stroke, thick, "", True)

    def arrow(
        self, points: Sequence[Point], stroke: Color = INK, thick: float = 0.8, head: float = 5, both: bool = False
    ) -> None:
        """A line with an arrow head at its last point, or at both ends."""
        path = list(points)
        for tip, inner in [(path[-1], path[-2])] + ([(path[0], path[1])] if both else []):
            angle = atan2(tip[1] - inner[1], tip[0] - inner[0])
            wings = [(tip[0] - head * cos(angle + w), tip[1] - head * sin(angle + w)) for w in (-0.4, 0.4)]
            self.poly([tip, *wings], fill=stroke)
        self.line(_shortened(path, head * 0.7, both), stroke, thick)

    def balloon(self, at: Point, text: str, to: Point | None = None, radius: float = 7.5) -> None:
        """A circled number or letter, with a leader to the part `to`."""
        if to:
            self.line([at, to], INK, 0.6)
            self.circle(to, 1.3, fill=INK)
        self.circle(at, radius, fill=WHITE, stroke=INK, thick=0.8)
        self.label(at, text, "bold", radius * 1.1)

    def image(self, box: Box, data: bytes) -> None:
        """Place an encoded picture."""
        self.commit()
        self.page.insert_image(pymupdf().Rect(box), stream=data, keep_proportion=False)


def _shortened(path: list[Point], by: float, both: bool) -> list[Point]:
    """The path with its ends drawn back, so that the line does not stick out of the arrow head."""
    result = list(path)
    for end, inner in ((-1, -2), (0, 1)) if both else ((-1, -2),):
        (x, y), (u, v) = path[end], path[inner]
        part = by / max(hypot(x - u, y - v), by)
        result[end] = (x + (u - x) * part, y + (v - y) * part)
    return result
