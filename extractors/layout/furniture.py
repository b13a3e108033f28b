"""What repeats from page to page: running headers, page numbers, logos, slide masters. It is none of the content.

A document is read page by page; what is kept here is counts under small keys, of at most `SAMPLE` pages.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

SAMPLE = 60
"""Pages that are looked at to learn what repeats."""
_RUN = 4
"""Sampled pages come in runs of neighbours, since chapters change their headers."""
_MARGIN = 0.13
"""Share of the page's height, above and below, in which running lines stand."""
_GRID = 4.0
"""Points within which two places count as one."""
_SMALL = 0.02
"""Share of a page below which an image that comes back anywhere is a logo or an icon."""

_Key = tuple[object, ...]


def sample_pages(count: int, limit: int = SAMPLE) -> tuple[int, ...]:
    """Indices (from 0) of the pages to look at: all of them, or runs of neighbours spread over the document."""
    if count <= limit:
        return tuple(range(count))
    runs = limit // _RUN
    starts = (round(run * (count - _RUN) / (runs - 1)) for run in range(runs))
    return tuple(sorted({start + step for start in starts for step in range(_RUN)}))


@dataclass(frozen=True, slots=True)
class Furniture:
    """How often things come back, counted once a page. An empty one, of no pages, knows nothing."""

    pages: int = 0
    counts: Mapping[_Key, int] = field(default_factory=dict)
    body_size: float = 0.0
    """Font size of most characters."""

    @classmethod
    def learn(cls, layouts: Iterable[PageLayout]) -> Furniture:
        """Learn from some pages of one document, in any order; see `sample_pages`."""
        counts: Counter[_Key] = Counter()
        sizes: Counter[float] = Counter()
        pages = 0
        for layout in layouts:
            pages += 1
            counts.update(_keys(layout))
            for line in layout.lines:
                sizes[round(line.size * 2) / 2] += len(line.text)
        # Once is no repetition: what was seen on one page only is forgotten, and memory stays small.
        kept = {key: count for key, count in counts.items() if count > 1}
        return cls(pages, kept, sizes.most_common(1)[0][0] if sizes else 0.0)

    def running_lines(self, layout: PageLayout) -> frozenset[int]:
        """Indices of the lines that are running headers and footers, page numbers or watermarks.

        Headers and footers are looked for from the edges inwards: below the first line of content nothing is a
        header, however often a cell of a table comes back there.
        """
        found = {i for i, line in enumerate(layout.lines) if self._everywhere(line)}
        margin = [i for i, line in enumerate(layout.lines) if line.horizontal and in_margin(line.box, layout)]
        for above in (True, False):
            half = [i for i in margin if (layout.lines[i].box[3] < layout.height / 2) == above]
            half.sort(key=lambda i: layout.lines[i].box[1] if above else -layout.lines[i].box[3])
            edge = math.inf if above else -math.inf
            for index in half:
                line = layout.lines[index]
                if line.box[1] > edge if above else line.box[3] < edge:
                    break
                if index in found or self._comes_back(line) or self._in_running_slot(line, layout, above):
                    found.add(index)
                else:
                    edge = min(edge, line.box[3] - 2) if above else max(edge, line.box[1] + 2)
        return frozenset(found)

    def repeats(self, part: Raster | Drawing, layout: PageLayout) -> bool:
        """Whether an image or a path is a logo, an ornament or a background that other pages show as well."""
        key = _raster_key(part) if isinstance(part, Raster) else _drawing_key(part)
        if self.counts.get(key, 0) >= self._often():
            return True
        if isinstance(part, Raster) and _area(part.box) < _SMALL * layout.width * layout.height:
            return self.counts.get(("image", part.digest), 0) >= max(3, self.pages // 10)
        return False

    def _often(self) -> int:
        """On how many sampled pages a thing must stand in one place: a slide that is built up repeats its picture."""
        return 2 if self.pages in (2, 3) else max(3, -(-self.pages // 4))

    def _comes_back(self, line: Line) -> bool:
        return self.counts.get(_line_key(line), 0) >= (2 if self.pages < 6 else 3)

    def _everywhere(self, line: Line) -> bool:
        """Numbers in the body repeat by chance; words at one height of most pages do not."""
        if not any(character.isalpha() for character in line.text):
            return False
        return self.counts.get(_line_key(line), 0) >= max(3, 0.6 * self.pages)

    def _in_running_slot(self, line: Line, layout: PageLayout, above: bool) -> bool:
        """Headers that change with the chapter: a line apart where most pages have one of this font."""
        if line.size > self.body_size + 0.5 or self.counts.get(_slot_key(line), 0) < max(3, 0.6 * self.pages):
            return False
        inward = [
            other.box[1] - line.box[3] if above else line.box[1] - other.box[3]
            for other in layout.lines
            if (other.box[1] > line.box[3] - 1 if above else other.box[3] < line.box[1] + 1)
        ]
        return min(inward, default=math.inf) > 0.9 * line.size


def without_numbers(text: str) -> str:
    """`text` with its numbers taken away, so that page numbers do not make two headers of one."""
    return re.sub(r"\W+", " ", re.sub(r"\d+", "#", text)).strip().lower() or "#"


def _keys(layout: PageLayout) -> set[_Key]:
    keys: set[_Key] = set()
    for line in layout.lines:
        keys.add(_line_key(line))
        if in_margin(line.box, layout):
            keys.add(_slot_key(line))
    for raster in layout.rasters:
        keys.update((_raster_key(raster), ("image", raster.digest)))
    keys.update(_drawing_key(drawing) for drawing in layout.drawings[:2000])
    return keys


def _line_key(line: Line) -> _Key:
    return ("line", without_numbers(line.text)[:80], round(line.box[3] / _GRID))


def _slot_key(line: Line) -> _Key:
    return ("slot", line.font, round(line.size), round(line.box[3] / _GRID))


def _raster_key(raster: Raster) -> _Key:
    return ("raster", raster.digest, _place(raster.box))


def _drawing_key(drawing: Drawing) -> _Key:
    return ("drawing", drawing.items, drawing.fill, _place(drawing.box))


def _place(box: Box) -> tuple[int, ...]:
    return tuple(round(value / _GRID) for value in box)


def in_margin(box: Box, layout: PageLayout) -> bool:
    """Whether `box` lies where headers and footers stand."""
    return box[3] < _MARGIN * layout.height or box[1] > (1 - _MARGIN) * layout.height


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
