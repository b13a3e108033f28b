"""Where on a page a table may be: in grids of rules, between level rules, at captions, in columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from extractors.geometry import coverage, expand_box, merge_boxes
from extractors.layout import labels
from extractors.layout import table_cells as cells
from extractors.layout.table_cells import Row
from extractors.page import Drawing, Line, PageLayout
from extractors.types import Box

_THIN = 2.5
"""Points: what is thinner is a rule."""
_LEAST_WIDTH = 60.0
_MOST_RULES = 800
"""More of them are hatching or a plot."""
_SAME = 4.0
"""Points by which the ends of rules of one table may differ."""
_PROSE_WORDS = 6.0
"""Words of a line of running text; a line in a cell has fewer."""


@dataclass(frozen=True, slots=True)
class Rules:
    level: tuple[Box, ...]
    upright: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Page:
    layout: PageLayout
    lines: Sequence[Line]
    prose: frozenset[Line]
    """Those of `lines` that are running text."""
    rules: Rules


def page_of(layout: PageLayout, lines: Sequence[Line]) -> Page:
    """`lines` are those of `layout` that stand upright."""
    return Page(layout, lines, _prose(lines), _rules(layout.drawings))


def regions(page: Page) -> Iterator[list[Box]]:
    """The regions found by each means, the surest first."""
    apart = [line for line in page.lines if line not in page.prose]
    rows = cells.levels(apart)
    yield _grids(page.rules)
    yield [_completed(region, rows) for region in _stacks(page)]
    yield _captioned(apart)
    yield _numeric(rows)


def _prose(lines: Sequence[Line]) -> frozenset[Line]:
    """The lines of paragraphs: blocks of several lines of six words or more, or of lines that are longer still."""
    blocks: dict[int, list[Line]] = {}
    for line in lines:
        blocks.setdefault(line.block, []).append(line)
    found: list[Line] = []
    for block in blocks.values():
        words = fmean(len(line.text.split()) for line in block)
        if words >= (_PROSE_WORDS if len(block) >= 3 else 2 * _PROSE_WORDS):
            found += block
    return frozenset(found)


# --- rules ------------------------------------------------------------------------------------------------------


def _rules(drawings: Sequence[Drawing]) -> Rules:
    """Thin rectangles and lines, and the sides of cells drawn as rectangles; pieces of one rule joined."""
    level: list[Box] = []
    upright: list[Box] = []
    for drawing in drawings:
        x0, y0, x1, y1 = drawing.box
        if not drawing.rectangle or _white(drawing):
            continue
        if y1 - y0 <= _THIN:
            level.append(drawing.box)
        elif x1 - x0 <= _THIN:
            upright.append(drawing.box)
        else:
            level += [(x0, y0, x1, y0), (x0, y1, x1, y1)]
            upright += [(x0, y0, x0, y1), (x1, y0, x1, y1)]
    return Rules(
        tuple(rule for rule in _joined(level) if rule[2] - rule[0] > 8),
        tuple(_swapped(rule) for rule in _joined(map(_swapped, upright)) if rule[2] - rule[0] > 6),
    )


def _white(drawing: Drawing) -> bool:
    return not drawing.stroked and drawing.fill is not None and min(drawing.fill, default=0) > 0.99


def _swapped(box: Box) -> Box:
    return (box[1], box[0], box[3], box[2])


def _joined(rules: Iterable[Box]) -> list[Box]:
    """Level rules at one height that touch, as one."""
    made: list[Box] = []
    for rule in sorted(rules, key=lambda rule: (round((rule[1] + rule[3]) / 4), rule[0])):
        last = made[-1] if made else None
        if last and abs(last[1] - rule[1]) < 2 and rule[0] - last[2] < 3:
            made[-1] = (last[0], last[1], max(last[2], rule[2]), last[3])
        else:
            made.append(rule)
    return made


# --- where a table may be ---------------------------------------------------------------------------------------


def _grids(rules: Rules) -> list[Box]:
    """Hulls of rules that cross, with at least one upright rule inside."""
    if len(rules.level) + len(rules.upright) > _MOST_RULES:
        return []
    groups: list[list[Box]] = []
    for rule in (*rules.level, *rules.upright):
        touching = [group for group in groups if any(_touch(rule, other) for other in group)]
        groups = [group for group in groups if group not in touching] + [[rule, *(one for g in touching for one in g)]]
    found = []
    for group in groups:
        box = merge_boxes(group)
        inner = {
            round(rule[0] / 3) for rule in group if rule[2] - rule[0] <= _THIN and box[0] + 5 < rule[0] < box[2] - 5
        }
        across = {round(rule[1] / 3) for rule in group if rule[3] - rule[1] <= _THIN}
        if inner and len(across) > 2 and box[2] - box[0] > _LEAST_WIDTH:
            found.append(box)
    return found


def _touch(a: Box, b: Box) -> bool:
    return a[0] - 2 < b[2] and b[0] - 2 < a[2] and a[1] - 2 < b[3] and b[1] - 2 < a[3]


def _stacks(page: Page) -> list[Box]:
    """Between level rules of one width, as far down as what lies between them is set in columns."""
    runs: list[list[Box]] = []
    left = [rule for rule in page.rules.level if rule[2] - rule[0] > _LEAST_WIDTH]
    while left:
        first, *rest = left
        stack = [first, *(rule for rule in rest if _alike(rule, first))]
        left = [rule for rule in rest if rule not in stack]
        stack.sort(key=lambda rule: rule[1])
        run: list[Box] = stack[:1]
        for upper, lower in pairwise(stack):
            strip = (first[0], upper[1], first[2], lower[3])
            if in_columns(strip, page):
                run.append(lower)
                continue
            runs.append(run)
            run = [lower]
        runs.append(run)
    stacks = [(merge_boxes(run), len(run)) for run in runs if len(run) > 1]
    # The rules at a page's head and foot hold the table that they seem to make.
    return [
        box
        for box, count in stacks
        if count > 2 or not any(more > 2 and other != box and coverage(other, box) > 0.95 for other, more in stacks)
    ]


def _alike(a: Box, b: Box) -> bool:
    return abs(a[0] - b[0]) < _SAME and abs(a[2] - b[2]) < _SAME


def in_columns(strip: Box, page: Page) -> bool:
    """Whether the strip between two rules belongs to a table: rows of several cells, or a short heading."""
    held = inside(strip, page.lines)
    rows = cells.levels(held)
    if not rows:
        return strip[3] - strip[1] < 30
    prose = sum(strip[1] < line.box[1] and line.box[3] < strip[3] and _beside(line, strip) for line in page.prose)
    if any(_labelled(row[0]) for row in rows) or prose > 0.2 * len(held):
        return False
    several = sum(len(row) > 1 for row in rows) >= 0.25 * len(rows)
    short = len(rows) <= 2 and all(len(row[0].text.split()) < 12 for row in rows)
    return several or short or len(cells.columns(rows)) > 2


def _beside(line: Line, strip: Box) -> bool:
    return min(line.box[2], strip[2]) - max(line.box[0], strip[0]) > 0.2 * (line.box[2] - line.box[0])


def inside(box: Box, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if coverage(line.box, box) > 0.6]


def _caption(line: Line) -> bool:
    """Whether the caption of a table starts here."""
    match = labels.LABEL.match(line.text)
    return bool(match and labels.label_kind(match) == "table" and _labelled(line))


def _labelled(line: Line) -> bool:
    """Whether a caption starts here, rather than a cell or a sentence that begins alike."""
    match = labels.LABEL.match(line.text)
    rest = line.text[match.end() :].lstrip() if match else ""
    return bool(match) and not rest[:1].islower() and (not rest or len(rest) > 12 or rest[0] in ".:|–—")


def _captioned(lines: Sequence[Line]) -> list[Box]:
    """Rows of several cells right under the caption of a table, or right above it."""
    found = []
    for caption in filter(_caption, lines):
        below = [line for line in lines if line.box[1] > caption.box[1] + 1 and line is not caption]
        above = [line for line in lines if line.box[3] < caption.box[3] - 1]
        for side, order in ((below, 1), (above, -1)):
            rows = _run(cells.levels(side)[::order], caption)
            if len(rows) >= 3:
                found.append(expand_box(cells.hull(rows), 1))
                break
    return found


def _run(rows: Sequence[Row], caption: Line) -> list[Row]:
    """The rows next to the caption that are set in columns; the caption's own further lines are passed over."""
    run: list[Row] = []
    place = caption.box
    for row in rows:
        box = cells.hull([row])
        distance = max(box[1] - place[3], place[1] - box[3])
        if distance > 3 * caption.size:
            break
        if len(row) > 1:
            run.append(row)
        elif run and len(row[0].text.split()) > 8:
            break
        elif run:
            run.append(row)
        place = box
    while run and len(run[-1]) == 1:
        run.pop()
    return run


def _completed(region: Box, rows: Sequence[Row]) -> Box:
    """With the labels on its left and the headings above it, where the rules run only over and under the numbers."""
    held = [n for n, row in enumerate(rows) if inside(region, row)]
    labels_left = [line for n in held for line in rows[n] if line.box[2] < region[0]]
    numbers = sum(any(cells.is_number(line.text) for line in inside(region, rows[n])) for n in held)
    if numbers > 0.5 * len(held) and 0.6 * len(held) <= len(labels_left) <= len(held):
        region = merge_boxes([region, *(line.box for line in labels_left)])
    if numbers < 2:
        return region
    first = _heading(rows, held[0])
    above = [line.box for row in rows[first : held[0]] for line in row if region[0] - 5 < line.box[0] < region[2]]
    return merge_boxes([region, *above])


def _numeric(rows: Sequence[Row]) -> list[Box]:
    """Blocks of rows with two numbers or more each, with the headings over them."""
    numeric = [sum(cells.is_number(line.text) for line in row) >= 2 for row in rows]
    found = []
    start: int | None = None
    last = 0
    for n, is_numeric in enumerate([*numeric, False]):
        ended = n == len(rows) or (start is not None and (_loose(rows[last + 1 : n]) or _broken(rows[n - 1], rows[n])))
        if start is not None and ended:
            if sum(numeric[start : last + 1]) >= 3:
                found.append(expand_box(cells.hull(rows[_heading(rows, start) : last + 1]), 1))
            start = None
        if n < len(rows) and is_numeric:
            start, last = (n if start is None else start), n
    return found


def _loose(rows: Sequence[Row]) -> bool:
    """Too many rows without numbers to be parts of a table of numbers: labels, or cells of text."""
    return len(rows) > 12 or sum(len(row) == 1 for row in rows) > 3


def _broken(upper: Row, lower: Row) -> bool:
    """A wide gap, or running text."""
    gap = cells.hull([lower])[1] - cells.hull([upper])[3]
    return gap > 3 * lower[0].size or (len(lower) == 1 and len(lower[0].text.split()) > 14)


def _heading(rows: Sequence[Row], start: int) -> int:
    """The first of up to four rows over the numbers that look like headings of columns."""
    first = start
    while first > 0 and start - first < 4:
        above = rows[first - 1]
        if _broken(above, rows[first]) or any(_caption(line) for line in above):
            break
        if len(above) == 1 and (above[0].box[0] < cells.hull(rows[start : start + 1])[0] + 5):
            break  # a heading of the section, or its last sentence
        first -= 1
    return first
