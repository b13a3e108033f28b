"""What a single page shows to be furniture: page numbers, running heads beside one, and the stamps of archives.

In: a `PageLayout`. Out: indices of its lines. `furniture` knows more on documents of several pages, by repetition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from extractors.geometry import height, vertical_overlap, width
from extractors.page import Line, PageLayout
from extractors.types import Box

MARGIN = 0.13  # share of the page's height, at its head and foot, in which running lines stand
MAX_ROWS = 3  # at an edge: a stamp of two lines and a page number

# Distances in multiples of the line's size unless noted.
_ROW_OVERLAP = 0.5  # share of the lower line's height that lines of one row have in common
_MIN_STAMP_GAP = 0.5  # to the text: a line of a paragraph may begin like a stamp
_MIN_FOLIO_GAP = 1.0  # from a number alone to the text
_MIN_HEAD_PITCH = 1.25  # from a head to the text, in multiples of the usual distance of rows
_MAX_FOLIO_SIZE = 1.2  # multiples of the page's usual size: large numbers are content
_CENTRED = 0.04  # share of the page's width by which a page number may stand off its middle
_MAX_STAMP, _MAX_HEAD = 200, 120  # characters
_MAX_SMALL_PRINT, _MAX_NAME = 0.6, 40  # of the page's usual size; characters of what stands by a page number

FOLIO = re.compile(
    r"[-–—·|\[(\s]*(?:(?:page|p\.|seite|página|pagina)\s*)?(?:\d{1,4}|[ivxl]{1,7}|[IVXL]{2,7})"
    r"(?:\s*(?:of|/|von|de|sur|di)\s*\d{1,4})?[-–—·|\])\s]*",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\W*(?:19|20)\d\d\W*")
_STAMP = re.compile(
    r"download(?:ed)?\s+(?:date|from|by|on|via|at|for|free)\b"
    r"|(?:this|the)\s+(?:\w+\s+){1,2}(?:was\s+)?downloaded\s+(?:from|by|on)\b"
    r"|(?:content|article|document|file)\s+downloaded\b"
    r"|(?:digiti[sz]ed|scanned|printed|generated)\s+(?:by|with|from|on|using)\b"
    r"|authori[sz]ed\s+licensed\s+use\b|licensed\s+(?:to|for)\b|for\s+personal\s+use\s+only"
    r"|(?:all\s+)?use\s+(?:is\s+)?subject\s+to\b|see\s+discussions,?\s+stats|uncontrolled\s+(?:copy|when\s+printed)"
    r"|(?:heruntergeladen|téléchargé|descargado|scaricato|baixado)\b",
    re.IGNORECASE,
)
"""How the notices begin that archives and libraries print on the pages they hand out."""


def edge_lines(layout: PageLayout, *, heads: bool = False) -> frozenset[int]:
    """Return the indices of the lines at the head and foot of a page that are not its content.

    With `heads`, also rows of words and a page number; in longer documents repetition tells those from contents.
    """
    rows = level_rows(layout)
    if len(rows) < 2:
        return frozenset()
    size = median(layout.lines[i].size for row in rows for i in row)
    found: set[int] = set()
    for inwards in (rows, rows[::-1]):
        after_furniture = False
        for row, following in list(pairwise(inwards))[:MAX_ROWS]:
            is_head = heads and (
                _is_head(row, following, rows, layout) or (after_furniture and _is_name(row, layout, size))
            )
            if not is_head and not _is_stamp_or_folio(row, following, layout, size):
                break
            after_furniture = True
            found.update(row)
    return frozenset(found)


def in_margin(box: Box, layout: PageLayout) -> bool:
    """Whether `box` lies where headers and footers stand."""
    return box[3] < MARGIN * layout.height or box[1] > (1 - MARGIN) * layout.height


def level_rows(layout: PageLayout) -> list[list[int]]:
    """Return the indices of the visible level lines by row, from top to bottom, and from left to right in each."""
    level = [i for i, line in enumerate(layout.lines) if line.visible and line.horizontal and line.text.strip()]
    rows: list[list[int]] = []
    for index in sorted(level, key=lambda i: layout.lines[i].box[1] + layout.lines[i].box[3]):
        if rows and vertical_overlap(layout.lines[rows[-1][0]].box, layout.lines[index].box) > _ROW_OVERLAP:
            rows[-1].append(index)
        else:
            rows.append([index])
    return [sorted(row, key=lambda i: layout.lines[i].box[0]) for row in rows]


def _is_stamp_or_folio(row: Sequence[int], following: Sequence[int], layout: PageLayout, size: float) -> bool:
    """Whether a row stands apart from the text and is a notice of an archive, or a page number alone."""
    lines = [layout.lines[i] for i in row]
    text = _text(lines)
    gap = min(_gap(line, layout.lines[i]) for line in lines for i in following)
    at_edge = all(in_margin(line.box, layout) for line in lines)
    if at_edge and _STAMP.match(text) and len(text) <= _MAX_STAMP:
        return gap > _MIN_STAMP_GAP * lines[0].size
    is_small = max(line.size for line in lines) <= _MAX_FOLIO_SIZE * size
    is_folio = is_small and bool(FOLIO.fullmatch(text)) and gap > _MIN_FOLIO_GAP * lines[0].size
    return is_folio and (at_edge or _ends_page(lines, layout))


def _is_head(row: Sequence[int], following: Sequence[int], rows: Sequence[Sequence[int]], layout: PageLayout) -> bool:
    """Whether a row in the margin is a page number beside words, farther from the text than its rows are apart."""
    lines = [layout.lines[i] for i in row]
    at_edge = all(in_margin(line.box, layout) for line in lines)
    if not at_edge or len(lines) < 2 or len(_text(lines)) > _MAX_HEAD or not has_folio(lines):
        return False
    usual = median(_pitch(above, below, layout) for above, below in pairwise(rows))
    return _pitch(row, following, layout) > _MIN_HEAD_PITCH * usual


def _is_name(row: Sequence[int], layout: PageLayout, size: float) -> bool:
    """Whether a row in the margin is the name of an event or a firm in small print, and not a note or a source."""
    lines = [layout.lines[i] for i in row]
    text = _text(lines)
    is_small = max(line.size for line in lines) < _MAX_SMALL_PRINT * size
    return is_small and len(text) <= _MAX_NAME and ":" not in text and all(in_margin(x.box, layout) for x in lines)


def _text(lines: Sequence[Line]) -> str:
    return " ".join(line.text.strip() for line in lines)


def _gap(line: Line, other: Line) -> float:
    return max(other.box[1] - line.box[3], line.box[1] - other.box[3])


def has_folio(lines: Sequence[Line]) -> bool:
    """Whether a page number is at one end of a row of words: not a year above a column, not the number of a formula."""
    ends = [line.text for line in (lines[0], lines[-1]) if FOLIO.fullmatch(line.text)]
    ends = [text for text in ends if not _YEAR.fullmatch(text) and not text.startswith("(")]
    words = sum(any(map(str.isalpha, line.text)) for line in lines)
    return len(ends) == 1 and words >= len(lines) - 1


def _ends_page(lines: Sequence[Line], layout: PageLayout) -> bool:
    """Whether a number is centred below everything else on the page, rules aside."""
    box = lines[0].box
    if len(lines) > 1 or abs(box[0] + box[2] - layout.width) > 2 * _CENTRED * layout.width:
        return False
    marks = [*(raster.box for raster in layout.rasters), *(drawing.box for drawing in layout.drawings)]
    return not any(mark[3] > box[1] and height(mark) > lines[0].size for mark in marks if width(mark) < layout.width)


def _pitch(row: Sequence[int], other: Sequence[int], layout: PageLayout) -> float:
    def base(indices: Sequence[int]) -> float:
        return median(layout.lines[i].box[3] for i in indices)

    return abs(base(other) - base(row))
