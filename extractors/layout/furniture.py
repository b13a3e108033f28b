"""What repeats from page to page: running headers, page numbers, logos, slide masters. None of it is content.

In: sampled pages of a document. Out: `Furniture`, which knows which lines and images of a page repeat. It holds only
counts, so that documents of any length fit in memory.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from extractors.geometry import area, intersection
from extractors.layout.captions import begins_caption
from extractors.layout.edge_lines import FOLIO, MAX_ROWS, edge_lines, in_margin, level_rows
from extractors.layout.page_sample import (
    GRID,
    Key,
    MarginLine,
    PageSample,
    edge_key,
    image_key,
    line_key,
    mark_key,
    place_key,
)
from extractors.layout.repeated_content import (
    MIN_HEADER_GAP,
    are_text,
    column_headings,
    has_picture,
    header_cells,
    joined_to_text,
    numbers_content,
)
from extractors.page import Drawing, Line, PageLayout, Raster
from extractors.types import Box

_MAX_LOGO = 0.02  # share of a page below which an image that repeats anywhere is a logo or an icon

# On how many of the sampled pages something must appear. Once is no repetition.
_SHORT_DOCUMENT = 3  # pages: here two are enough, for images and paths in one place
_MIN_REPEATS, _REPEATS_IN_PLACE, _REPEATS_ANYWHERE = 3, 1 / 4, 1 / 10
_EDGE = 2.0  # points within which a part touches the page's edge, as ornaments do
_FEW_PAGES, _HEADER_REPEATS_ON_FEW, _HEADER_REPEATS = 6, 2, 3  # of one header line, in a document of fewer pages
_MAX_VARIETY = 0.67  # texts in one place by pages: headers that change with the chapter repeat, headings do not
_TITLE_SIZE = 1.5  # of the document's usual size: headers of some pages are smaller, and titles of pages larger
_MOST_PAGES = 0.6  # share of the pages that have a watermark, or a header that changes with the chapter

# Headers that change with the chapter. The gap in multiples of the line's size.
_MAX_SIZE_ABOVE_BODY = 0.5  # points
_LINE_OVERLAP = 1.0  # points by which the boxes of consecutive lines may overlap
_ROW_OVERLAP = 2.0  # points: lines of one header row start this close to each other

_NUMBERS = re.compile(r"[0-9]{1,9}")


class _Limits(NamedTuple):
    """The number of pages on which things count as furniture."""

    header: int
    mark_at_edge: int
    mark: int
    logo: int
    edge: int
    most_pages: int

    @classmethod
    def of(cls, pages: int) -> _Limits:
        """The limits in a sample of so many pages."""

        def share(part: float) -> int:
            return max(_MIN_REPEATS, math.ceil(part * pages))

        is_short = pages <= _SHORT_DOCUMENT
        return cls(
            header=_HEADER_REPEATS_ON_FEW if pages < _FEW_PAGES else _HEADER_REPEATS,
            mark_at_edge=2 if is_short else share(_REPEATS_IN_PLACE),
            mark=2 if is_short else share(_MOST_PAGES),
            logo=max(_MIN_REPEATS, math.floor(_REPEATS_ANYWHERE * pages)),
            edge=share(_REPEATS_IN_PLACE),
            most_pages=share(_MOST_PAGES),
        )


@dataclass(frozen=True, slots=True)
class Furniture:
    """The number of pages on which things appear; empty when nothing was learnt."""

    pages: int = 0
    counts: Mapping[Key, int] = field(default_factory=dict)
    body_size: float = 0.0  # font size of most characters in points, 0 when unknown
    copies: bool = False  # True when most pages have no words of their own
    _limits: _Limits = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_limits", _Limits.of(self.pages))

    @classmethod
    def learn(cls, samples: Iterable[PageSample]) -> Furniture:
        """Count what repeats on some pages of one document, in any order; see `sample_pages`."""
        counts: Counter[Key] = Counter()
        sizes: Counter[float] = Counter()
        places: dict[Key, set[MarginLine]] = {}  # places in the margins -> lines there
        numbers: dict[tuple[Key, str], list[tuple[int, list[int]]]] = {}  # lines there -> pages and their numbers
        captions: set[tuple[Key, str]] = set()  # lines there that begin captions
        heights: dict[tuple[Key, str], float] = {}  # lines there -> their least font size
        lines_of_pages: list[set[Key]] = []
        for sample in samples:
            lines_of_pages.append({key for key in sample.keys if key.startswith("line ") and not key.endswith(" #")})
            counts.update(sample.keys)
            sizes.update(sample.sizes)
            for line in sample.margin:
                places.setdefault(line.place, set()).add(line)
                own = [int(number) for number in _NUMBERS.findall(line.text)]
                if own:
                    numbers.setdefault((line.key, line.words), []).append((sample.number, own))
                    height = 0.0 if FOLIO.fullmatch(line.text) else line.size
                    heights[line.key, line.words] = min(height, heights.get((line.key, line.words), height))
                if begins_caption(line.text):
                    captions.add((line.key, line.words))
        size = sizes.most_common(1)[0][0] if sizes else 0.0
        named = captions | {one for one, height in heights.items() if height > _TITLE_SIZE * size}
        content = [
            one
            for one, found in numbers.items()
            if one[1] != "#" and (_count_content(found) or (one in named and _all_differ(found)))
        ]
        varied = {key for key, _ in content} | {f"edge {words}" for _, words in content}
        for place, lines in places.items():
            texts = {line.text if line.key in varied else line.words for line in lines}
            if "#" not in texts and len(texts) > _MAX_VARIETY * counts[place]:
                varied.add(place)
        repeated = {key: count for key, count in counts.items() if key and count > 1 and key not in varied}
        pages = len(lines_of_pages)
        same = sum(bool(lines) and repeated.keys() >= lines for lines in lines_of_pages)
        return cls(pages, repeated, size, copies=0 < _MOST_PAGES * pages <= same)

    def facts(self, page: PageSample) -> tuple[object, ...]:
        """All that is known here about a page: where it is the same, the page has the same furniture."""
        limits = self._limits
        marks = limits.mark_at_edge, limits.mark
        by_kind = {
            "line": (limits.header, limits.most_pages),
            "place": (limits.most_pages,),
            "edge": (limits.edge,),
            "image": (limits.logo,),
        }
        reached = {
            key: sum(self.counts[key] >= limit for limit in by_kind.get(key.partition(" ")[0], marks))
            for key in (*page.keys, *page.uncounted)
            if key in self.counts
        }
        return (
            self.pages <= _SHORT_DOCUMENT,
            self.copies,
            self.body_size,
            sorted(pair for pair in reached.items() if pair[1]),
        )

    def running_lines(self, layout: PageLayout) -> frozenset[int]:
        """Indices of the lines that are running headers and footers, page numbers or watermarks.

        Headers and footers are searched from the edges inwards: below the first line of content nothing is a
        header, even if a cell of a table repeats there.
        """
        is_scan = all(line.ocr for line in layout.lines)  # whose lines were hardly learnt: OCR reads each differently
        at_edges = edge_lines(layout, heads=is_scan or self.pages <= _SHORT_DOCUMENT)
        if self.copies and not has_picture(layout):
            return at_edges
        found = self._watermarks(layout) | at_edges | self._repeated_edges(layout)
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
                if (
                    index in found
                    or self._repeats_in_place(line, layout)
                    or self._is_changing_header(line, layout, at_head)
                ):
                    found.add(index)
                else:
                    content = min(content, end - _ROW_OVERLAP)
        if are_text(found, layout):
            return at_edges
        if self.pages < _FEW_PAGES:
            found -= joined_to_text(found - at_edges, layout)
        found = {index for index in found if not numbers_content(index, found, layout)}
        return frozenset(found - header_cells(found, layout) - column_headings(found, layout))

    def _repeated_edges(self, layout: PageLayout) -> set[int]:
        """The lines that begin or end many pages, wherever the text of these begins or ends."""
        found: set[int] = set()
        rows = level_rows(layout) if self.pages >= _MIN_REPEATS else []
        for inwards in (rows, rows[::-1]):
            for row in inwards[:MAX_ROWS]:
                lines = [layout.lines[index] for index in row]
                is_repeated = any(self.counts.get(edge_key(line), 0) >= self._limits.edge for line in lines)
                is_large = max(line.size for line in lines) > self.body_size + _MAX_SIZE_ABOVE_BODY
                if not is_repeated or is_large or begins_caption(lines[0].text):
                    break
                found.update(row)
        return found

    def repeats(self, part: Raster | Drawing, layout: PageLayout) -> bool:
        """Whether an image or a path is a logo, an ornament or a background that other pages show as well."""
        # A slide that is built up repeats its picture in the middle of the page.
        limit = self._limits.mark_at_edge if _is_at_edge(part.box, layout) else self._limits.mark
        if self.counts.get(mark_key(part), 0) >= limit:
            return True
        if isinstance(part, Raster) and area(part.box) < _MAX_LOGO * layout.area:
            return self.counts.get(image_key(part), 0) >= self._limits.logo
        return False

    def _repeats_in_place(self, line: Line, layout: PageLayout) -> bool:
        is_title = line.size > _TITLE_SIZE * self.body_size  # of a few slides, say
        limit = self._limits.most_pages if is_title else self._limits.header
        return self.counts.get(line_key(line, layout), 0) >= limit

    def _watermarks(self, layout: PageLayout) -> set[int]:
        """Lines with words at one height of most pages. Numbers in the body repeat by chance."""
        words = {i: line for i, line in enumerate(layout.lines) if any(map(str.isalpha, line.text))}
        return {i for i, line in words.items() if self._on_most_pages(line_key(line, layout))}

    def _is_changing_header(self, line: Line, layout: PageLayout, at_head: bool) -> bool:
        """Whether the line stands apart where most pages have a line of this font."""
        if line.size > self.body_size + _MAX_SIZE_ABOVE_BODY or not self._on_most_pages(place_key(line)):
            return False
        _, end = _extent_from_edge(line, layout, at_head)
        starts = [_extent_from_edge(other, layout, at_head)[0] for other in layout.lines]
        inward = [start - end for start in starts if start > end - _LINE_OVERLAP]
        return min(inward, default=math.inf) > MIN_HEADER_GAP * line.size

    def _on_most_pages(self, key: Key) -> bool:
        return self.counts.get(key, 0) >= self._limits.most_pages


def _is_at_edge(box: Box, layout: PageLayout) -> bool:
    """Whether an image or a path lies where headers and footers stand, or touches the page's edge."""
    inner = (_EDGE, _EDGE, layout.width - _EDGE, layout.height - _EDGE)
    return in_margin(box, layout) or box != intersection(box, inner)


def _artifacts(layout: PageLayout) -> set[int]:
    """The lines without structure tags in a tagged file; none if these are more than headers and footers."""
    lines = {i: line for i, line in enumerate(layout.lines) if line.artifact and line.horizontal}
    rows = {(in_margin(x.box, layout), x.box[3] < layout.height / 2, round(x.box[3] / GRID)) for x in lines.values()}
    at_edges = Counter(at_head for in_a_margin, at_head, _ in rows if in_a_margin)
    is_plausible = at_edges.total() == len(rows) and max(at_edges.values(), default=0) <= MAX_ROWS
    return set(lines) if is_plausible else set()


def _count_content(numbers: Sequence[tuple[int, Sequence[int]]]) -> bool:
    """Whether numbers in equal texts neither repeat nor follow the pages: those of articles, questions or tables."""
    most = _MAX_VARIETY * len(numbers)
    columns = list(zip(*(found for _, found in numbers), strict=False))
    pages = [page for page, _ in numbers]
    follows = any(
        len({number - page for number, page in zip(column, pages, strict=True)}) <= most for column in columns
    )
    return not follows and any(len(set(column)) > most for column in columns)


def _all_differ(numbers: Sequence[tuple[int, Sequence[int]]]) -> bool:
    """Whether each of several equal texts has another number, as captions of figures and titles of pages do."""
    return len({found[0] for _, found in numbers}) == len(numbers)


def _extent_from_edge(line: Line, layout: PageLayout, at_head: bool) -> tuple[float, float]:
    """Distances from the page's head, or from its foot, to the near and the far side of a line."""
    _, y0, _, y1 = line.box
    return (y0, y1) if at_head else (layout.height - y1, layout.height - y0)
