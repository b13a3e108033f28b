"""The ink that can be part of a figure: images and paths, less backgrounds, furniture, rules and text decoration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from extractors import geometry
from extractors.layout.text_roles import Paragraph
from extractors.page import Drawing, PageLayout, Raster
from extractors.types import Box

_PAGE = 0.8
"""Share of a page from which on an image or a panel lies behind everything."""
_HATCHED = 2000
"""Rules of one page beyond which they are hatching, and not looked at one by one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A piece of ink."""

    box: Box
    raster: Raster | None = None
    drawing: Drawing | None = None
    panel: bool = False
    """A box that holds words of its own, as in a flow chart."""


@dataclass(frozen=True, slots=True)
class Ink:
    marks: tuple[Mark, ...]
    backdrop: tuple[Raster, ...]
    """Images that fill the page: a scan, or a picture behind the text."""
    sidebars: tuple[Box, ...]
    """Panels and frames around running text."""


def collect(layout: PageLayout, paragraphs: Sequence[Paragraph]) -> Ink:
    """The page's ink, told apart; what repeats from page to page is no longer in `layout`."""
    page: Box = (0.0, 0.0, layout.width, layout.height)
    backdrop = _filling(layout.rasters, page)
    prose = [paragraph for paragraph in paragraphs if paragraph.prose]
    marks = [Mark(raster.box, raster=raster) for raster in layout.rasters if raster not in backdrop]
    sidebars: list[Box] = []
    paths = [drawing for drawing in layout.drawings if _shows(drawing, page) and not _bleeds(drawing, page)]
    rules = [d for d in paths if _is_rule(d.box)]
    solid = [d for d in paths if not _is_rule(d.box)]
    for drawing in solid:
        inside = [p for p in prose if geometry.coverage(p.box, geometry.expand_box(drawing.box, 2)) > 0.9]
        if _decorates_text(drawing, paragraphs):
            continue
        if _is_sidebar(drawing, inside):
            sidebars.append(drawing.box)
        else:
            marks.append(Mark(drawing.box, drawing=drawing, panel=bool(inside)))
    marks.extend(Mark(rule.box, drawing=rule) for rule in _rules_of_figures(rules, marks, layout))
    return Ink(tuple(marks), backdrop, tuple(sidebars))


def background_images(layout: PageLayout) -> tuple[Raster, ...]:
    """The images that fill the page: a scan, a slide saved as a picture, or a picture behind the text."""
    return _filling(layout.rasters, (0.0, 0.0, layout.width, layout.height))


def _filling(rasters: Sequence[Raster], page: Box) -> tuple[Raster, ...]:
    """Alone, or as strips of one scan."""
    whole = tuple(r for r in rasters if geometry.area(r.box) > _PAGE * geometry.area(page))
    if whole:
        return whole
    strips = [r for r in rasters if r.box[2] - r.box[0] > 0.7 * (page[2] - page[0])]
    if len(strips) < 2:
        return ()
    around = geometry.merge_boxes(strip.box for strip in strips)
    tiled = sum(geometry.area(strip.box) for strip in strips) > 0.9 * geometry.area(around)
    return tuple(strips) if tiled and geometry.area(around) > _PAGE * geometry.area(page) else ()


def _shows(drawing: Drawing, page: Box) -> bool:
    """Not white on white, and not a background."""
    white = drawing.fill is not None and min(drawing.fill) > 0.97 and len(drawing.fill) != 4
    pale = drawing.stroke is not None and min(drawing.stroke) > 0.97
    if (white or not drawing.filled) and (pale or not drawing.stroked):
        return False
    return geometry.area(drawing.box) < _PAGE * geometry.area(page)


def _bleeds(drawing: Drawing, page: Box) -> bool:
    """A large shape that runs over two edges of the page or more is a background, not a drawing."""
    x0, y0, x1, y1 = drawing.box
    edges = (x0 < 2) + (y0 < 2) + (x1 > page[2] - 2) + (y1 > page[3] - 2)
    return edges >= 2 and geometry.area(drawing.box) > 0.04 * geometry.area(page)


def _is_rule(box: Box) -> bool:
    width, height = box[2] - box[0], box[3] - box[1]
    return min(width, height) < 2.5 and max(width, height) > 8 * max(1.0, min(width, height))


def _decorates_text(drawing: Drawing, paragraphs: Sequence[Paragraph]) -> bool:
    """A highlight behind words, or a bar across one line of them."""
    if not drawing.filled or drawing.curved:
        return False
    for paragraph in paragraphs:
        height = drawing.box[3] - drawing.box[1]
        if not paragraph.prose or height > 1.7 * paragraph.size * max(1, paragraph.rows):
            continue
        if geometry.coverage(drawing.box, geometry.expand_box(paragraph.box, 3)) > 0.8:
            return True
    return False


def _is_sidebar(drawing: Drawing, inside: Sequence[Paragraph]) -> bool:
    """A panel or frame that mostly holds text: an info box, not a picture."""
    if not inside or drawing.items > 12:
        return False
    words = sum(paragraph.words for paragraph in inside)
    text = sum(geometry.area(paragraph.box) for paragraph in inside)
    return words > 60 or (words > 30 and text > 0.4 * geometry.area(drawing.box))


def _rules_of_figures(rules: Sequence[Drawing], marks: Sequence[Mark], layout: PageLayout) -> list[Drawing]:
    """Axes and grid lines, which touch ink of another direction; not the rules that divide a page or a column."""
    if not rules or len(rules) > _HATCHED:
        return list(rules)
    boxes = np.array([mark.box for mark in marks] + [rule.box for rule in rules])
    # 0: neither; 1: level; 2: upright
    direction = np.array([0] * len(marks) + [1 if _level(rule.box) else 2 for rule in rules])
    kept = []
    for rule in rules:
        x0, y0, x1, y1 = geometry.expand_box(rule.box, 2)
        if x1 - x0 < 0.3 * layout.width and y1 - y0 < 0.3 * layout.height:
            kept.append(rule)
            continue
        near = (boxes[:, 0] <= x1) & (boxes[:, 2] >= x0) & (boxes[:, 1] <= y1) & (boxes[:, 3] >= y0)
        if bool((near & (direction != (1 if _level(rule.box) else 2))).any()):
            kept.append(rule)
    return kept


def _level(box: Box) -> bool:
    return box[2] - box[0] > box[3] - box[1]
