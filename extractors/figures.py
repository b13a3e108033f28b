"""Where the figures of a page are and which caption is whose: pure geometry over a `PageLayout`.

Ink is told apart (`marks`), gathered by nearness (`regions`), given its captions by one assignment over the whole
page (`matching`); a caption then gathers the panels that are its own, and what no caption claims must look like a
picture to count as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from extractors import captions as caption_lines
from extractors import geometry, marks, matching, panels, regions, roles
from extractors.captions import Caption
from extractors.furniture import Furniture
from extractors.layout import PageLayout, Raster
from extractors.regions import Region
from extractors.types import Box

FigureKind = Literal["figure", "table", "compound"]
"""`compound`: a figure of several panels as a whole; its panels are figures of their own."""

_SPARSE = 0.04
"""Share of a drawing's box below which its parts are ornaments of a text."""
_NOTE_WORDS = 40
"""No more words than this stand between a figure and its caption."""


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


@dataclass(frozen=True, slots=True)
class _Scene:
    """One page with its text and ink told apart."""

    layout: PageLayout
    captions: tuple[Caption, ...]
    ink: marks.Ink
    prose: tuple[roles.Paragraph, ...]
    """Running text and headings: no figure reaches across them."""
    fences: tuple[Box, ...]
    """Captions and tables: nor across these."""
    notes: tuple[roles.Paragraph, ...]
    """That prose which is a few words long: perhaps notes under a figure."""
    body_font: str
    body_size: float
    labels: frozenset[int]
    """Indices of the lines that may belong to figures."""
    visible: frozenset[int]

    @property
    def barriers(self) -> tuple[Box, ...]:
        return (*(paragraph.box for paragraph in self.prose), *self.fences)


def find(
    layout: PageLayout, tables: Sequence[Box], furniture: Furniture, carried: Sequence[Caption] = ()
) -> PageFigures:
    """The figures and tables of one page.

    `tables` are regions found by other means; `carried` the captions that the previous page could not match.
    """
    scene = _scene(layout, tables, furniture)
    found = regions.find(scene.layout, scene.ink.marks, scene.barriers, scene.labels)
    found = [region for region in found if not any(geometry.coverage(region.box, table) > 0.7 for table in tables)]
    boxed = [regions.of_marks([marks.Mark(box, panel=True)]) for box in scene.ink.sidebars]
    candidates = [
        *(matching.Candidate(region.box, penalty=_doubt(region, scene)) for region in found),
        *(matching.Candidate(region.box, penalty=20) for region in boxed),
        *(matching.Candidate(box, table=True) for box in tables),
    ]
    soft = [note.box for note in scene.notes]
    firm = [barrier for barrier in scene.barriers if barrier not in soft]
    pairs = matching.match(scene.captions, candidates, matching.Barriers(firm, soft))
    captioned, rest = _gather(scene, [*found, *boxed], pairs)
    rest = [region for region in rest if region.marks and region not in boxed]
    figures = [
        *captioned,
        *_tables(scene, tables, pairs, len(found) + len(boxed)),
        *(_titled(region, scene) for region in rest if _pictorial(region, scene)),
        *(
            Figure("table", box)
            for n, box in enumerate(tables)
            if n + len(candidates) - len(tables) not in pairs.values()
        ),
    ]
    figures.sort(key=lambda figure: (figure.box[1], figure.box[0]))
    unmatched = tuple(caption for n, caption in enumerate(scene.captions) if n not in pairs)
    figures = _carry(figures, carried)
    return _page(scene, tuple(figures), unmatched)


def _scene(layout: PageLayout, tables: Sequence[Box], furniture: Furniture) -> _Scene:
    running = furniture.running(layout)
    visible = frozenset(i for i, line in enumerate(layout.lines) if line.visible and i not in running)
    captions = caption_lines.find(layout, running)
    spoken = frozenset().union(*(caption.lines for caption in captions))
    paragraphs = roles.paragraphs(layout, visible - spoken)
    ink = marks.collect(layout, paragraphs, furniture)
    ink = replace(
        ink, marks=tuple(m for m in ink.marks if not any(geometry.coverage(m.box, table) > 0.8 for table in tables))
    )
    holders = [mark.box for mark in ink.marks if mark.panel or mark.raster]
    body = furniture.body_size or roles.body_size(layout, visible)
    apart = [
        paragraph
        for paragraph in paragraphs
        if (paragraph.prose or _heading(paragraph, body))
        and not any(geometry.coverage(paragraph.box, geometry.grown(holder, 2)) > 0.9 for holder in holders)
    ]
    fences = (*(caption.box for caption in captions), *tables)
    notes = tuple(p for p in apart if p.words <= _NOTE_WORDS and not _heading(p, body))
    labels = visible - spoken - {i for paragraph in apart for i in paragraph.lines}
    font = max(apart, key=lambda paragraph: paragraph.words).font if apart else ""
    return _Scene(layout, captions, ink, tuple(apart), fences, notes, font, body, labels, visible)


def _heading(paragraph: roles.Paragraph, body: float) -> bool:
    return paragraph.size > 1.15 * body and paragraph.words >= 1


def _doubt(region: Region, scene: _Scene) -> float:
    """Points that a caption pays for a region that is hardly a picture."""
    return 0.0 if _pictorial(region, scene) else 30.0


def _pictorial(region: Region, scene: _Scene) -> bool:
    """Whether a region that no caption claims is a picture, by its size and by what it is made of."""
    page = scene.layout.width * scene.layout.height
    images = [mark for mark in region.marks if mark.raster]
    width, height = region.ink[2] - region.ink[0], region.ink[3] - region.ink[1]
    if images:
        return geometry.area(region.ink) > 0.006 * page and min(width, height) > 15
    if geometry.area(region.ink) < 0.01 * page or min(width, height) < 18:
        return False
    # The panel behind a chart says nothing: what stands on it must be a drawing by itself.
    drawings = [m.drawing for m in region.marks if m.drawing and geometry.coverage(region.ink, m.box) < 0.85]
    if sum(geometry.area(d.box) for d in drawings) < _SPARSE * geometry.area(region.ink):
        drawings = [m.drawing for m in region.marks if m.drawing and m.drawing.items > 30]
    solid = [d for d in drawings if min(d.box[2] - d.box[0], d.box[3] - d.box[1]) > 2.5]
    curved = [d for d in drawings if d.curved or not d.rectangle]
    if not curved and (_gridlike(region, scene) or len(solid) < 2):
        return False
    return len(drawings) > 2 or any(d.items > 8 for d in drawings)


def _gridlike(region: Region, scene: _Scene) -> bool:
    """Rules and cells filled with words: a table or a form."""
    text = sum(geometry.area(scene.layout.lines[i].box) for i in region.labels)
    rules = sum(1 for m in region.marks if min(m.box[2] - m.box[0], m.box[3] - m.box[1]) <= 2.5)
    return text > 0.25 * geometry.area(region.box) or (rules > 0.8 * len(region.marks) and len(region.labels) > 8)


# --- captions and their regions -----------------------------------------------------------------------------------


def _gather(scene: _Scene, found: Sequence[Region], pairs: dict[int, int]) -> tuple[list[Figure], list[Region]]:
    """The figure of every caption that has a region, with all its panels; and the regions left over."""
    whole = {
        caption: _with_notes(scene, found[region], scene.captions[caption])
        for caption, region in pairs.items()
        if region < len(found)
    }
    rest = [region for n, region in enumerate(found) if n not in pairs.values()]
    rest += [_of_words(paragraph) for paragraph in scene.prose if paragraph.font != scene.body_font]
    changed = True
    while changed:
        changed = False
        for region in list(rest):
            fits = [(away, c) for c in whole if (away := _panel_distance(scene, whole, c, region)) is not None]
            if fits:
                _, owner = min(fits)
                whole[owner] = regions.merged(whole[owner], region)
                rest.remove(region)
                changed = True
    return [figure for c, region in whole.items() for figure in _with_panels(region, scene.captions[c], scene)], rest


def _of_words(paragraph: roles.Paragraph) -> Region:
    return Region(paragraph.box, paragraph.box, (), frozenset(paragraph.lines))


def _fonts(scene: _Scene, region: Region) -> frozenset[str]:
    """The fonts of a region's words: a figure's own text is seldom set like the page's."""
    return frozenset(scene.layout.lines[i].font for i in region.labels)


def _with_panels(region: Region, caption: Caption, scene: _Scene) -> list[Figure]:
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


def _with_notes(scene: _Scene, region: Region, caption: Caption) -> Region:
    """A figure with the few words that stand between it and its caption."""
    corridor = matching.between(region.box, caption.box)
    if corridor is None:
        return region
    notes = [note for note in scene.notes if geometry.coverage(note.box, geometry.hull([region.box, corridor])) > 0.5]
    notes = [note for note in notes if geometry.area(geometry.shared(note.box, corridor)) > 0]
    box = geometry.hull([region.box, *(note.box for note in notes)])
    return replace(region, box=box, labels=region.labels.union(*(note.lines for note in notes)))


def _panel_distance(scene: _Scene, whole: dict[int, Region], owner: int, region: Region) -> float | None:
    """How far `region` stands from the figure of caption `owner`; None when it cannot be a panel of it."""
    figure, caption = whole[owner], scene.captions[owner]
    if caption.kind == "table":
        return None
    across, down = geometry.gap(figure.box, region.box)
    if max(across, down) > 60 or (across and down):
        return None
    both = geometry.hull([figure.box, region.box])
    if any(geometry.area(geometry.shared(other.box, both)) > 0 for c, other in whole.items() if c != owner):
        return None
    if not region.marks and not (_fonts(scene, region) <= _fonts(scene, figure) and max(across, down) < 25):
        return None
    own = _fonts(scene, figure) - {scene.body_font}
    strange = [*(p.box for p in scene.prose if p.font not in own), *scene.fences]
    if any(
        geometry.coverage(box, both) > 0.3 and geometry.coverage(box, geometry.grown(figure.box, 1)) < 0.9
        for box in strange
    ):
        return None
    before, after = caption.box[1] >= figure.box[3] - 3, caption.box[3] <= figure.box[1] + 3
    if (before and region.box[1] > caption.box[1]) or (after and region.box[3] < caption.box[3]):
        return None
    return across + down


def _tables(scene: _Scene, tables: Sequence[Box], pairs: dict[int, int], first: int) -> list[Figure]:
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


def _titled(region: Region, scene: _Scene) -> Figure:
    """A figure that has no numbered caption, with the heading right above it, as charts in reports have."""
    figure = _figure(region, None, scene)
    above: list[roles.Paragraph] = []
    top = figure.box[1]
    for paragraph in sorted(scene.prose, key=lambda p: -p.box[3]):
        within = geometry.overlap_across(paragraph.box, figure.box) > 0.5 and paragraph.box[3] < top + 4
        wide = paragraph.box[2] - paragraph.box[0] > 1.6 * (figure.box[2] - figure.box[0]) + 20
        if not within or top - paragraph.box[3] > 2.5 * paragraph.size or len(above) == 2:
            continue
        if wide or paragraph.words > _NOTE_WORDS:
            break
        above.insert(0, paragraph)
        top = paragraph.box[1]
    if not above or not _title(above[0], scene):
        return figure
    text = " ".join(caption_lines.join(scene.layout.lines[i].text for i in paragraph.lines) for paragraph in above)
    return replace(figure, caption=text, caption_box=geometry.hull(paragraph.box for paragraph in above))


def _title(paragraph: roles.Paragraph, scene: _Scene) -> bool:
    lines = [scene.layout.lines[i] for i in paragraph.lines]
    return all(line.bold for line in lines) or _heading(paragraph, scene.body_size)


def _figure(region: Region, caption: Caption | None, scene: _Scene) -> Figure:
    rasters = tuple(mark.raster for mark in region.marks if mark.raster)
    alone = len(region.marks) == 1 and bool(rasters) and rasters[0].upright and not region.labels
    box = geometry.shared(region.box, (0.0, 0.0, scene.layout.width, scene.layout.height))
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


def _page(scene: _Scene, figures: tuple[Figure, ...], unmatched: tuple[Caption, ...]) -> PageFigures:
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
    visual = bool(scene.ink.backdrop) or pictured > 0.5 * page or slide
    looks = bool(scene.ink.backdrop) or inked > 0.3 * page or (words < 20 and bool(scene.ink.marks))
    return PageFigures(figures, inside, spoken, unmatched, visual, looks and not pictured)
