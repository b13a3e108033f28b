"""What a single page shows to be furniture: page numbers, running heads beside one, and the stamps of archives.

In: a `PageLayout`. Out: indices of its lines. `furniture` knows more on documents of several pages, by repetition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from extractors.geometry import height, vertical_overlap, width
from extractors.layout.captions import begins_caption
from extractors.page import Line, PageLayout
from extractors.types import Box

MARGIN = 0.13  # share of the page's height, at its head and foot, in which running lines stand
MAX_ROWS = 3  # at an edge: a stamp of two lines and a page number

# Distances in multiples of the line's size unless noted.
_ROW_OVERLAP = 0.5  # share of the lower line's height that lines of one row have in common
_MIN_STAMP_GAP = 0.5  # to the text: a line of a paragraph may begin like a stamp
_MIN_FOLIO_GAP = 1.0  # from a number alone to the text
_MIN_HEAD_PITCH = 1.25  # from a head to the text, in multiples of the usual distance of rows
_MIN_INNER_PITCH = 2.0  # from the inner rows of a head or foot, likewise
_MAX_FOLIO_SIZE = 1.2  # multiples of the page's usual size: large numbers are content
_CENTRED = 0.04  # share of the page's width by which a page number may stand off its middle
_MAX_STAMP, _MAX_HEAD = 200, 120  # characters
_MAX_SMALL_PRINT = 0.95  # of the page's usual size, of names between a page number and the text

_PAGE = "page|seite|página|pagina"
FOLIO = re.compile(
    rf"[-–—·|\[(\s]*(?:(?:{_PAGE}|p\.)\s*)?(?:(?:[A-Z]{{1,2}}|\d{{1,2}})[-–])?(?:\d{{1,4}}|[ivxl]{{1,7}}|[IVXL]{{2,7}})"
    r"(?:\s*(?:of|/|von|de|sur|di)\s*\d{1,4})?[-–—·|\])\s]*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(  # words with a page number: "Page 3; 5 May", "Case 12, page 3 of 9", "Law Review – 20"
    rf"(?<!on )(?<!from )(?<!see )\b(?:{_PAGE})\W{{0,2}}\d{{1,4}}\b|\w.*[–—|•·]\s*\d{{1,4}}$|^\d{{1,4}}\s*[–—|•·].*\w",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{3}|[^\x00-\u2fff]")
_NOTE = re.compile(r"\W|\d|\w+:|.*[.;]$")
"""How notes to a text or a table begin and end, and names of works or events do not."""
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
    usual = median(_pitch(above, below, layout) for above, below in pairwise(rows))
    found: set[int] = set()
    for inwards in (rows, rows[::-1]):
        names: list[int] = []
        for row, following in list(pairwise(inwards))[:MAX_ROWS]:
            is_outermost = row is inwards[0]
            is_apart = _pitch(row, following, layout) > (_MIN_HEAD_PITCH if is_outermost else _MIN_INNER_PITCH) * usual
            if _is_stamp_or_folio(row, following, layout, size) or (
                heads and is_apart and _is_head(row, layout, is_outermost)
            ):
                found.update((*names, *row))
                names = []
            elif heads and _is_short(row, layout):
                names += row
                if is_apart and found.intersection(inwards[0]) and _are_names(names, layout, size):
                    found.update(names)
            else:
                break
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


def _is_head(row: Sequence[int], layout: PageLayout, is_outermost: bool) -> bool:
    """Whether a row at the edge is a page number beside words; a page may have wide margins."""
    lines = [layout.lines[i] for i in row]
    text = _text(lines)
    if not (is_outermost and _in_wide_margin(lines, layout)) and not all(in_margin(x.box, layout) for x in lines):
        return False
    return len(text) <= _MAX_HEAD and (has_folio(lines) or bool(_NUMBERED.search(text)))


def _in_wide_margin(lines: Sequence[Line], layout: PageLayout) -> bool:
    return all(x.box[3] < 2 * MARGIN * layout.height or x.box[1] > (1 - 2 * MARGIN) * layout.height for x in lines)


def _is_short(row: Sequence[int], layout: PageLayout) -> bool:
    lines = [layout.lines[i] for i in row]
    text = _text(lines)
    return len(text) <= _MAX_HEAD and bool(_WORD.search(text)) and all(in_margin(line.box, layout) for line in lines)


def _are_names(indices: Sequence[int], layout: PageLayout, size: float) -> bool:
    """Whether rows beside a page number name a work or an event in small print, and are no notes or sources."""
    lines = [layout.lines[i] for i in indices]
    is_note = any(_NOTE.match(line.text.strip()) or begins_caption(line.text) for line in lines)
    return not is_note and all(line.size < _MAX_SMALL_PRINT * size for line in lines)


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
