"""The figures of a page and their captions.

In: a `PageLayout`, the boxes of its tables, and the document's furniture. Out: `PageFigures`. A page goes through these
modules, each of which explains its own step:

1. `find_figures`: a page printed sideways is rotated upright.
2. `page_elements`: captions, marks (images and paths), running text and possible labels are distinguished.
3. `regions`: marks that are close together become regions, with the labels at them. `panels` cuts those that have
   several captions.
4. `captions_on_page`: captions are matched with regions and tables, for the whole page at once.
5. `panels`: a captioned figure takes in its other panels; panels that stand apart are also pictures of their own.
6. `uncaptioned`: regions without a caption count if they look like pictures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from extractors.geometry import (
    area,
    coverage,
    intersection,
    is_inside,
    rotate_box,
    scale_box,
    shorter_side,
)
from extractors.layout.captions import Caption
from extractors.layout.figures.captions_on_page import add_texts_of_labels, match_on_page
from extractors.layout.figures.page_elements import PageElements, classify_page
from extractors.layout.figures.panels import (
    gather_panels,
    is_complete_chart,
    panel_caption,
    panel_letters,
    split_at_captions,
    split_panels,
)
from extractors.layout.figures.regions import MAX_LABEL_WORDS, Region, add_text, find_regions, region_of_marks
from extractors.layout.figures.uncaptioned import heading_above, is_picture, mosaic_photos, titled_charts
from extractors.layout.furniture import Furniture
from extractors.layout.marks import Mark, background_images
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.text_blocks import TextBlock
from extractors.page import PageLayout, Raster
from extractors.types import Box

# Posters and screens may measure metres. Distances are meant for paper: larger pages are scaled down to A4.
_LARGEST_PAGE, _PAGE = 1500.0, 1031.0  # diagonals of A3 and of A4, in points
_TABLE_MARGIN = 3.0  # points by which an inset may reach out of its figure
_TABLE_COVERAGE = 0.7  # share of a region in a table from which it is the table's own rules

_MAX_LABEL_ROWS = 4  # of a text at a drawing, as above a column of a chart

# The page as a whole, to be kept as a picture. Shares of the page unless noted.
_MOSTLY_PICTURES = 0.5  # under figures
_MUCH_INK, _FEW_WORDS = 0.3, 20  # of images and paths; with any ink and fewer words a page looks visual as well
_SLIDE_ASPECT, _MAX_SLIDE_WORDS = 1.2, 200  # width by height
_MAX_COVER_WORDS, _MAX_COVER_BLOCK = 120, 25  # words of a title page, and of its longest paragraph


@dataclass(frozen=True, slots=True)
class Figure:
    """A part of the page that is shown as one picture."""

    kind: Literal["figure", "panel", "table"]
    box: Box
    label: str = ""
    caption: str = ""
    caption_box: Box | None = None
    rasters: tuple[Raster, ...] = ()  # the embedded images it is made of
    panel: str = ""  # the letter of a sub-figure: `a`
    alone: bool = False  # True when it is one upright raster and nothing else, whose pixels are the picture


@dataclass(frozen=True, slots=True)
class PageFigures:
    figures: tuple[Figure, ...] = ()
    inside: frozenset[int] = frozenset()  # indices of the layout's lines that lie in figures, not in the running text
    caption_lines: frozenset[int] = frozenset()  # indices of the layout's lines that are captions
    unmatched: tuple[Caption, ...] = ()  # captions without a figure or table on this page
    visual: bool = False  # the page is a slide, a scan, a cover or mostly pictures
    flagged: bool = False  # the page looks visual but no figure was found


def find_figures(
    layout: PageLayout, tables: Sequence[Box], furniture: Furniture, carried: Sequence[Caption] = ()
) -> PageFigures:
    """The figures and captioned tables of one page, from top to bottom.

    `tables` are the boxes that `find_tables` found; `carried` the captions that the previous page could not match.
    """
    backgrounds = background_images(layout)  # of a scan in strips, the blank ones repeat
    strips = backgrounds if len(backgrounds) > 1 else ()
    content = replace(
        layout,
        rasters=tuple(r for r in layout.rasters if r in strips or not furniture.repeats(r, layout)),
        drawings=tuple(drawing for drawing in layout.drawings if not furniture.repeats(drawing, layout)),
    )
    letters: Counter[int] = Counter()
    for line in layout.lines:
        letters[line.angle] += len(line.text) if line.visible else 0
    angle = -letters.most_common(1)[0][0] % 360 if letters else 0
    diagonal = math.hypot(layout.width, layout.height)
    scale = _PAGE / diagonal if diagonal > _LARGEST_PAGE else 1.0
    upright = content.rotated(angle).scaled(scale)
    tables = [scale_box(rotate_box(box, angle, layout.width, layout.height), scale) for box in tables]
    running, body_size = furniture.running_lines(layout), scale * furniture.body_size
    page = classify_page(upright, tables, running, body_size, has_backdrop=bool(backgrounds))
    found = _find_on_upright_page(page, carried)

    def displayed(box: Box) -> Box:
        return rotate_box(scale_box(box, 1 / scale), -angle % 360, upright.width / scale, upright.height / scale)

    return found if angle == 0 and scale == 1 else _transformed(found, displayed)


def _find_on_upright_page(page: PageElements, carried: Sequence[Caption]) -> PageFigures:
    barriers = (*(block.box for block in page.separators), *page.fences)
    regions = [
        region
        for joined in _with_whole_texts(find_regions(page.layout, page.marks.marks, barriers, page.labels), page)
        for region in split_at_captions(joined, page)
        if not any(coverage(region.box, table) > _TABLE_COVERAGE for table in page.tables)
        and shorter_side(region.marks_box) > RULE_THICKNESS  # not a rule or the underscore of a name
    ]
    pictures = [region.box for region in regions if is_picture(region, page)]
    boxes = [box for box in page.marks.sidebars if not any(is_inside(picture, box) for picture in pictures)]
    sidebars = [region_of_marks([Mark(box, panel=True)]) for box in boxes]
    pairs = match_on_page(page, barriers, regions, sidebars)
    page = add_texts_of_labels(page, [*regions, *sidebars], pairs)
    captioned, rest = gather_panels(page, [*regions, *sidebars], pairs)
    tables = _tables(page, pairs, first=len(regions) + len(sidebars))
    figures = [
        *(figure for number, region in captioned.items() for figure in _with_panels(region, number, page)),
        *(table for table in tables if not _is_part(table, captioned)),
        *_uncaptioned([region for region in rest if region not in sidebars], page),
    ]
    figures.sort(key=lambda figure: (figure.box[1], figure.box[0]))
    unmatched = tuple(caption for number, caption in enumerate(page.captions) if number not in pairs)
    return _summary(page, tuple(_take_carried(figures, carried)), unmatched)


def _with_whole_texts(regions: Sequence[Region], page: PageElements) -> list[Region]:
    """The regions with all lines of a short text that they have in part, and without those of a longer one."""
    taken = frozenset().union(*(region.labels for region in regions))
    cut = [block for block in page.label_blocks if 0 < len(taken.intersection(block.lines)) < len(block.lines)]
    return [_with_whole_blocks(region, cut, page.layout) for region in regions]


def _with_whole_blocks(region: Region, cut: Sequence[TextBlock], layout: PageLayout) -> Region:
    labels = region.labels
    for block in cut:
        lines = [layout.lines[i] for i in block.lines]
        if not labels.intersection(block.lines) or any(line.belongs_to(region.marks_box) for line in lines):
            continue
        words = sum(len(line.text.split()) for line in lines)
        if words > MAX_LABEL_WORDS or block.rows > _MAX_LABEL_ROWS:
            labels = labels.difference(block.lines)
        elif region.has_drawings:
            labels = labels.union(block.lines)
    return region if labels == region.labels else add_text(region_of_marks(region.marks), sorted(labels), layout)


def _is_part(table: Figure, captioned: Mapping[int, Region]) -> bool:
    """Whether a table without a caption is the legend or an inset of a drawing with one."""
    drawn = [region.box for region in captioned.values() if region.has_drawings and not region.marks[0].panel]
    return not table.caption and any(is_inside(table.box, box, _TABLE_MARGIN) for box in drawn)


def _with_panels(region: Region, number: int, page: PageElements) -> list[Figure]:
    """The figure of a caption; if it has panels that stand apart, the whole and each of them."""
    caption = page.captions[number]
    whole = _with_caption(_figure(region, page.layout), caption)
    panels = split_panels(region, page.layout) if caption.kind == "figure" else []
    if not panels:
        return [whole]
    letters = panel_letters(panels, caption.text, page.layout)
    if all(letters) and all(is_complete_chart(panel, page.layout) for panel in panels):
        charts = zip(panels, letters, strict=True)
        return [
            replace(_with_caption(_figure(x, page.layout), caption), label=f"{caption.label}{n}", panel=n)
            for x, n in charts
        ]
    singles = [
        replace(
            _figure(panel, page.layout),
            kind="panel",
            panel=letter,
            label=f"{caption.label}{letter}",
            caption=panel_caption(panel, letter, caption.text, page.layout),
        )
        for panel, letter in zip(panels, letters, strict=True)
    ]
    return [whole, *singles]


def _with_caption(figure: Figure, caption: Caption) -> Figure:
    return replace(figure, kind=caption.kind, label=caption.label, caption=caption.text, caption_box=caption.box)


def _figure(region: Region, layout: PageLayout) -> Figure:
    rasters = tuple(mark.raster for mark in region.marks if mark.raster)
    alone = len(region.marks) == 1 and bool(rasters) and rasters[0].upright and not region.labels
    return Figure("figure", intersection(region.box, layout.box), rasters=rasters, alone=alone)


def _tables(page: PageElements, pairs: dict[int, int], first: int) -> list[Figure]:
    """Every table with its caption; their candidates are numbered from `first`."""
    figures = [Figure("table", box) for box in page.tables]
    for caption, candidate in pairs.items():
        if candidate >= first:
            figure = _with_caption(figures[candidate - first], page.captions[caption])
            figures[candidate - first] = replace(figure, kind="table") if figure.label[:7] == "exhibit" else figure
    return figures


def _uncaptioned(regions: Sequence[Region], page: PageElements) -> list[Figure]:
    """The pictures among regions without a caption, with the heading above each as its caption."""
    parts = [part for region in regions for part in mosaic_photos(region) or titled_charts(region, page) or [region]]
    figures = [_figure(part, page.layout) for part in parts if is_picture(part, page)]
    headings = [heading_above(figure.box, page) for figure in figures]
    return [replace(f, caption=text, caption_box=box) for f, (text, box) in zip(figures, headings, strict=True)]


def _take_carried(figures: list[Figure], carried: Sequence[Caption]) -> list[Figure]:
    """The figures, the first with the caption that the previous page could not match, if it has none of its own."""
    waiting = [caption for caption in carried if caption.kind == "figure"]
    if not waiting or not figures or figures[0].caption or figures[0].kind != "figure":
        return figures
    return [replace(figures[0], label=waiting[-1].label, caption=waiting[-1].text), *figures[1:]]


def _summary(page: PageElements, figures: tuple[Figure, ...], unmatched: tuple[Caption, ...]) -> PageFigures:
    layout, captions = page.layout, page.caption_lines
    boxes = [figure.box for figure in figures if figure.kind == "figure"]
    inside = frozenset(i for i in page.visible - captions if any(map(layout.lines[i].belongs_to, boxes)))
    words = sum(len(layout.lines[i].text.split()) for i in page.visible)
    pictured = sum(map(area, boxes))
    inked = sum(area(mark.box) for mark in page.marks.marks)
    is_scan = bool(page.marks.backgrounds)
    is_slide = layout.width > _SLIDE_ASPECT * layout.height and words < _MAX_SLIDE_WORDS
    has_ink = inked > _MUCH_INK * layout.area or (words < _FEW_WORDS and bool(page.marks.marks))
    visual = is_scan or pictured > _MOSTLY_PICTURES * layout.area or is_slide or _is_cover(page, words)
    return PageFigures(figures, inside, captions, unmatched, visual, (is_scan or has_ink) and not pictured)


def _is_cover(page: PageElements, words: int) -> bool:
    """A title page, the opening of a part or a poster, but not the last lines of a chapter."""
    paragraphs = any(block.is_prose and block.words > _MAX_COVER_BLOCK for block in page.separators)
    return 0 < words < _MAX_COVER_WORDS and not paragraphs


def _transformed(found: PageFigures, transform: Callable[[Box], Box]) -> PageFigures:
    figures = tuple(
        replace(f, box=transform(f.box), caption_box=f.caption_box and transform(f.caption_box)) for f in found.figures
    )
    unmatched = tuple(replace(caption, box=transform(caption.box)) for caption in found.unmatched)
    return replace(found, figures=figures, unmatched=unmatched)
