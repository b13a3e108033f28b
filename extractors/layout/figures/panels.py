"""Panels of figures: those that a captioned figure takes in, and the sub-figures (a), (b), (c) that it splits into.

In: regions and the pairs of caption and region. Out: one region for each matched caption and the regions left over; for
one of those regions, its panels and their letters. Before they are matched, figures beside each other are cut apart.
"""

import math
import re
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import pairwise, zip_longest

from extractors.geometry import area, coverage, gaps, is_inside, merge_boxes, overlap_area, shorter_side, width
from extractors.layout.captions import Caption
from extractors.layout.figures.caption_matching import corridor_between
from extractors.layout.figures.page_elements import PageElements
from extractors.layout.figures.regions import (
    Region,
    add_text,
    attach_labels,
    cluster_marks,
    merge_regions,
    region_of_marks,
)
from extractors.layout.rules import RULE_THICKNESS
from extractors.layout.text_blocks import font_family
from extractors.page import PageLayout
from extractors.types import Box

_SAME_ROW, _MAX_CAPTION_GAP = 4.0, 40.0  # points between the tops of captions side by side; from these to their figures

# Gathering. Lengths in points.
_MAX_PANEL_GAP, _MAX_TEXT_GAP = 60.0, 25.0  # between panels of one figure, and from a figure to its text
_NOTE_INSIDE = 0.5  # share of a note between a figure and its caption
_MIN_BETWEEN = 0.3  # share of a foreign text or caption between two panels
_CONTACT = 3.0  # by which a caption may reach into the figure above or below it

# Splitting.
_MIN_PANEL, _MIN_PANELS_TOGETHER = 0.12, 0.6  # shares of the area of the figure's marks
_BACKGROUND_PANE = 0.85  # share of the figure under one path from which that is its background
_MAX_PANELS = 12  # more are a gallery, or marks of one drawing
_MIN_MARKS, _MIN_LABELS = 4, 4  # of a drawing that can be read alone: the boxes of a flow chart have fewer
_MIN_TICKS = 4  # numbers along the axes of a complete chart
_MAX_PANEL_OVERLAP = 0.05  # share of the smaller panel
_LABEL_ROUNDS = 3  # as for a whole figure: tick labels first, then axis titles
_ROW_HEIGHT = 20.0  # points within which panels are in one row of the reading order
_MAX_LETTER_LINE = 40  # characters of a label that starts with the panel's letter
_PRINTED_LETTER = re.compile(r"^\W*([A-Ha-h])(?:\)|\.|:|$|\s)")
_CAPTION_LETTER = re.compile(r"\(([a-h])\)|(?<![\w])([A-H])[,.:)](?=\s)", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[.:;,|–—\d]\s*$|\band\s*$")
"""What precedes a letter that begins a part of a caption; `Dry year (a)` names the panel afterwards."""


def split_at_captions(region: Region, page: PageElements) -> list[Region]:
    """The figures of a region with captions side by side below or above it, if nothing is drawn between them."""
    box = region.marks_box
    near = [c.box for c in page.captions if c.kind == "figure" and gaps(c.box, box)[0] == 0]
    for nearest in sorted(near, key=lambda caption: gaps(caption, box)[1])[:1]:
        row = sorted(x for x in near if abs(x[1] - nearest[1]) < _SAME_ROW and gaps(x, box)[1] < _MAX_CAPTION_GAP)
        cuts = [_cut_between(left, right, region) for left, right in pairwise(row)]
        if cuts and None not in cuts:
            return _cut(region, [cut for cut in cuts if cut is not None], page.layout)
    return [region]


def _cut_between(left: Box, right: Box, region: Region) -> float | None:
    """The x at which nothing of a region is drawn, between the middles of two captions; None if there is none."""
    x0, x1 = (left[0] + left[2]) / 2, (right[0] + right[2]) / 2
    end, cuts = -math.inf, []
    for start, until in sorted((mark.box[0], mark.box[2]) for mark in region.marks):
        if start > end and x0 < (start + end) / 2 < x1:
            cuts.append((start - end, (start + end) / 2))
        end = max(end, until)
    return max(cuts)[1] if cuts else None


def _cut(region: Region, cuts: Sequence[float], layout: PageLayout) -> list[Region]:
    def place(box: Box) -> int:
        return bisect(cuts, (box[0] + box[2]) / 2)

    parts = []
    for number in range(len(cuts) + 1):
        part = region_of_marks([mark for mark in region.marks if place(mark.box) == number])
        parts.append(add_text(part, [i for i in region.labels if place(layout.lines[i].box) == number], layout))
    return parts


def gather_panels(
    page: PageElements, regions: Sequence[Region], pairs: Mapping[int, int]
) -> tuple[dict[int, Region], list[Region]]:
    """The figure of every caption that `pairs` matches with one of `regions`, and the regions without a caption."""
    figures = {
        caption: _with_notes(page, regions[region], page.captions[caption])
        for caption, region in pairs.items()
        if region < len(regions)
    }
    rest = [region for n, region in enumerate(regions) if n not in pairs.values()]
    body_font = font_family(page.body_font)
    foreign = [block for block in page.separators if font_family(block.font) != body_font]
    rest += [Region(block.box, block.box, (), frozenset(block.lines)) for block in foreign]
    changed = True
    while changed:  # a figure that has grown may reach further panels
        changed = False
        for region in list(rest):
            distances = [(away, c) for c in figures if (away := _panel_distance(page, figures, c, region)) is not None]
            if distances:
                _, nearest = min(distances)
                figures[nearest] = merge_regions(figures[nearest], region)
                rest.remove(region)
                changed = True
    return figures, [region for region in rest if region.marks]


def _fonts(region: Region, page: PageElements) -> frozenset[str]:
    """The typefaces of a region's words; figures seldom use the page's own."""
    return frozenset(font_family(page.layout.lines[i].font) for i in region.labels)


def _with_notes(page: PageElements, region: Region, caption: Caption) -> Region:
    corridor = corridor_between(region.box, caption.box)
    if corridor is None:
        return region
    around = merge_boxes([region.box, corridor])
    notes = [
        note
        for note in page.notes
        if coverage(note.box, around) > _NOTE_INSIDE and overlap_area(note.box, corridor) > 0
    ]
    return add_text(region, [line for note in notes for line in note.lines], page.layout)


def _panel_distance(page: PageElements, figures: Mapping[int, Region], owner: int, region: Region) -> float | None:
    """Points between `region` and the figure of caption `owner`; None when it cannot be a panel of that figure."""
    figure, caption = figures[owner], page.captions[owner]
    across, down = gaps(figure.box, region.box)
    if region.marks and shorter_side(region.marks_box) <= RULE_THICKNESS and width(region.box) > width(figure.box):
        return None  # a rule between sections
    if caption.kind == "table" or max(across, down) > _MAX_PANEL_GAP or (across and down):
        return None
    together = merge_boxes([figure.box, region.box])
    others = (other.box for number, other in figures.items() if number != owner)
    if any(overlap_area(other, together) > 0 for other in others):
        return None
    if not region.marks and not (_fonts(region, page) <= _fonts(figure, page) and max(across, down) < _MAX_TEXT_GAP):
        return None
    if any(
        coverage(box, together) > _MIN_BETWEEN and not is_inside(box, figure.box, margin=1)
        for box in (*_foreign_text(figure, region, page), *page.fences)
    ):
        return None
    caption_below = caption.box[1] >= figure.box[3] - _CONTACT
    caption_above = caption.box[3] <= figure.box[1] + _CONTACT
    if (caption_below and region.box[1] > caption.box[1]) or (caption_above and region.box[3] < caption.box[3]):
        return None
    return across + down


def _foreign_text(figure: Region, region: Region, page: PageElements) -> list[Box]:
    """Running text that is not in a typeface of the figure's own, and headings that do not reach into `region`."""
    own = _fonts(figure, page) - {font_family(page.body_font)}
    return [
        block.box
        for block in page.separators
        if font_family(block.font) not in own
        and (block.is_prose or not region.marks or not overlap_area(block.box, region.box))
    ]


def split_panels(figure: Region, layout: PageLayout) -> list[Region]:
    """The panels of a figure with their labels, in reading order; empty unless at least two stand apart.

    A panel is an image, or a drawing with enough marks and words to be read alone.
    """
    panes = [m for m in figure.marks if m.raster is None and coverage(figure.marks_box, m.box) > _BACKGROUND_PANE]
    clusters = cluster_marks(layout, [mark for mark in figure.marks if mark not in panes])
    if len(clusters) < 2:
        return []
    whole = area(merge_boxes(cluster.marks_box for cluster in clusters))
    panels = [cluster for cluster in clusters if area(cluster.marks_box) > _MIN_PANEL * whole]
    together = sum(area(panel.marks_box) for panel in panels)
    if not 2 <= len(panels) <= _MAX_PANELS or _overlap(panels) or together < _MIN_PANELS_TOGETHER * whole:
        return []
    for cluster in clusters:
        if cluster not in panels:
            nearest = min(range(len(panels)), key=lambda n: sum(gaps(cluster.box, panels[n].box)))
            panels[nearest] = merge_regions(panels[nearest], cluster)
    free = set(figure.labels)
    for _ in range(_LABEL_ROUNDS):
        panels = attach_labels(panels, free, layout)
    if not all(_is_complete(panel) for panel in panels) or _overlap(panels):
        return []
    return sorted(panels, key=lambda panel: (round(panel.marks_box[1] / _ROW_HEIGHT), panel.marks_box[0]))


def _is_complete(panel: Region) -> bool:
    is_drawing = len(panel.marks) >= _MIN_MARKS and len(panel.labels) >= _MIN_LABELS
    return is_drawing or any(mark.raster for mark in panel.marks)


def count_ticks(region: Region, layout: PageLayout) -> int:
    """The number of labels that are mostly digits, as along the axes of a plot."""
    texts = [layout.lines[i].text for i in region.labels]
    return sum(0 < sum(map(str.isdigit, text)) >= sum(map(str.isalpha, text)) for text in texts)


def is_complete_chart(panel: Region, layout: PageLayout) -> bool:
    """Whether a panel is drawn with axes of its own, with numbers at their ticks, so that it can be read alone."""
    return count_ticks(panel, layout) >= _MIN_TICKS and not any(mark.raster for mark in panel.marks)


def _overlap(panels: Sequence[Region]) -> bool:
    return any(
        overlap_area(a.box, b.box) > _MAX_PANEL_OVERLAP * min(area(a.box), area(b.box))
        for number, a in enumerate(panels)
        for b in panels[number + 1 :]
    )


def panel_letters(panels: Sequence[Region], caption: str, layout: PageLayout) -> tuple[str, ...]:
    """A letter for every panel, printed inside it or else named in the caption; empty strings when neither fits."""
    printed = [_printed_letter(panel, layout) for panel in panels]
    if all(printed) and len(set(printed)) == len(printed):
        return tuple(printed)
    named = sorted({(a or b).lower() for a, b in _CAPTION_LETTER.findall(caption)})
    if named == [chr(ord("a") + n) for n in range(len(panels))]:
        return tuple(named)
    return ("",) * len(panels)


def panel_caption(panel: Region, letter: str, caption: str, layout: PageLayout) -> str:
    """The caption of one panel: `(a) Dry year`, printed at the panel or part of its figure's caption; else empty."""
    if not letter:
        return ""
    printed = next((text for text in _texts(panel, layout) if _starts_with(letter, text) and len(text.split()) > 1), "")
    if printed:
        return printed
    starts = [match for match in _CAPTION_LETTER.finditer(caption) if _CLAUSE_END.search(caption[: match.start()])]
    for match, following in zip_longest(starts, starts[1:]):
        if (match[1] or match[2]).lower() == letter:
            return caption[match.start() : following.start() if following else None].strip(" ;,")
    return ""


def _texts(panel: Region, layout: PageLayout) -> list[str]:
    """The short texts of a panel, the highest and leftmost first."""
    lines = sorted((layout.lines[i] for i in panel.labels), key=lambda line: line.box[0] + 2 * line.box[1])
    return [line.text for line in lines if len(line.text) < _MAX_LETTER_LINE]


def _starts_with(letter: str, text: str) -> bool:
    match = _PRINTED_LETTER.match(text)
    return match is not None and match[1].lower() == letter


def _printed_letter(panel: Region, layout: PageLayout) -> str:
    """The letter that stands highest and leftmost among the panel's labels."""
    return next((m[1].lower() for text in _texts(panel, layout) if (m := _PRINTED_LETTER.match(text))), "")
