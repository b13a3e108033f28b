"""Pages printed sideways, as wide tables and figures are, rotated so that their text runs from left to right."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from extractors.geometry import rotate_box
from extractors.page import PageLayout
from extractors.types import Box


def make_upright(layout: PageLayout) -> tuple[PageLayout, int]:
    """The layout rotated so that most of its text runs to the right, and the clockwise angle in degrees."""
    letters: Counter[int] = Counter()
    for line in layout.lines:
        letters[line.angle] += len(line.text) if line.visible else 0
    angle = -letters.most_common(1)[0][0] % 360 if letters else 0
    return rotate_layout(layout, angle), angle


def rotate_layout(layout: PageLayout, angle: int) -> PageLayout:
    """The layout rotated clockwise by `angle` (0, 90, 180 or 270) degrees."""
    if angle == 0:
        return layout

    def rotated(box: Box) -> Box:
        return rotate_box(box, angle, layout.width, layout.height)

    sideways = angle != 180
    lines = []
    for line in layout.lines:
        direction = (line.angle + angle) % 360
        lines.append(replace(line, box=rotated(line.box), angle=direction, horizontal=direction == 0))
    return replace(
        layout,
        width=layout.height if sideways else layout.width,
        height=layout.width if sideways else layout.height,
        lines=tuple(lines),
        rasters=tuple(replace(raster, box=rotated(raster.box)) for raster in layout.rasters),
        drawings=tuple(replace(drawing, box=rotated(drawing.box)) for drawing in layout.drawings),
    )
