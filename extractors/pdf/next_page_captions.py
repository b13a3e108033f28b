"""Captions at the top of a page that belong to the figure at the bottom of the page before."""

from __future__ import annotations

from dataclasses import replace

from extractors.geometry import coverage
from extractors.layout.captions import Caption
from extractors.pdf.page_extractor import PageParts
from extractors.text.paragraphs import Paragraph
from extractors.types import Picture

MAX_TOP = 150.0  # points from the top of the page, running header included, at which such a caption starts
MIN_CAPTION_OVERLAP = 0.8  # share of a paragraph that the caption covers when both are the same text


def move_caption_to_previous_page(previous: PageParts, page: PageParts) -> None:
    """If `page` starts with the caption of the last figure of `previous`, move it there. Changes both."""
    figure, caption = _last_figure(previous), _first_caption(page)
    if figure is None or caption is None:
        return
    captioned = replace(figure, label=caption.label, caption=caption.text)
    previous.pictures = [captioned if picture is figure else picture for picture in previous.pictures]
    previous.matched_captions += 1
    page.unmatched_captions = tuple(other for other in page.unmatched_captions if other is not caption)
    page.paragraphs = [paragraph for paragraph in page.paragraphs if not _is_caption(paragraph, caption)]


def _last_figure(page: PageParts) -> Picture | None:
    """The figure that ends the page, if it has no caption and the page has none without a figure."""
    figures = [
        (picture.box[3], n) for n, picture in enumerate(page.pictures) if picture.box and picture.kind == "figure"
    ]
    if not figures or page.unmatched_captions:
        return None
    bottom, number = max(figures)
    figure = page.pictures[number]
    has_text_below = any(paragraph.box[1] >= bottom for paragraph in page.paragraphs)
    return None if figure.caption or has_text_below else figure


def _first_caption(page: PageParts) -> Caption | None:
    """The caption of a figure that is not on this page, if it is above everything else here."""
    caption = next((caption for caption in page.unmatched_captions if caption.kind == "figure"), None)
    if caption is None or caption.box[1] > MAX_TOP:
        return None
    others = [picture.box for picture in page.pictures if picture.box and picture.kind not in ("page", "slide")]
    others += [table.box for table in page.tables]
    others += [paragraph.box for paragraph in page.paragraphs if not _is_caption(paragraph, caption)]
    return caption if all(box[1] > caption.box[1] for box in others) else None


def _is_caption(paragraph: Paragraph, caption: Caption) -> bool:
    return coverage(paragraph.box, caption.box) > MIN_CAPTION_OVERLAP
