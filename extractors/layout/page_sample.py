"""What is learnt from one page of what repeats from page to page: the keys of its lines, images and paths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from extractors.layout.edge_lines import MAX_ROWS, in_margin, level_rows
from extractors.page import Drawing, Line, PageLayout, Raster

_SAMPLE_PAGES = 60  # of a long document: learning takes as long as reading them
_SAMPLE_RUN = 4  # consecutive pages a sample, since chapters change their headers

GRID = 4.0  # points within which two places count as one
_MAX_DRAWINGS = 2000  # of a page that are counted: more are a map or a plot
_MAX_KEY_LENGTH = 80  # characters

Key = str
"""What a thing is and where, such as `line 7 annual report #`."""


def sample_pages(count: int) -> tuple[int, ...]:
    """Indices (from 0) of the pages to learn from: all of them, or runs spread over the document."""
    if count <= _SAMPLE_PAGES:
        return tuple(range(count))
    runs = _SAMPLE_PAGES // _SAMPLE_RUN
    starts = (round(run * (count - _SAMPLE_RUN) / (runs - 1)) for run in range(runs))
    return tuple(sorted({start + step for start in starts for step in range(_SAMPLE_RUN)}))


class MarginLine(NamedTuple):
    """A line in a margin."""

    place: Key
    key: Key
    words: str
    text: str
    size: float


@dataclass(frozen=True, slots=True)
class PageSample:
    """What is learnt from one page."""

    number: int  # of the page
    keys: tuple[Key, ...]
    margin: tuple[MarginLine, ...]
    uncounted: tuple[Key, ...]  # of the drawings beyond `_MAX_DRAWINGS`
    sizes: Mapping[float, int]  # font size -> characters

    @classmethod
    def of(cls, layout: PageLayout) -> PageSample:
        sizes: Counter[float] = Counter()
        for line in layout.lines:
            sizes[round(line.size * 2) / 2] += len(line.text)
        keys = _keys(layout)
        uncounted = {mark_key(drawing) for drawing in layout.drawings[_MAX_DRAWINGS:]} - keys
        margin = tuple(
            MarginLine(place_key(line), line_key(line, layout), _words(line), line.text, line.size)
            for line in layout.lines
            if in_margin(line.box, layout)
        )
        return cls(layout.number, tuple(keys), margin, tuple(uncounted), sizes)


@lru_cache(maxsize=1 << 12)  # of a page, every line is looked up several times
def without_numbers(text: str) -> str:
    """The words of `text` in lower case, with numbers as `#`: equal for a header with different page numbers."""
    return _only_words(re.sub(r"\d+", "#", text)) or "#"


def _only_words(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def _keys(layout: PageLayout) -> set[Key]:
    keys = {line_key(line, layout) for line in layout.lines}
    rows = level_rows(layout)
    keys.update(edge_key(layout.lines[i]) for row in (*rows[:MAX_ROWS], *rows[-MAX_ROWS:]) for i in row)
    keys.update(place_key(line) for line in layout.lines if in_margin(line.box, layout))
    for raster in layout.rasters:
        keys.update((mark_key(raster), image_key(raster)))
    keys.update(mark_key(drawing) for drawing in layout.drawings[:_MAX_DRAWINGS])
    return keys


def line_key(line: Line, layout: PageLayout) -> Key:
    """Numbers of pages stand in margins; elsewhere, lines with other numbers are others, such as captions."""
    is_running = in_margin(line.box, layout) or not any(map(str.isalpha, line.text))
    words = _words(line) if is_running else _only_words(line.text)[:_MAX_KEY_LENGTH]
    return f"line {round(line.box[3] / GRID)} {words}"


def _words(line: Line) -> str:
    return without_numbers(line.text)[:_MAX_KEY_LENGTH]


def edge_key(line: Line) -> Key:
    """Pages that begin or end with the same words; a number alone says nothing."""
    return f"edge {_words(line)}" if any(map(str.isalpha, without_numbers(line.text))) else ""


def place_key(line: Line) -> Key:
    return f"place {round(line.box[3] / GRID)} {round(line.size)} {line.font}"


def image_key(raster: Raster) -> Key:
    return f"image {raster.digest}"


def mark_key(mark: Raster | Drawing) -> Key:
    place = tuple(round(value / GRID) for value in mark.box)
    return f"raster {place} {mark.digest}" if isinstance(mark, Raster) else f"drawing {place} {mark.items} {mark.fill}"
