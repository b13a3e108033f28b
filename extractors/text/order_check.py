"""Whether the reading order of a page is certain: that by its layout agrees with that in the file."""

from collections.abc import Sequence
from itertools import pairwise

from extractors.page import Line
from extractors.text.paragraphs import Paragraph

_MIN_BREAKS, _MIN_SHARE = 3, 0.2  # paragraphs that stand before their predecessor in the file, and their share


def is_order_uncertain(paragraphs: Sequence[Paragraph], lines: Sequence[Line]) -> bool:
    """Whether many paragraphs of a page, in reading order, are elsewhere in the order of its `lines` in the file."""
    by_top: dict[int, list[int]] = {}
    for n, line in enumerate(lines):
        by_top.setdefault(round(line.box[1]), []).append(n)
    places = []
    for x0, top, x1, _ in (paragraph.box for paragraph in paragraphs):
        first = next((n for n in by_top.get(round(top), ()) if x0 - 1 < lines[n].box[0] < x1), None)
        if first is not None:
            places.append(first)
    breaks = sum(later < earlier for earlier, later in pairwise(places))
    return breaks >= _MIN_BREAKS and breaks >= _MIN_SHARE * (len(places) - 1)
