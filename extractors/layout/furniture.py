"""What repeats from page to page: running headers, page numbers, logos, slide masters. None of it is content.

In: sampled pages of a document. Out: `Furniture`, which knows which lines and images of a page repeat. It holds only
counts, so that documents of any length fit in memory.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from extractors.geometry import area, intersection
from extractors.layout.edge_lines import MAX_ROWS, edge_lines, in_margin
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

_SAMPLE_PAGES = 60  # of a long document: learning takes as long as reading them
_SAMPLE_RUN = 4  # consecutive pages a sample, since chapters change their headers

_GRID = 4.0  # points within which two places count as one
_MAX_LOGO = 0.02  # share of a page below which an image that repeats anywhere is a logo or an icon
_MAX_DRAWINGS = 2000  # of a page that are counted: more are a map or a plot
_MAX_KEY_LENGTH = 80  # characters

# On how many of the sampled pages something must appear. Once is no repetition.
_SHORT_DOCUMENT = 3  # pages: here two are enough, for images and paths in one place
_MIN_REPEATS, _REPEATS_IN_PLACE, _REPEATS_ANYWHERE = 3, 1 / 4, 1 / 10
_EDGE = 2.0  # points within which a part touches the page's edge, as ornaments do
_FEW_PAGES, _HEADER_REPEATS_ON_FEW, _HEADER_REPEATS = 6, 2, 3  # of one header line, in a document of fewer pages
_MOST_PAGES = 0.6  # share of the pages that have a watermark, or a header that changes with the chapter

# Headers that change with the chapter. The gap in multiples of the line's size.
_MAX_SIZE_ABOVE_BODY = 0.5  # points
_MIN_HEADER_GAP = 0.9  # to the text: more than between two lines of it
_LINE_OVERLAP = 1.0  # points by which the boxes of consecutive lines may overlap
_ROW_OVERLAP = 2.0  # points: lines of one header row start this close to each other

_Key = tuple[object, ...]


def sample_pages(count: int, limit: int = _SAMPLE_PAGES) -> tuple[int, ...]:
    """Indices (from 0) of the pages to learn from: all of them, or runs spread over the document."""
    if count <= limit:
        return tuple(range(count))
    runs = limit // _SAMPLE_RUN
    starts = (round(run * (count - _SAMPLE_RUN) / (runs - 1)) for run in range(runs))
    return tuple(sorted({start + step for start in starts for step in range(_SAMPLE_RUN)}))


@dataclass(frozen=True, slots=True)
class Furniture:
    """The number of pages on which things appear; empty when nothing was learnt."""

    pages: int = 0
    counts: Mapping[_Key, int] = field(default_factory=dict)
    body_size: float = 0.0  # font size of most characters in points, 0 when unknown

    @classmethod
    def learn(cls, layouts: Iterable[PageLayout]) -> Furniture:
        """Count what repeats on some pages of one document, in any order; see `sample_pages`."""
        counts: Counter[_Key] = Counter()
        sizes: Counter[float] = Counter()
        pages = 0
        for layout in layouts:
            pages += 1
            counts.update(_keys(layout))
            for line in layout.lines:
                sizes[round(line.size * 2) / 2] += len(line.text)
        repeated = {key: count for key, count in counts.items() if count > 1}
        return cls(pages, repeated, sizes.most_common(1)[0][0] if sizes else 0.0)

    def running_lines(self, layout: PageLayout) -> frozenset[int]:
        """Indices of the lines that are running headers and footers, page numbers or watermarks.

        Headers and footers are searched from the edges inwards: below the first line of content nothing is a
        header, even if a cell of a table repeats there.
        """
        found = {i for i, line in enumerate(layout.lines) if self._is_watermark(line)}
        found |= edge_lines(layout, heads=self.pages <= _SHORT_DOCUMENT)
        margin = [i for i, line in enumerate(layout.lines) if line.horizontal and in_margin(line.box, layout)]
        found |= _artifacts(layout)
        for at_head in (True, False):
            half = [i for i in margin if (layout.lines[i].box[3] < layout.height / 2) == at_head]
            extents = {i: _extent_from_edge(layout.lines[i], layout, at_head) for i in half}
            content = math.inf
            for index in sorted(half, key=lambda i: extents[i][0]):
                start, end = extents[index]
                line = layout.lines[index]
                if start > content:
                    break
                if index in found or self._repeats_in_place(line) or self._is_changing_header(line, layout, at_head):
                    found.add(index)
                else:
                    content = min(content, end - _ROW_OVERLAP)
        return frozenset(found)

    def repeats(self, part: Raster | Drawing, layout: PageLayout) -> bool:
        """Whether an image or a path is a logo, an ornament or a background that other pages show as well."""
        # A slide that is built up repeats its picture in the middle of the page.
        share = _REPEATS_IN_PLACE if _is_at_edge(part.box, layout) else _MOST_PAGES
        short = 2 <= self.pages <= _SHORT_DOCUMENT
        if self.counts.get(_mark_key(part), 0) >= (2 if short else max(_MIN_REPEATS, math.ceil(share * self.pages))):
            return True
        if isinstance(part, Raster) and area(part.box) < _MAX_LOGO * layout.area:
            anywhere = self.counts.get(("image", part.digest), 0)
            return anywhere >= max(_MIN_REPEATS, math.floor(_REPEATS_ANYWHERE * self.pages))
        return False

    def _repeats_in_place(self, line: Line) -> bool:
        least = _HEADER_REPEATS_ON_FEW if self.pages < _FEW_PAGES else _HEADER_REPEATS
        return self.counts.get(_line_key(line), 0) >= least

    def _is_watermark(self, line: Line) -> bool:
        """Words at one height of most pages. Numbers in the body repeat by chance."""
        has_words = any(character.isalpha() for character in line.text)
        return has_words and self._on_most_pages(_line_key(line))

    def _is_changing_header(self, line: Line, layout: PageLayout, at_head: bool) -> bool:
        """Whether the line stands apart where most pages have a line of this font."""
        if line.size > self.body_size + _MAX_SIZE_ABOVE_BODY or not self._on_most_pages(_place_key(line)):
            return False
        _, end = _extent_from_edge(line, layout, at_head)
        starts = [_extent_from_edge(other, layout, at_head)[0] for other in layout.lines]
        inward = [start - end for start in starts if start > end - _LINE_OVERLAP]
        return min(inward, default=math.inf) > _MIN_HEADER_GAP * line.size

    def _on_most_pages(self, key: _Key) -> bool:
        return self.counts.get(key, 0) >= max(_MIN_REPEATS, _MOST_PAGES * self.pages)


def _is_at_edge(box: Box, layout: PageLayout) -> bool:
    """Whether an image or a path lies where headers and footers stand, or touches the page's edge."""
    inner = (_EDGE, _EDGE, layout.width - _EDGE, layout.height - _EDGE)
    return in_margin(box, layout) or box != intersection(box, inner)


def _artifacts(layout: PageLayout) -> set[int]:
    """The lines without structure tags in a tagged file; none if these are more than headers and footers."""
    lines = {i: line for i, line in enumerate(layout.lines) if line.artifact and line.horizontal}
    rows = {(in_margin(x.box, layout), x.box[3] < layout.height / 2, round(x.box[3] / _GRID)) for x in lines.values()}
    at_edges = Counter(at_head for in_a_margin, at_head, _ in rows if in_a_margin)
    is_plausible = at_edges.total() == len(rows) and max(at_edges.values(), default=0) <= MAX_ROWS
    return set(lines) if is_plausible else set()


def without_numbers(text: str) -> str:
    """The words of `text` in lower case, with numbers as `#`: equal for a header with different page numbers."""
    return re.sub(r"\W+", " ", re.sub(r"\d+", "#", text)).strip().lower() or "#"


def _extent_from_edge(line: Line, layout: PageLayout, at_head: bool) -> tuple[float, float]:
    """Distances from the page's head, or from its foot, to the near and the far side of a line."""
    _, y0, _, y1 = line.box
    return (y0, y1) if at_head else (layout.height - y1, layout.height - y0)


def _keys(layout: PageLayout) -> set[_Key]:
    keys = {_line_key(line) for line in layout.lines}
    keys.update(_place_key(line) for line in layout.lines if in_margin(line.box, layout))
    for raster in layout.rasters:
        keys.update((_mark_key(raster), ("image", raster.digest)))
    keys.update(_mark_key(drawing) for drawing in layout.drawings[:_MAX_DRAWINGS])
    return keys


def _line_key(line: Line) -> _Key:
    return ("line", without_numbers(line.text)[:_MAX_KEY_LENGTH], round(line.box[3] / _GRID))


def _place_key(line: Line) -> _Key:
    return ("place", line.font, round(line.size), round(line.box[3] / _GRID))


def _mark_key(mark: Raster | Drawing) -> _Key:
    place = tuple(round(value / _GRID) for value in mark.box)
    return ("raster", mark.digest, place) if isinstance(mark, Raster) else ("drawing", mark.items, mark.fill, place)
