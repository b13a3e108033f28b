"""Which caption belongs to which region: the cheapest assignment of the whole page, never the nearest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from extractors import geometry
from extractors.layout.captions import Caption
from extractors.types import Box

_UNMATCHED = 320.0
"""Points that leaving a caption without a figure costs: no figure is farther away than this."""
_WRONG_SIDE = 45.0
"""Captions stand below figures and above tables, unless the page as a whole says otherwise."""
_WRONG_KIND = 80.0
"""A table may be printed as a picture, and a figure drawn as a grid."""
_BESIDE = 25.0
_OVER_NOTES = 30.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that a caption can belong to."""

    box: Box
    table: bool = False
    penalty: float = 0.0
    """Of what is a figure only if a caption says so."""


@dataclass(frozen=True, slots=True)
class Barriers:
    """Text that stands on the page."""

    firm: Sequence[Box]
    """Nothing belongs together across these."""
    soft: Sequence[Box] = ()
    """A few words, perhaps the figure's own notes: a caption may stand beyond them, but rather does not."""


def match(captions: Sequence[Caption], candidates: Sequence[Candidate], barriers: Barriers) -> dict[int, int]:
    """Index of caption -> index of candidate, each at most once, at the least total cost.

    Captions of a page agree on their side: the assignment is made with captions below and with captions above
    the figures, and the cheaper one stands.
    """
    options = []
    for above in (False, True):
        costs = [
            [_cost(caption, candidate, captions, barriers, above) for candidate in candidates] for caption in captions
        ]
        total, pairs = assign(costs, _UNMATCHED)
        options.append((total + (20 if above else 0), above, pairs))
    return min(options, key=lambda option: option[:2])[2]


def _cost(
    caption: Caption, candidate: Candidate, captions: Sequence[Caption], barriers: Barriers, above: bool
) -> float:
    """Points of distance, with penalties for the unusual; infinite when they cannot belong together."""
    box, region = caption.box, candidate.box
    across, down = geometry.gaps(box, region)
    centre = (region[1] + region[3]) / 2
    is_table = caption.kind == "table"
    cost = candidate.penalty + (_WRONG_KIND if is_table != candidate.table else 0.0)
    if geometry.horizontal_overlap(box, region) > 0.3:
        before = (box[1] + box[3]) / 2 < centre
        cost += down + (_WRONG_SIDE if before != (is_table or above) else 0.0)
        # A caption under one half of a wide figure is odd, and so is one that sticks far out.
        cost += 0.15 * abs((box[0] + box[2]) - (region[0] + region[2])) / 2
        if down == 0 and geometry.coverage(box, region) > 0.5:
            cost += 15
    elif geometry.vertical_overlap(box, region) > 0.3:
        cost += across + _BESIDE
    else:
        return math.inf
    corridor = between(box, region)
    if corridor is not None:
        if any(_blocks(barrier, corridor) for barrier in barriers.firm):
            return math.inf
        cost += _OVER_NOTES * sum(_blocks(barrier, corridor) for barrier in barriers.soft)
        if any(_blocks(other.box, corridor) for other in captions if other is not caption):
            return math.inf
    return cost


def between(a: Box, b: Box) -> Box | None:
    """The space that separates two boxes; None when they touch."""
    across, down = geometry.gaps(a, b)
    if down > 0 and across == 0:
        return (max(a[0], b[0]), min(a[3], b[3]), min(a[2], b[2]), max(a[1], b[1]))
    if across > 0 and down == 0:
        return (min(a[2], b[2]), max(a[1], b[1]), max(a[0], b[0]), min(a[3], b[3]))
    return None


def _blocks(box: Box, corridor: Box) -> bool:
    return geometry.coverage(box, corridor) > 0.25 or geometry.area(geometry.intersection(box, corridor)) > 0.3 * max(
        geometry.area(corridor), 1.0
    )


def assign(costs: Sequence[Sequence[float]], unmatched: float) -> tuple[float, dict[int, int]]:
    """The cheapest assignment of rows to columns, each used at most once; a row left over costs `unmatched`.

    Hungarian method with potentials (Kuhn 1955, in the O(n²m) form), one private column a row for being left over.
    """
    rows = len(costs)
    columns = len(costs[0]) if rows else 0
    wide = columns + rows
    barred = 1e9
    table = [
        [*(min(c, barred) for c in row), *(unmatched if other == number else barred for other in range(rows))]
        for number, row in enumerate(costs)
    ]
    left, right = [0.0] * (rows + 1), [0.0] * (wide + 1)
    owner = [0] * (wide + 1)
    for row in range(1, rows + 1):
        _augment(table, row, wide, left, right, owner)
    pairs = {owner[c] - 1: c - 1 for c in range(1, columns + 1) if owner[c] and table[owner[c] - 1][c - 1] < unmatched}
    total = sum(table[r][pairs[r]] if r in pairs else unmatched for r in range(rows))
    return total, pairs


def _augment(
    table: list[list[float]], row: int, wide: int, left: list[float], right: list[float], owner: list[int]
) -> None:
    """Find `row` (from 1) a column, moving earlier rows where that is cheaper. Changes the last three lists."""
    owner[0] = row
    column = 0
    least = [math.inf] * (wide + 1)
    came_from = [0] * (wide + 1)
    used = [False] * (wide + 1)
    while owner[column]:
        used[column] = True
        current = owner[column]
        step, following = math.inf, 0
        for c in range(1, wide + 1):
            if used[c]:
                continue
            reduced = table[current - 1][c - 1] - left[current] - right[c]
            if reduced < least[c]:
                least[c], came_from[c] = reduced, column
            if least[c] < step:
                step, following = least[c], c
        for c in range(wide + 1):
            if used[c]:
                left[owner[c]] += step
                right[c] -= step
            else:
                least[c] -= step
        column = following
    while column:
        owner[column] = owner[came_from[column]]
        column = came_from[column]
