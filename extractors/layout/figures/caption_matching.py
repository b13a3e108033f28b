"""Which caption belongs to which figure or table.

In: the captions of a page, candidates, and the text between them. Out: pairs of indices. The whole page is assigned at
the least total cost; taking the nearest candidate first would let one caption steal another's figure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from extractors.geometry import area, coverage, gaps, horizontal_overlap, overlap_area, vertical_overlap
from extractors.layout.captions import Caption
from extractors.types import Box

# Costs are distances in points; whatever is unusual adds to them.
_UNMATCHED = 320.0  # a caption without a figure: no figure is farther away than this
_CAPTIONS_ABOVE = 20.0  # all figures of the page have their captions above: rarer than below
_WRONG_SIDE = 45.0  # one caption is on the other side: below a table, or unlike the other figures of the page
_WRONG_KIND = 80.0  # a table may be printed as an image, and a figure drawn as a grid
_BESIDE = 25.0  # the caption stands beside its figure
_OVER_NOTE = 30.0  # for each short text between a caption and its figure
_OFF_CENTRE = 0.15  # for each point between the centres: a caption under one half of a wide figure is odd
_ON_FIGURE, _MIN_ON_FIGURE = 15.0, 0.5  # the caption covers the figure; share of the caption from which it does

_MIN_ALIGNED = 0.3  # share of the smaller extent that a caption and its figure have in common
_MIN_BLOCKED, _MIN_CORRIDOR_BLOCKED = 0.25, 0.3  # shares of a text in the corridor, and of the corridor under the text


@dataclass(frozen=True, slots=True)
class Candidate:
    """A region or table that a caption can belong to."""

    box: Box
    is_table: bool = False
    penalty: float = 0.0  # extra cost of something that is a figure only if a caption says so
    column: Box | None = None  # `box` as wide as the column of text that it stands in


def match_captions(
    captions: Sequence[Caption], candidates: Sequence[Candidate], barriers: Sequence[Box], notes: Sequence[Box]
) -> dict[int, int]:
    """Index of caption -> index of candidate.

    No caption is matched across `barriers` (other captions among them); `notes`, short texts that may belong to the
    figure, only add to the cost.
    The captions of a page tend to be on one side of their figures: both sides are tried, the cheaper result counts.
    """
    if not captions or not candidates:
        return {}
    options = []
    for above in (False, True):
        costs = [[_cost(caption, other, barriers, notes, above) for other in candidates] for caption in captions]
        total, pairs = cheapest_assignment(costs, _UNMATCHED)
        options.append((total + _CAPTIONS_ABOVE * above, above, pairs))
    return min(options)[2]


def cheapest_assignment(costs: Sequence[Sequence[float]], unmatched: float) -> tuple[float, dict[int, int]]:
    """The total cost and the pairs row -> column, each used at most once. A row left over costs `unmatched`."""
    # Every row has a column of its own for being left over, so that there are always enough columns.
    spare = [unmatched] * len(costs)
    capped = [[*(min(cost, unmatched) for cost in row), *spare] for row in costs]
    pairs: dict[int, int] = {}  # column -> row
    row_prices, column_prices = [0.0] * len(capped), [0.0] * len(capped[0])
    for row in range(len(capped)):
        _add_row(row, capped, pairs, row_prices, column_prices)
    chosen = {row: column for column, row in sorted(pairs.items()) if capped[row][column] < unmatched}
    return sum(capped[row][chosen[row]] if row in chosen else unmatched for row in range(len(costs))), chosen


def _add_row(
    row: int, costs: list[list[float]], pairs: dict[int, int], row_prices: list[float], column_prices: list[float]
) -> None:
    """One step of the Hungarian method (Jonker and Volgenant 1987): the shortest path to a free column."""
    distances = [math.inf] * len(column_prices)
    before: list[int | None] = [None] * len(column_prices)
    reached: dict[int, float] = {}  # column -> its distance
    column, distance, current = None, 0.0, row
    while True:
        for other, price in enumerate(column_prices):
            length = distance + costs[current][other] - row_prices[current] - price
            if other not in reached and length < distances[other]:
                distances[other], before[other] = length, column
        column = min((other for other in range(len(distances)) if other not in reached), key=distances.__getitem__)
        distance = reached[column] = distances[column]
        if column not in pairs:
            break
        current = pairs[column]
    row_prices[row] += distance
    for other, length in reached.items():
        if other in pairs:
            row_prices[pairs[other]] += distance - length
        column_prices[other] += length - distance
    while (previous := before[column]) is not None:
        pairs[column] = pairs[previous]
        column = previous
    pairs[column] = row


def _cost(caption: Caption, candidate: Candidate, barriers: Sequence[Box], notes: Sequence[Box], above: bool) -> float:
    """The cost of a pair, infinite when the two cannot belong together."""
    box, region = caption.box, candidate.box
    if not horizontal_overlap(box, region) > _MIN_ALIGNED and not vertical_overlap(box, region):
        region = candidate.column or region  # the caption is at the margin, its table in the middle
    across, down = gaps(box, region)
    for_table = caption.kind == "table"
    cost = candidate.penalty + (_WRONG_KIND if for_table != candidate.is_table else 0.0)
    if horizontal_overlap(box, region) > _MIN_ALIGNED:
        is_above = (box[1] + box[3]) / 2 < (region[1] + region[3]) / 2
        cost += down + (_WRONG_SIDE if is_above != (for_table or above) else 0.0)
        cost += _OFF_CENTRE * abs((box[0] + box[2]) - (candidate.box[0] + candidate.box[2])) / 2
        if down == 0 and coverage(box, region) > _MIN_ON_FIGURE:
            cost += _ON_FIGURE
    elif vertical_overlap(box, region) > _MIN_ALIGNED:
        cost += across + _BESIDE
    else:
        return math.inf
    corridor = corridor_between(box, region)
    if corridor is None:
        return cost
    if any(_blocks(barrier, corridor) for barrier in barriers):
        return math.inf
    return cost + _OVER_NOTE * sum(_blocks(note, corridor) for note in notes)


def corridor_between(a: Box, b: Box) -> Box | None:
    """The space between two boxes that are side by side or one above the other; None when they touch."""
    across, down = gaps(a, b)
    if down > 0 and across == 0:
        return (max(a[0], b[0]), min(a[3], b[3]), min(a[2], b[2]), max(a[1], b[1]))
    if across > 0 and down == 0:
        return (min(a[2], b[2]), max(a[1], b[1]), max(a[0], b[0]), min(a[3], b[3]))
    return None


def _blocks(text: Box, corridor: Box) -> bool:
    shared = overlap_area(text, corridor)
    return coverage(text, corridor) > _MIN_BLOCKED or shared > _MIN_CORRIDOR_BLOCKED * max(area(corridor), 1.0)
