"""Running text inside figures: cards, call-outs, listings, and the ends of paragraphs that an image's margin covers.

In: a `PageLayout`, and the lines and boxes of its figures. Out: the lines that a reader reads as text. They become
passages; the labels of a drawing do not.
"""

from collections.abc import Collection, Sequence

from extractors.geometry import area, horizontal_overlap
from extractors.layout.text_blocks import TextBlock, group_text_blocks, is_monospaced
from extractors.page import PageLayout
from extractors.types import Box

MIN_WORDS, MIN_LOWERCASE = 12, 0.5  # of running text, and share of its words in lower case; labels have capitals
MIN_CARD_ROWS = 3  # rows of text in a narrow card, where no row is as long as in running text
MIN_LISTING_ROWS = 3  # rows of a listing: fewer are names
MIN_PAGE_SHARE = 0.6  # share of a scanned page under a figure without a caption from which its words are the page's

# The heading of a card. Multiples of the text size unless noted.
_MAX_HEADING_ROWS, _MAX_HEADING_GAP, _MIN_HEADING_OVERLAP = 3, 1.6, 0.5  # the third: share of the narrower one
_MIN_LARGER = 1.05


def text_in_figures(layout: PageLayout, inside: Collection[int], uncaptioned: Sequence[Box]) -> frozenset[int]:
    """Return the indices of the lines among `inside`, those in figures, that are running text or head some.

    `uncaptioned` are the boxes of the figures without a caption.
    """
    if not inside:
        return frozenset()
    blocks = group_text_blocks(layout, [index for index, line in enumerate(layout.lines) if line.visible])
    texts = [block for block in blocks if _is_running_text(block, layout) or _is_listing(block)]
    headings = [block for block in blocks if any(_heads(block, text) for text in texts)]
    scanned = [box for box in uncaptioned if area(box) > MIN_PAGE_SHARE * layout.area]
    found = {index for block in (*texts, *headings) for index in block.lines}
    found.update(i for i in inside if layout.lines[i].ocr and any(layout.lines[i].belongs_to(box) for box in scanned))
    return frozenset(found.intersection(inside))


def _is_running_text(block: TextBlock, layout: PageLayout) -> bool:
    words = [word for index in block.lines for word in layout.lines[index].text.split()]
    lowercase = sum(word.strip(".,;:()").islower() for word in words)
    is_long = block.words >= MIN_WORDS and lowercase >= MIN_LOWERCASE * len(words)
    return is_long and (block.is_prose or block.rows >= MIN_CARD_ROWS)


def _is_listing(block: TextBlock) -> bool:
    return is_monospaced(block.font) and block.rows >= MIN_LISTING_ROWS


def _heads(block: TextBlock, text: TextBlock) -> bool:
    """Whether a block of a few bold or larger rows stands right above a text."""
    gap = text.box[1] - block.box[3]
    return (
        ((block.bold and not text.bold) or block.size > _MIN_LARGER * text.size)
        and block.rows <= _MAX_HEADING_ROWS
        and block.words > 0
        and -0.5 * text.size < gap < _MAX_HEADING_GAP * text.size
        and horizontal_overlap(block.box, text.box) > _MIN_HEADING_OVERLAP
    )
