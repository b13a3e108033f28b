"""A caption at the head of a page, and its figure at the foot of the page before, which was too full for both."""

from __future__ import annotations

from dataclasses import replace

from extractors.geometry import coverage
from extractors.layout.captions import Caption
from extractors.pdf.page_parts import PageParts
from extractors.text.paragraphs import Paragraph
from extractors.types import Picture

_HEAD = 150.0
"""Points from a page's top in which such a caption stands."""


def settle(before: PageParts, after: PageParts) -> None:
    """Give the last figure of `before` its caption, if that is what `after` begins with. Changes both."""
    figure, caption = _last_figure(before), _first_caption(after)
    if figure is None or caption is None:
        return
    named = replace(figure, label=caption.label, caption=caption.text)
    before.pictures = [named if picture is figure else picture for picture in before.pictures]
    before.matched += 1
    after.unmatched = tuple(other for other in after.unmatched if other is not caption)
    after.paragraphs = [paragraph for paragraph in after.paragraphs if not _says(paragraph, caption)]


def _last_figure(page: PageParts) -> Picture | None:
    """The figure that ends the page and has no caption, on a page where none is left over."""
    found = [(picture.box[3], n) for n, picture in enumerate(page.pictures) if picture.box and picture.kind == "figure"]
    if not found or page.unmatched:
        return None
    bottom, number = max(found)
    ends = all(paragraph.box[1] < bottom for paragraph in page.paragraphs)
    figure = page.pictures[number]
    return figure if ends and not figure.caption else None


def _first_caption(page: PageParts) -> Caption | None:
    """A figure's caption that stands above everything else on the page, and has no figure there."""
    caption = next((caption for caption in page.unmatched if caption.kind == "figure"), None)
    if caption is None or caption.box[1] > _HEAD:
        return None
    others = [picture.box for picture in page.pictures if picture.box and picture.kind not in ("page", "slide")]
    others += [table.box for table in page.tables]
    others += [paragraph.box for paragraph in page.paragraphs if not _says(paragraph, caption)]
    return caption if all(box[1] > caption.box[1] for box in others) else None


def _says(paragraph: Paragraph, caption: Caption) -> bool:
    return coverage(paragraph.box, caption.box) > 0.8
