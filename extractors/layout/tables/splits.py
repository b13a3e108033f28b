"""Where a region that may be a table holds several: at headers that come again, and at running text between rows."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from extractors.geometry import width
from extractors.layout.labels import LABEL, label_kind
from extractors.layout.tables.lines import Row, is_number, is_value, rows_box
from extractors.page import Line
from extractors.types import Box

_MAX_HEADER_ROWS = 4  # of the header that comes again
_TEXT_WIDTH = 0.6  # share of the region's width under a line of running text that ends a table; cells are narrower
_MIN_CAPTION_TEXT = 12  # characters after a label; less is a cell, such as "Table 2 (a)"
_MIN_ROWS = 2  # of several cells, in each table


def split_region(region: Box, rows: Sequence[Row], prose: Collection[Line]) -> list[Box]:
    """The parts of a region that are tables of their own; the region itself if it is one. `rows` are those of the page.

    Rows right above the region may be its header.
    """
    held = [n for n, row in enumerate(rows) if any(line.belongs_to(region) for line in row)]
    above = rows[max(0, held[0] - _MAX_HEADER_ROWS) : held[0]] if held else []
    inside = [[line for line in rows[n] if line.belongs_to(region)] for n in held]
    parts = [half for part in _between_texts(region, inside, prose) for half in _at_headers(part, above, prose)]
    if len(parts) < 2:
        return [region]
    parts = [_without_titles_and_notes(part) for part in parts]
    boxes = [rows_box(part) for part in parts if sum(len(row) > 1 for row in part) >= _MIN_ROWS]
    return [(region[0], y0, region[2], y1) for _, y0, _, y1 in boxes] or [region]


def starts_caption(line: Line) -> bool:
    """Whether a caption starts here, rather than a cell or a sentence that begins alike."""
    match = LABEL.match(line.text)
    if not match:
        return False
    rest = line.text[match.end() :].lstrip()
    return not rest[:1].islower() and (not rest or len(rest) > _MIN_CAPTION_TEXT or rest[0] in ".:|–—")


def is_table_caption(line: Line) -> bool:
    match = LABEL.match(line.text)
    return match is not None and label_kind(match) == "table" and starts_caption(line)


def _between_texts(region: Box, rows: Sequence[Row], prose: Collection[Line]) -> Iterator[Sequence[Row]]:
    """The rows above and below captions, and lines of running text that stand alone and run over most of the region."""
    texts = [
        n
        for n, row in enumerate(rows)
        if len(row) == 1
        and ((n and starts_caption(row[0])) or (row[0] in prose and width(row[0].box) > _TEXT_WIDTH * width(region)))
    ]
    for a, b in pairwise([-1, *texts, len(rows)]):
        if b > a + 1:
            yield rows[a + 1 : b]


def _at_headers(rows: Sequence[Row], above: Sequence[Row], prose: Collection[Line]) -> list[Sequence[Row]]:
    """The rows, cut where a row above the first values comes again, with as many rows above it as there."""
    end = next((n for n, row in enumerate(rows) if _has_values(row)), 0)
    for n, row in [*((0, row) for row in above), *enumerate(rows[: min(end, _MAX_HEADER_ROWS)])]:
        if len(row) > 1 and not _has_values(row) and not any(line in prose for line in row):
            starts = [m - n for m in range(2 * n + 2, len(rows)) if _texts(rows[m]) == _texts(row)]
            if starts:
                return [rows[a:b] for a, b in pairwise([0, *starts, len(rows)])]
    return [rows]


def _has_values(row: Row) -> bool:
    return any(is_value(line.text) for line in row)


def _texts(row: Row) -> list[str]:
    return [line.text for line in row]


def _without_titles_and_notes(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows without single texts at their head, and without those behind the last number."""
    first = next((n for n, row in enumerate(rows) if len(row) > 1), len(rows))
    last = max((n for n, row in enumerate(rows) if any(is_number(line.text) for line in row)), default=len(rows) - 1)
    return rows[first : last + 1]
