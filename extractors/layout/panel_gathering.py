"""The complete figure of every caption: its region, notes in between, further panels, and text in its own font.

In: regions and the pairs of caption and region. Out: one region for each matched caption, and the regions left over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from extractors.geometry import coverage, gaps, is_inside, merge_boxes, overlap_area
from extractors.layout.caption_matching import corridor_between
from extractors.layout.captions import Caption
from extractors.layout.page_elements import PageElements
from extractors.layout.regions import Region, add_text, merge_regions
from extractors.layout.text_blocks import TextBlock, font_family
from extractors.types import Box

_MAX_PANEL_GAP, _MAX_TEXT_GAP = 60.0, 25.0  # points between panels of one figure, and from a figure to its text
_NOTE_INSIDE = 0.5  # share of a note between a figure and its caption
_MIN_BETWEEN = 0.3  # share of a foreign text or caption between two panels
_CONTACT = 3.0  # points by which a caption may reach into the figure above or below it


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
    rest += [_region_of_text(block) for block in page.separators if font_family(block.font) != body_font]
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


def _region_of_text(block: TextBlock) -> Region:
    return Region(block.box, block.box, (), frozenset(block.lines))


def _fonts(region: Region, page: PageElements) -> frozenset[str]:
    """The typefaces of a region's words; figures seldom use the page's own."""
    return frozenset(font_family(page.layout.lines[i].font) for i in region.labels)


def _with_notes(page: PageElements, region: Region, caption: Caption) -> Region:
    """A region with the short texts between it and its caption."""
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
        for box in (*_foreign_text(figure, page), *page.fences)
    ):
        return None
    caption_below = caption.box[1] >= figure.box[3] - _CONTACT
    caption_above = caption.box[3] <= figure.box[1] + _CONTACT
    if (caption_below and region.box[1] > caption.box[1]) or (caption_above and region.box[3] < caption.box[3]):
        return None
    return across + down


def _foreign_text(figure: Region, page: PageElements) -> list[Box]:
    """Running text that is not in a typeface of the figure's own."""
    own = _fonts(figure, page) - {font_family(page.body_font)}
    return [block.box for block in page.separators if font_family(block.font) not in own]
