"""What a document is called: its file's own title where that is printed, else what stands out on its first page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import inf
from statistics import median

from extractors.text.paragraphs import Paragraph, join

LONGEST = 200
"""Characters."""
STANDS_OUT = 1.15
"""How much larger than the text a title is printed."""
_MOST_LINES, _FEWEST_LETTERS = 5, 6
_NO_TITLE = re.compile(
    r"(untitled|microsoft|powerpoint).*|[\W\d_]*"
    r"|.*\.(docx?|dvi|html?|indd|odp|odt|pages|pdf|pptx?|ps|qxd|qxp|rtf|tex|txt|wpd|xlsx?)",
    re.IGNORECASE,
)
"""What programs put into a file for want of a title: their own names, the file's name, a number."""
_KIND = re.compile(
    r"(original|research|review|regular|short|full|brief|technical|white)?\W*"
    r"(article|paper|research|review|report|communication|note|letter|editorial)s?"
    r"|case (report|study)|abstract|introduction|(table of )?contents|index|draft|confidential"
    r"|inhalt(sverzeichnis)?|sommaire|table des matières|índice|contenido|indice|daftar isi|目\s*[次录錄]"
    r"|(for )?(immediate |media |press )*release\b.*|(annual |quarterly |current )?(report on )?form \d+\W?\w+"
    r"|(united states )?securities and exchange commission.*",
    re.IGNORECASE,
)
"""Print that tells what sort of paper it is, or what part of it, and not what it is called."""

_SENTENCE_END = re.compile(r"[^\W\d_]{3}[.;!?](?=\s|$)")
_MOST_ENDS = 1
"""More of them are running text, whose size a scan may well overstate."""


def title_of(own: str, paragraphs: Sequence[Paragraph]) -> str:
    """At most `LONGEST` characters; empty where nothing can be told: no title misleads less than a wrong one.

    `own`: what the file itself says; `paragraphs`: of the first two pages, of which the first may be a cover.
    """
    own = " ".join(own.split())
    own = "" if _KIND.fullmatch(own) else own
    first = [(paragraph, join(paragraph.lines)) for paragraph in paragraphs]
    if len(_plain(own)) >= _FEWEST_LETTERS - 1 and _plain(own) in _plain(" ".join(text for _, text in first)):
        return own[:LONGEST]
    own = "" if _NO_TITLE.fullmatch(own) else own
    printed = _printed(first)
    return (own if _plain(printed) in _plain(own) else printed)[:LONGEST]


def _printed(first: Sequence[tuple[Paragraph, str]]) -> str:
    """The largest print on the first page, if it stands out from the text or the page has little else."""
    named = [
        (paragraph.size, text)
        for paragraph, text in first
        if paragraph.page == 1
        and len(paragraph.lines) <= _MOST_LINES
        and sum(map(str.isalpha, text)) >= _FEWEST_LETTERS
        and not _KIND.fullmatch(text.strip(" .:·—-"))
        and len(_SENTENCE_END.findall(text)) <= _MOST_ENDS
    ]
    if not named:
        return ""
    size, text = max(named, key=lambda one: one[0])  # the first of several as large
    cover = sum(len(words) for paragraph, words in first if paragraph.page == 1) <= LONGEST
    return text if cover or size >= STANDS_OUT * min(_usual(first, 1), _usual(first, 2)) else ""


def _usual(first: Sequence[tuple[Paragraph, str]], page: int) -> float:
    """The size of most of a page's characters, in points."""
    return median([paragraph.size for paragraph, text in first if paragraph.page == page for _ in text] or [inf])


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()
