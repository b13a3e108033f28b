"""Printed page numbers, which people mean by "page 17" and which front matter shifts against the pages of the file."""

import re
from collections import Counter
from collections.abc import Mapping, Set

from extractors.layout.edge_lines import in_margin
from extractors.page import PageLayout

MAX_LINE_LENGTH = 120  # characters of a header or footer; longer lines are running text, with numbers of other kinds
MIN_PAGES, MIN_SHARE = 3, 0.4  # number and share of pages that agree on the offset: chance agreements are rarer

_NUMBER = re.compile(r"(?<![\w.,/])\d{1,4}(?![\w,/]|\.\d)")


def page_number_candidates(layout: PageLayout) -> frozenset[int]:
    """Return the numbers in the top and bottom margin of a page."""
    lines = (line.text for line in layout.lines if line.horizontal and in_margin(line.box, layout))
    return frozenset(int(number) for text in lines if len(text) <= MAX_LINE_LENGTH for number in _NUMBER.findall(text))


def page_number_offset(candidates: Mapping[int, Set[int]]) -> int:
    """Return the page minus its printed number on which most pages agree, or 0.

    `candidates` maps every page of the document to the numbers in its margins.
    """
    votes = Counter(page - number for page, numbers in candidates.items() for number in numbers)
    if not votes:
        return 0
    best, agreeing = min(votes.items(), key=lambda vote: (-vote[1], abs(vote[0]), vote[0]))
    return best if agreeing >= max(MIN_PAGES, MIN_SHARE * len(candidates)) else 0
