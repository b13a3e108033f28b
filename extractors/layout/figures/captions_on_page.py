"""The captions of a page, matched with its figures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from extractors.geometry import horizontal_overlap, stretch_to_column
from extractors.layout.captions import is_bare_label, lines_text
from extractors.layout.figures.caption_matching import Candidate, match_captions
from extractors.layout.figures.page_elements import PageElements
from extractors.layout.figures.regions import Region
from extractors.layout.figures.uncaptioned import is_picture
from extractors.layout.text_blocks import font_family
from extractors.types import Box

# The text of a caption below a figure with its number above it.
_MAX_TEXT_GAP, _MIN_UNDER_FIGURE = 2.5, 0.5  # from the figure, in text sizes; share of their common width
_SMALLER = 0.4  # points by which it is smaller than the text of the document

# Points that a caption pays for an unlikely figure: one only if no better one is as near.
_UNLIKELY_PICTURE = 30.0  # a region that `is_picture` would reject without the caption
_SIDEBAR = 20.0  # a box of running text, which some documents number as figures


def match_on_page(
    page: PageElements, barriers: Sequence[Box], regions: Sequence[Region], sidebars: Sequence[Region]
) -> dict[int, int]:
    """Index of caption -> index among regions, sidebars and tables, in this order."""
    if not page.captions:
        return {}
    notes = [note.box for note in page.notes]
    columns = [block.box for block in page.separators if block.is_prose]
    candidates = [
        *(Candidate(r.box, penalty=0 if is_picture(r, page) else _UNLIKELY_PICTURE) for r in regions),
        *(Candidate(region.box, penalty=_SIDEBAR) for region in sidebars),
        *(Candidate(table, is_table=True) for table in page.tables),
    ]
    candidates = [replace(one, column=stretch_to_column(one.box, columns)) for one in candidates]
    return match_captions(page.captions, candidates, [box for box in barriers if box not in notes], notes)


def add_texts_of_labels(page: PageElements, regions: Sequence[Region], pairs: Mapping[int, int]) -> PageElements:
    """The page with the text right below a figure as its caption where only its number stands above it."""
    captions = list(page.captions)
    for number, candidate in pairs.items():
        caption = captions[number]
        if candidate >= len(regions) or not is_bare_label(caption.text):
            continue
        figure = regions[candidate].box
        family = font_family(page.layout.lines[min(caption.lines)].font)
        for block in page.separators:
            gap = block.box[1] - figure[3]
            is_under = horizontal_overlap(block.box, figure) > _MIN_UNDER_FIGURE
            is_caption_text = block.size < page.body_size - _SMALLER and font_family(block.font) == family
            if is_under and is_caption_text and 0 < gap < _MAX_TEXT_GAP * block.size:
                text = lines_text([caption.text, *(page.layout.lines[i].text for i in block.lines)])
                captions[number] = replace(caption, text=text, lines=caption.lines.union(block.lines))
                break
    return replace(page, captions=tuple(captions))
