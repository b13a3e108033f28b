"""Folios: the page numbers that are printed on the pages, which are what people name when they say `page 17`.

Front matter pushes the printed numbers behind the place in the file, mostly by the same number throughout.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set

from extractors.layout.furniture import in_margin
from extractors.page import PageLayout

_NUMBER = re.compile(r"(?<![\w.,/])\d{1,4}(?![\w,/]|\.\d)")
_LINE = 120
"""Characters of the longest line that is looked at: a line of running text holds numbers of other kinds."""
_LEAST = 3
_SHARE = 0.4
"""Pages, and share of all pages, that must agree."""


def candidates(layout: PageLayout) -> frozenset[int]:
    """Numbers that stand at the head or the foot of a page."""
    lines = (line.text for line in layout.lines if line.horizontal and in_margin(line.box, layout))
    return frozenset(int(number) for text in lines if len(text) <= _LINE for number in _NUMBER.findall(text))


def shift(found: Mapping[int, Set[int]]) -> int:
    """Page less printed number, as most pages have it; 0 when they do not agree.

    `found`: page -> its candidates, an entry for every page.
    """
    votes = Counter(page - number for page, numbers in found.items() for number in numbers)
    if not votes:
        return 0
    best, agreeing = min(votes.items(), key=lambda vote: (-vote[1], abs(vote[0]), vote[0]))
    return best if agreeing >= max(_LEAST, _SHARE * len(found)) else 0
