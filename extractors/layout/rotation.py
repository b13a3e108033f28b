"""Pages whose text runs up or down, as wide tables and figures are printed, turned so that it can be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from extractors import geometry
from extractors.page import PageLayout


def upright(layout: PageLayout) -> tuple[PageLayout, int]:
    """The layout turned so that most of its text runs to the right, and by how many degrees clockwise it was turned."""
    letters: Counter[int] = Counter()
    for line in layout.lines:
        letters[line.angle] += len(line.text) if line.visible else 0
    angle = -letters.most_common(1)[0][0] % 360 if letters else 0
    return (turned(layout, angle), angle) if angle else (layout, 0)


def turned(layout: PageLayout, angle: int) -> PageLayout:
    """The layout turned clockwise by `angle` degrees: 0, 90, 180 or 270."""
    width, height = layout.width, layout.height

    def place(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        return geometry.rotate_box(box, angle, width, height)

    return replace(
        layout,
        width=height if angle in (90, 270) else width,
        height=width if angle in (90, 270) else height,
        lines=tuple(
            replace(
                line,
                box=place(line.box),
                angle=(line.angle + angle) % 360,
                horizontal=line.horizontal if angle == 0 else (line.angle + angle) % 360 == 0,
            )
            for line in layout.lines
        ),
        rasters=tuple(replace(raster, box=place(raster.box)) for raster in layout.rasters),
        drawings=tuple(replace(drawing, box=place(drawing.box)) for drawing in layout.drawings),
    )
