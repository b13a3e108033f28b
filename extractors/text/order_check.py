"""Whether the reading order of a page is certain: that by its layout agrees with that in the file."""

from collections.abc import Sequence
from itertools import pairwise

from extractors.page import Line
from extractors.text.paragraphs import Paragraph

_MIN_BREAKS, _MIN_SHARE = 3, 0.2  # paragraphs that stand before their predecessor in the file, and their share


def is_order_uncertain(paragraphs: Sequence[Paragraph], lines: Sequence[Line]) -> bool:
    """Whether many paragraphs of a page, in reading order, are elsewhere in the order of its `lines` in the file."""
    inside = ([n for n, line in enumerate(lines) if line.belongs_to(paragraph.box)] for paragraph in paragraphs)
    places = [min(numbers) for numbers in inside if numbers]
    breaks = sum(later < earlier for earlier, later in pairwise(places))
    return breaks >= _MIN_BREAKS and breaks >= _MIN_SHARE * (len(places) - 1)
