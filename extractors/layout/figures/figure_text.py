"""Text inside figures: cards, call-outs, listings, titles on a picture, and ends of paragraphs in an image's margin.

In: a `PageLayout`, and the lines of its figures. Out: the lines that a reader reads as text. They become passages; the
labels of a drawing do not.
"""

import re
from collections.abc import Collection, Sequence, Set

from extractors.geometry import area, horizontal_overlap, width
from extractors.layout.figures.figures import Figure
from extractors.layout.text_blocks import TextBlock, group_text_blocks, is_monospaced
from extractors.page import PageLayout

MIN_WORDS, MIN_LOWERCASE = 12, 0.5  # of running text, and share of its words in lower case; labels have capitals
MIN_CARD_ROWS = 3  # rows of text in a narrow card, where no row is as long as in running text
MIN_LISTING_ROWS = 3  # rows of a listing: fewer are names
MIN_PAGE_SHARE = 0.6  # share of a scanned page under a figure without a caption from which its words are the page's

# Print on a picture that is no label of it.
MIN_TITLE_SIZE = 1.4  # multiples of the document's text size
MIN_BACKDROP_WIDTH, MIN_BACKDROP_AREA = 0.9, 0.5  # shares of the page; a picture with either is behind its text
MIN_PRESENTED_SIZE = 1 / 45  # of the page's height: smaller print than the text of a slide is a label
MIN_TICKS = 4  # lines with digits, from which a drawing is a plot with a title of its own
_WORD = re.compile(r"[^\W\d_]{2,}")

# The heading of a card. Multiples of the text size unless noted.
_MAX_HEADING_ROWS, _MAX_HEADING_GAP, _MIN_HEADING_OVERLAP = 3, 1.6, 0.5  # the third: share of the narrower one
_MIN_LARGER = 1.05


def text_in_figures(
    layout: PageLayout, inside: Set[int], uncaptioned: Sequence[Figure], body_size: float
) -> frozenset[int]:
    """Return the indices of the lines among `inside`, those in figures, that are text.

    `uncaptioned` are the figures without a caption, `body_size` is the size of the document's text.
    """
    if not inside:
        return frozenset()
    blocks = group_text_blocks(layout, [index for index, line in enumerate(layout.lines) if line.visible])
    own = [block for block in blocks if not inside.isdisjoint(block.lines)]
    texts = [block for block in own if _is_running_text(block, layout) or _is_listing(block)]
    headings = [block for block in blocks if any(_heads(block, text) for text in texts)]
    found = {index for block in (*texts, *headings) for index in block.lines}
    found.update(*(_laid_over(figure, layout, inside, body_size) for figure in uncaptioned))
    return frozenset(found.intersection(inside))


def _laid_over(figure: Figure, layout: PageLayout, inside: Collection[int], body_size: float) -> list[int]:
    """The lines that are text on a picture rather than labels of it: titles, and all words of a scan or a backdrop."""
    lines = {i: layout.lines[i] for i in inside if layout.lines[i].belongs_to(figure.box)}
    share = area(figure.box) / layout.area
    is_scan = share > MIN_PAGE_SHARE
    is_backdrop = share > MIN_BACKDROP_AREA or width(figure.box) > MIN_BACKDROP_WIDTH * layout.width
    is_plot = sum(any(map(str.isdigit, line.text)) for line in lines.values()) >= MIN_TICKS
    min_size = min(body_size, MIN_PRESENTED_SIZE * layout.height)
    found = []
    for index, line in lines.items():
        on_image = any(line.belongs_to(raster.box) for raster in figure.rasters)
        is_title = line.size > MIN_TITLE_SIZE * body_size and len(_WORD.findall(line.text)) > 1
        is_text = (is_title and (on_image or is_backdrop or not is_plot)) or (
            is_backdrop and on_image and line.size >= min_size
        )
        if is_scan if line.ocr else is_text:
            found.append(index)
    return found


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
