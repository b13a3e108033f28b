"""Pages of 600 by 800 points laid out by hand, and the figures found on them."""

from __future__ import annotations

from typing import Any

from extractors.layout.figures.figures import PageFigures, find_figures
from extractors.layout.furniture import Furniture
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

WORDS = "the quick brown fox jumps over the lazy dog and runs on through the wide field"


def write_line(text: str, x: float, base: float, size: float = 10, font: str = "Serif", **more: Any) -> Line:
    return Line((x, base - size, x + 0.5 * size * len(text), base + 2), text, size, font, **more)


def write_prose(x: float, y: float, rows: int, width: float = 240) -> list[Line]:
    """A paragraph of `rows` lines from `y` downwards, 12 points a line."""
    text = (WORDS * 3)[: int(width / 5)]
    return [write_line(text, x, y + 12 * (row + 1), block=int(y)) for row in range(rows)]


def place_photo(*box: float, digest: str = "photo") -> Raster:
    x0, y0, x1, y1 = box
    return Raster((x0, y0, x1, y1), 400, 300, digest, xref=7)


def draw_plot(x0: float, y0: float, x1: float, y1: float) -> tuple[list[Drawing], list[Line]]:
    """Axes, a curve and a few markers, with tick labels below."""
    axes = [
        Drawing((x0, y0, x0, y1), 1, filled=False, stroked=True, rectangle=True),
        Drawing((x0, y1, x1, y1), 1, filled=False, stroked=True, rectangle=True),
    ]
    curve = Drawing((x0 + 2, y0 + 10, x1 - 2, y1 - 10), 40, filled=False, stroked=True, curved=True)
    steps = [x0 + (x1 - x0) * n / 4 for n in range(5)]
    markers = [Drawing((x - 2, y1 - 30, x + 2, y1 - 26), 4, filled=True, stroked=False, curved=True) for x in steps]
    ticks = [write_line(str(10 * n), x - 5, y1 + 12, 8, "Sans") for n, x in enumerate(steps)]
    return [*axes, curve, *markers], ticks


def make_page(
    lines: list[Line], rasters: list[Raster] | None = None, drawings: list[Drawing] | None = None
) -> PageLayout:
    return PageLayout(1, 600, 800, tuple(lines), tuple(rasters or ()), tuple(drawings or ()))


def find(page: PageLayout, tables: tuple[Box, ...] = (), furniture: Furniture | None = None) -> PageFigures:
    return find_figures(page, tables, furniture or Furniture(1, {}, 10.0))


def labelled_boxes(found: PageFigures) -> dict[str, Box]:
    return {figure.label: figure.box for figure in found.figures if figure.label}


def draw_box(*box: float, **more: Any) -> Drawing:
    """A filled box with rounded corners."""
    x0, y0, x1, y1 = box
    return Drawing((x0, y0, x1, y1), 8, filled=True, stroked=True, fill=(0.8, 0.9, 1), curved=True, **more)


def draw_rule(x0: float, y: float, x1: float) -> Drawing:
    return Drawing((x0, y, x1, y), 1, filled=False, stroked=True, rectangle=True)
