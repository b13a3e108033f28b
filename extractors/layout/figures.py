"""Where the figures of a page are and which caption is whose: pure geometry over a `PageLayout`.

Ink is told apart (`marks`), gathered by nearness (`regions`), given its captions by one assignment over the whole
page (`matching`); a caption then gathers the panels that are its own, and what no caption claims must look like a
picture to count as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from extractors import geometry
from extractors.layout import caption_matching as matching
from extractors.layout import caption_regions as gathering
from extractors.layout import captions as caption_lines
from extractors.layout import marks, panels, regions
from extractors.layout import picture_test as pictorial
from extractors.layout import rotation as turning
from extractors.layout import text_roles as roles
from extractors.layout.captions import Caption
from extractors.layout.furniture import Furniture
from extractors.layout.regions import Region
from extractors.layout.scene import NOTE_WORDS, Scene, is_heading, see
from extractors.page import PageLayout, Raster
from extractors.types import Box

FigureKind = Literal["figure", "table", "compound"]
"""`compound`: a figure of several panels as a whole; its panels are figures of their own."""

_COVER_WORDS, _COVER_PROSE = 120, 25
"""Words at most on a title page, and in one paragraph of it."""
_DOUBT = 30.0
"""Points that a caption pays for a region that hardly looks like a picture."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A region of the page that is shown as one picture."""

    kind: FigureKind
    box: Box
    label: str = ""
    caption: str = ""
    caption_box: Box | None = None
    rasters: tuple[Raster, ...] = ()
    """The embedded images it is made of."""
    panel: str = ""
    """Of a sub-figure its letter: `a`; the whole figure, and every other one, has none."""
    alone: bool = False
    """True when it is one upright raster and nothing else: its own pixels are the picture."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    figures: tuple[Figure, ...] = ()
    inside: frozenset[int] = frozenset()
    """Indices of the layout's lines that lie in figures, and so are no passages."""
    caption_lines: frozenset[int] = frozenset()
    """Indices of the layout's lines that are captions."""
    unmatched: tuple[Caption, ...] = ()
    """Captions without a figure or table here; the next page may carry theirs."""
    visual: bool = False
    """The page is a slide, a scan or mostly picture."""
    flagged: bool = False
    """The page looks visual but gave no figure."""


def find_figures(
    layout: PageLayout, tables: Sequence[Box], furniture: Furniture, carried: Sequence[Caption] = ()
) -> PageFigures:
    """The figures and tables of one page.

    `tables` are regions found by other means; `carried` the captions that the previous page could not match.
    """
    running = furniture.running_lines(layout)
    own = replace(
        layout,
        rasters=tuple(raster for raster in layout.rasters if not furniture.repeats(raster, layout)),
        drawings=tuple(drawing for drawing in layout.drawings if not furniture.repeats(drawing, layout)),
    )
    upright, angle = turning.upright(own)
    tables = [geometry.rotate_box(box, angle, layout.width, layout.height) for box in tables]
    found = _find(see(upright, tables, running, furniture.body_size), tables, carried)
    return _turned_back(found, angle, upright) if angle else found


def _find(scene: Scene, tables: Sequence[Box], carried: Sequence[Caption]) -> PageFigures:
    found = regions.find(scene.layout, scene.ink.marks, scene.barriers, scene.labels)
    found = [region for region in found if not any(geometry.coverage(region.box, table) > 0.7 for table in tables)]
    boxed = [regions.of_marks([marks.Mark(box, panel=True)]) for box in scene.ink.sidebars]
    candidates = [
        *(
            matching.Candidate(region.box, penalty=0 if pictorial.is_picture(region, scene.layout) else _DOUBT)
            for region in found
        ),
        *(matching.Candidate(region.box, penalty=20) for region in boxed),
        *(matching.Candidate(box, table=True) for box in tables),
    ]
    soft = [note.box for note in scene.notes]
    firm = [barrier for barrier in scene.barriers if barrier not in soft]
    pairs = matching.match(scene.captions, candidates, matching.Barriers(firm, soft))
    whole, rest = gathering.gather(scene, [*found, *boxed], pairs)
    figures = [
        *(figure for c, region in whole.items() for figure in _with_panels(region, scene.captions[c], scene)),
        *_tables(scene, tables, pairs, len(found) + len(boxed)),
        *(
            _titled(part, scene)
            for region in rest
            if region not in boxed
            for part in pictorial.tiles(region) or [region]
            if pictorial.is_picture(part, scene.layout)
        ),
    ]
    figures.sort(key=lambda figure: (figure.box[1], figure.box[0]))
    unmatched = tuple(caption for n, caption in enumerate(scene.captions) if n not in pairs)
    figures = _carry(figures, carried)
    return _page(scene, tuple(figures), unmatched)


def _with_panels(region: Region, caption: Caption, scene: Scene) -> list[Figure]:
    """A figure; or, if it has panels that stand apart, the whole and each of them."""
    whole = _figure(region, caption, scene)
    parts = panels.split(region, scene.layout) if caption.kind == "figure" else []
    if not parts:
        return [whole]
    named = panels.letters(parts, caption.text, scene.layout)
    singles = [
        replace(_figure(part, caption, scene), panel=letter, label=f"{caption.label}{letter}")
        for part, letter in zip(parts, named, strict=True)
    ]
    return [replace(whole, kind="compound"), *singles]


def _tables(scene: Scene, tables: Sequence[Box], pairs: dict[int, int], first: int) -> list[Figure]:
    """Every table, with the caption whose candidate it is; the tables' candidates count from `first`."""
    owners = {candidate: scene.captions[caption] for caption, candidate in pairs.items()}
    found = []
    for number, box in enumerate(tables):
        caption = owners.get(first + number)
        if caption is None:
            found.append(Figure("table", box))
        else:
            kind: FigureKind = "figure" if caption.kind == "figure" else "table"
            found.append(Figure(kind, box, caption.label, caption.text, caption.box))
    return found


def _titled(region: Region, scene: Scene) -> Figure:
    """A figure that has no numbered caption, with the heading right above it, as charts in reports have."""
    figure = _figure(region, None, scene)
    above: list[roles.Paragraph] = []
    top = figure.box[1]
    for paragraph in sorted(scene.prose, key=lambda p: -p.box[3]):
        within = geometry.horizontal_overlap(paragraph.box, figure.box) > 0.5 and paragraph.box[3] < top + 4
        wide = paragraph.box[2] - paragraph.box[0] > 1.6 * (figure.box[2] - figure.box[0]) + 20
        if not within or top - paragraph.box[3] > 2.5 * paragraph.size or len(above) == 2:
            continue
        if wide or paragraph.words > NOTE_WORDS:
            break
        above.insert(0, paragraph)
        top = paragraph.box[1]
    if not above or not _title(above[0], scene):
        return figure
    text = " ".join(caption_lines.join(scene.layout.lines[i].text for i in paragraph.lines) for paragraph in above)
    return replace(figure, caption=text, caption_box=geometry.merge_boxes(paragraph.box for paragraph in above))


def _title(paragraph: roles.Paragraph, scene: Scene) -> bool:
    lines = [scene.layout.lines[i] for i in paragraph.lines]
    return all(line.bold for line in lines) or is_heading(paragraph, scene.body_size)


def _figure(region: Region, caption: Caption | None, scene: Scene) -> Figure:
    rasters = tuple(mark.raster for mark in region.marks if mark.raster)
    alone = len(region.marks) == 1 and bool(rasters) and rasters[0].upright and not region.labels
    box = geometry.intersection(region.box, (0.0, 0.0, scene.layout.width, scene.layout.height))
    if caption is None:
        return Figure("figure", box, rasters=rasters, alone=alone)
    return Figure(caption.kind, box, caption.label, caption.text, caption.box, rasters, alone=alone)


def _carry(figures: list[Figure], carried: Sequence[Caption]) -> list[Figure]:
    """Give the first figure without a caption the one that the page before could not place."""
    waiting = [caption for caption in carried if caption.kind == "figure"]
    if not waiting or not figures or figures[0].caption or figures[0].kind != "figure":
        return figures
    caption = waiting[-1]
    return [replace(figures[0], label=caption.label, caption=caption.text), *figures[1:]]


# --- the page as a whole ------------------------------------------------------------------------------------------


def _page(scene: Scene, figures: tuple[Figure, ...], unmatched: tuple[Caption, ...]) -> PageFigures:
    layout = scene.layout
    page = layout.width * layout.height
    spoken = frozenset().union(*(caption.lines for caption in scene.captions))
    inside = frozenset(
        i
        for i in scene.visible - spoken
        if any(
            geometry.coverage(layout.lines[i].box, figure.box) > 0.6 for figure in figures if figure.kind == "figure"
        )
    )
    words = sum(len(layout.lines[i].text.split()) for i in scene.visible)
    pictured = sum(geometry.area(figure.box) for figure in figures if figure.kind == "figure")
    inked = sum(geometry.area(mark.box) for mark in scene.ink.marks)
    slide = layout.width > 1.2 * layout.height and words < 200
    visual = bool(scene.ink.backdrop) or pictured > 0.5 * page or slide or _is_cover(scene, words)
    looks = bool(scene.ink.backdrop) or inked > 0.3 * page or (words < 20 and bool(scene.ink.marks))
    return PageFigures(figures, inside, spoken, unmatched, visual, looks and not pictured)


def _is_cover(scene: Scene, words: int) -> bool:
    """A page to be looked at: a title page, the opening of a part, a poster; not the last lines of a chapter."""
    return 0 < words < _COVER_WORDS and not any(p.prose and p.words > _COVER_PROSE for p in scene.prose)


def _turned_back(found: PageFigures, angle: int, upright: PageLayout) -> PageFigures:
    """Boxes as the page is displayed, when it was turned to read its text."""

    def back(box: Box) -> Box:
        return geometry.rotate_box(box, -angle % 360, upright.width, upright.height)

    figures = tuple(
        replace(f, box=back(f.box), caption_box=back(f.caption_box) if f.caption_box else None) for f in found.figures
    )
    unmatched = tuple(replace(caption, box=back(caption.box)) for caption in found.unmatched)
    return replace(found, figures=figures, unmatched=unmatched)
