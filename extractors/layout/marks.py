"""The images and paths of a page that can be part of a figure.

In: a `PageLayout` without its furniture, and its text blocks. Out: `PageMarks`.
Rules, highlights and other decoration of text are dropped.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from extractors.geometry import (
    area,
    boxes_touch,
    coverage,
    expand_box,
    height,
    is_inside,
    merge_boxes,
    shorter_side,
    width,
)
from extractors.layout.edge_lines import in_margin
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.text_blocks import TextBlock
from extractors.page import Drawing, PageLayout, Raster
from extractors.types import Box

# Backgrounds, as shares of the page.
_MIN_BACKGROUND = 0.8  # an image or panel this large lies behind everything
_MIN_BELOW_TEXT, _MIN_LINES_ON_IMAGE = 0.25, 40  # below most of the text; lines: more than a picture has labels
_MIN_LINED_UP, _SAME_EDGE = 3, 4.0  # lines with one left or right edge, in points: labels of a map are scattered
_MIN_STRIP_WIDTH, _MIN_STRIPS_FILLED = 0.7, 0.9  # of a scan that is stored in strips; share of their common box
_MIN_BLEED = 0.04  # shapes that run off the page at two edges are ornaments unless they are smaller
_MIN_BAND = 0.9  # of its width, from which a filled rectangle at an edge is the background of a section
_MIN_SECTION = 0.1  # of it, from which a filled rectangle at an edge with running text on it is such a background
_EDGE = 2.0  # points within which a shape reaches the page's edge
_WHITE = 0.97  # lightest colour component from which nothing shows on paper
_MIN_GROUND, _MAX_GROUNDS = 0.005, 100  # share of the page; rectangles that later paths may lie on, the latest

_MIN_RULE_LENGTH = 8.0  # multiples of its thickness
_MAX_RULES = 2000  # more of them on a page are hatching, and comparing each would be slow
_SHORT_RULE = 0.3  # share of the page below which a rule does not divide the page or a column
_FRAME_CORNER, _MAX_FRAME_RULES = 8.0, 60  # points between the sides of a frame; more long rules are a grid
_CONTACT = 2.0  # points within which a rule touches other ink, or a box holds text

# Decoration of text: highlights and bars no higher than the text, bands behind headings, and boxes of running text.
_MIN_HEADING_BAND, _MAX_BAND_HEIGHT = 0.4, 3.0  # of the page's width, where bars with words are shorter; text sizes
_MAX_HIGHLIGHT_HEIGHT = 1.7  # multiples of the height of its rows
_HIGHLIGHT_MARGIN, _MIN_HIGHLIGHT_COVERED = 3.0, 0.8  # points around the text; share of the shape that lies within
_MIN_PHOTO, _MAX_PANE_COVERED = 0.01, 0.6  # of the page; a pane is a picture's frame if the picture covers more of it
_FRAMED = 0.8  # share of a photo and of its frame that they have in common
_MAX_FRAME_SEGMENTS = 12  # of a path, rounded corners included
_MIN_CAPTION = 0.5  # share of a frame under the caption that it is drawn for
_SIDEBAR_WORDS = 60  # more than in a box of a flow chart
_FILLED_SIDEBAR_WORDS, _FILLED_SIDEBAR_SHARE = 30, 0.4  # fewer words are enough where they fill it


@dataclass(frozen=True, slots=True)
class Mark:
    """An image or a path."""

    box: Box
    raster: Raster | None = None
    drawing: Drawing | None = None
    panel: bool = False  # a box with text of its own, as in a flow chart


@dataclass(frozen=True, slots=True)
class PageMarks:
    marks: tuple[Mark, ...]
    backgrounds: tuple[Raster, ...]  # images that fill the page: a scan, or a picture behind the text
    sidebars: tuple[Box, ...]  # panels and frames around running text


def find_marks(layout: PageLayout, blocks: Sequence[TextBlock], captions: Sequence[Box] = ()) -> PageMarks:
    backgrounds = background_images(layout)
    rasters = [raster for raster in layout.rasters if raster not in backgrounds and not _is_header_band(raster, layout)]
    marks = [Mark(raster.box, raster=raster) for raster in rasters]
    sidebars: list[Box] = []
    dark = _has_dark_background(layout)
    visible = [d for d in _contrasting(layout) if _is_visible(d, layout, dark) and not bleeds(d, layout)]
    bands = [expand_box(d.box, _CONTACT) for d in visible if _is_heading_band(d, visible, layout)]
    visible = [d for d in visible if not any(is_inside(d.box, band) for band in bands)]  # nor the borders of bands
    prose = [block for block in blocks if block.is_prose]
    rules = _without_text_frames([drawing for drawing in visible if _is_rule(drawing.box)], prose, layout)
    photos = [mark.box for mark in marks if area(mark.box) > _MIN_PHOTO * layout.area]
    for drawing in visible:
        if _is_rule(drawing.box) or _decorates_text(drawing, prose) or _is_pane(drawing, photos):
            continue
        if any(_is_box_of(caption, drawing) for caption in captions):
            continue
        inside = [block for block in prose if is_inside(block.box, drawing.box, _CONTACT)]
        with_caption = any(is_inside(caption, drawing.box) for caption in captions)
        if (inside and _is_section(drawing, layout)) or _is_sidebar(drawing, inside, with_caption):
            sidebars.append(drawing.box)
        else:
            marks.append(Mark(drawing.box, drawing=drawing, panel=bool(inside)))
    marks.extend(Mark(rule.box, drawing=rule) for rule in _rules_of_figures(rules, marks, layout))
    return PageMarks(tuple(marks), backgrounds, tuple(sidebars))


def background_images(layout: PageLayout) -> tuple[Raster, ...]:
    """The images that fill the page, alone or as strips: a scan, a slide saved as a picture, or a backdrop."""
    least = _MIN_BACKGROUND * layout.area
    rasters = [raster for raster in layout.rasters if raster.digest]  # not pictures found in a scan
    whole = tuple(raster for raster in rasters if area(raster.box) > least or _lies_below_text(raster, layout))
    if whole:
        return whole
    strips = tuple(raster for raster in rasters if width(raster.box) > _MIN_STRIP_WIDTH * layout.width)
    if len(strips) < 2:
        return ()
    together = area(merge_boxes(strip.box for strip in strips))
    tiled = sum(area(strip.box) for strip in strips) > _MIN_STRIPS_FILLED * together
    return strips if tiled and together > least else ()


def _lies_below_text(raster: Raster, layout: PageLayout) -> bool:
    """Whether most of the page's text is printed on a large image: a watermark, or a scan inside the margins."""
    if area(raster.box) < _MIN_BELOW_TEXT * layout.area:
        return False
    lines = [line for line in layout.lines if line.visible and not line.ocr]
    edges = [(round(x.box[0] / _SAME_EDGE), round(x.box[2] / _SAME_EDGE)) for x in lines if x.belongs_to(raster.box)]
    left, right = (Counter(found) for found in zip(*edges, strict=True)) if edges else (Counter(), Counter())
    lined_up = sum(max(left[start], right[end]) >= _MIN_LINED_UP for start, end in edges)
    return lined_up > max(_MIN_LINES_ON_IMAGE, len(lines) / 2)


def _has_dark_background(layout: PageLayout) -> bool:
    """Whether the page is filled with a colour on which white shows."""
    fills = [d for d in layout.drawings if d.filled and area(d.box) > _MIN_BACKGROUND * layout.area]
    return bool(fills) and not _is_white(fills[-1].fill)


def _is_visible(drawing: Drawing, layout: PageLayout, dark: bool) -> bool:
    """Neither white on white nor a background."""
    inked = (drawing.filled and not _is_white(drawing.fill)) or (drawing.stroked and not _is_white(drawing.stroke))
    return (dark or inked) and area(drawing.box) < _MIN_BACKGROUND * layout.area


def _contrasting(layout: PageLayout) -> list[Drawing]:
    """The paths, except fills on a rectangle of their own colour, as behind every row of a coloured box."""
    grounds: deque[Drawing] = deque(maxlen=_MAX_GROUNDS)
    shown = []
    for drawing in layout.drawings:
        if drawing.filled and drawing.fill:  # shadings have no colour of their own
            ground = next((g for g in reversed(grounds) if is_inside(drawing.box, g.box)), None)
            is_same = ground is not None and not drawing.stroked and drawing.fill == ground.fill
            if is_same:
                continue
            if drawing.rectangle and area(drawing.box) > _MIN_GROUND * layout.area:
                grounds.append(drawing)
        shown.append(drawing)
    return shown


def _is_white(colour: tuple[float, ...] | None) -> bool:
    return colour is not None and len(colour) != 4 and min(colour) > _WHITE  # four: CMYK


def bleeds(drawing: Drawing, layout: PageLayout) -> bool:
    """Whether a shape runs from edge to edge, or a large one over two edges of the page, as ornaments do."""
    x0, y0, x1, y1 = drawing.box
    left, top, right, bottom = x0 < _EDGE, y0 < _EDGE, x1 > layout.width - _EDGE, y1 > layout.height - _EDGE
    edges = left + top + right + bottom
    if not edges:
        return False
    is_band = drawing.filled and drawing.rectangle and edges > 0 and x1 - x0 > _MIN_BAND * layout.width
    if (left and right) or (top and bottom) or is_band:
        return True
    return edges >= 2 and area(drawing.box) > _MIN_BLEED * layout.area


def _is_section(drawing: Drawing, layout: PageLayout) -> bool:
    """Whether a large filled rectangle runs off the page, as the background of a part of it does."""
    is_large = area(drawing.box) > _MIN_SECTION * layout.area
    return drawing.filled and drawing.rectangle and is_large and at_edge(drawing.box, layout)


def at_edge(box: Box, layout: PageLayout) -> bool:
    """Whether a box reaches an edge of the page."""
    return min(box[0], box[1], layout.width - box[2], layout.height - box[3]) < _EDGE


def _is_header_band(raster: Raster, layout: PageLayout) -> bool:
    """Whether an image runs along the head or foot of the page from edge to edge."""
    x0, _, x1, _ = raster.box
    return x0 < _EDGE and x1 > layout.width - _EDGE and in_margin(raster.box, layout)


def _is_rule(box: Box) -> bool:
    thickness = shorter_side(box)
    return thickness < RULE_THICKNESS and max(width(box), height(box)) > _MIN_RULE_LENGTH * max(1.0, thickness)


def _decorates_text(drawing: Drawing, prose: Sequence[TextBlock]) -> bool:
    """A highlight behind words, or a bar across one line of them."""
    if not drawing.filled:
        return False
    return any(
        height(drawing.box) <= _MAX_HIGHLIGHT_HEIGHT * block.size * max(1, block.rows)
        and coverage(drawing.box, expand_box(block.box, _HIGHLIGHT_MARGIN)) > _MIN_HIGHLIGHT_COVERED
        for block in prose
    )


def _is_box_of(caption: Box, drawing: Drawing) -> bool:
    """Whether a path is the frame or the ground of a caption, and of little else."""
    fills = area(caption) > _MIN_CAPTION * area(drawing.box) and is_inside(caption, drawing.box)
    return fills and drawing.items <= _MAX_FRAME_SEGMENTS


def _is_heading_band(band: Drawing, drawings: Sequence[Drawing], layout: PageLayout) -> bool:
    """Whether one line of words stands on a wide filled rectangle; bars and boxes of a diagram come in several."""
    if not (band.filled and band.rectangle) or width(band.box) < _MIN_HEADING_BAND * layout.width:
        return False
    words = [line for line in layout.lines if line.visible and line.horizontal and line.belongs_to(band.box)]
    if len(words) != 1 or height(band.box) > _MAX_BAND_HEIGHT * words[0].size:
        return False
    return not any(_is_bar_like(drawing.box, band.box) for drawing in drawings if drawing.filled)


def _is_bar_like(box: Box, bar: Box) -> bool:
    """Whether a box is another one as high as `bar` that starts or ends where it does."""
    if box == bar or _is_rule(box) or abs(height(box) - height(bar)) > _SAME_EDGE:
        return False
    return min(abs(box[0] - bar[0]), abs(box[2] - bar[2])) < _SAME_EDGE


def _is_pane(drawing: Drawing, photos: Sequence[Box]) -> bool:
    """A plain rectangle right behind one photo, or behind photos and whatever else stands on it."""
    if not (drawing.filled and drawing.rectangle):
        return False
    on_it = [photo for photo in photos if is_inside(photo, drawing.box)]
    if any(is_inside(drawing.box, photo) for photo in on_it):
        return True
    return bool(on_it) and sum(map(area, on_it)) < _MAX_PANE_COVERED * area(drawing.box)


def is_on_photo(path: Box, photos: Sequence[Box]) -> bool:
    """Whether a path lies on one of the photos, or runs around it."""
    return any(is_inside(path, photo) for photo in photos) or frames_photo(path, photos)


def frames_photo(frame: Box, photos: Sequence[Box]) -> bool:
    return any(coverage(photo, frame) > _FRAMED and coverage(frame, photo) > _FRAMED for photo in photos)


def _is_sidebar(drawing: Drawing, inside: Sequence[TextBlock], with_caption: bool) -> bool:
    """A panel or frame that mostly holds running text, or holds some beside a captioned figure: not a picture."""
    if not inside or drawing.items > _MAX_FRAME_SEGMENTS:
        return False
    words = sum(block.words for block in inside)
    filled = sum(area(block.box) for block in inside) > _FILLED_SIDEBAR_SHARE * area(drawing.box)
    return words > _SIDEBAR_WORDS or (words > _FILLED_SIDEBAR_WORDS and (filled or with_caption))


def _without_text_frames(rules: list[Drawing], prose: Sequence[TextBlock], layout: PageLayout) -> list[Drawing]:
    """The rules, except long ones that together enclose running text."""
    long = [rule for rule in rules if not _is_short(rule.box, layout)]
    if len(long) > _MAX_FRAME_RULES:
        return rules
    frames: list[list[Drawing]] = []
    for rule in long:
        near = expand_box(rule.box, _FRAME_CORNER)
        touching = [frame for frame in frames if any(boxes_touch(near, other.box) for other in frame)]
        frames = [frame for frame in frames if frame not in touching] + [[rule, *chain(*touching)]]
    around_text = [frame for frame in frames if any(is_inside(b.box, merge_boxes(r.box for r in frame)) for b in prose)]
    dropped = {id(rule) for frame in around_text for rule in frame}
    return [rule for rule in rules if id(rule) not in dropped]


def _is_short(box: Box, layout: PageLayout) -> bool:
    return width(box) < _SHORT_RULE * layout.width and height(box) < _SHORT_RULE * layout.height


def _rules_of_figures(rules: Sequence[Drawing], marks: Sequence[Mark], layout: PageLayout) -> list[Drawing]:
    """Axes and grid lines, which touch ink of another direction; not the rules that divide a page or a column."""
    if not rules or len(rules) > _MAX_RULES:
        return list(rules)
    boxes = np.array([mark.box for mark in marks] + [rule.box for rule in rules])
    level, upright, neither = 1, 2, 0
    rule_directions = [level if width(rule.box) > height(rule.box) else upright for rule in rules]
    directions = np.array([neither] * len(marks) + rule_directions)
    kept = []
    for rule, direction in zip(rules, rule_directions, strict=True):
        x0, y0, x1, y1 = expand_box(rule.box, _CONTACT)
        keep = _is_short(rule.box, layout)
        if not keep:
            near = (boxes[:, 0] <= x1) & (boxes[:, 2] >= x0) & (boxes[:, 1] <= y1) & (boxes[:, 3] >= y0)
            keep = bool((near & (directions != direction)).any())
        if keep:
            kept.append(rule)
    return kept
