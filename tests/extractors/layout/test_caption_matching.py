"""The assignment of captions to figures is the cheapest one."""

from __future__ import annotations

import math
from itertools import permutations
from random import Random

import pytest

from extractors.layout.caption_matching import cheapest_assignment


def test_cheapest_assignment_is_not_the_greedy_one() -> None:
    costs = [[1.0, 2.0, 90.0], [1.5, 50.0, 90.0], [math.inf, math.inf, math.inf]]
    total, pairs = cheapest_assignment(costs, unmatched=100)
    assert pairs == {0: 1, 1: 0}
    assert total == 2.0 + 1.5 + 100


def test_assignment_costs_as_little_as_the_best_of_all_permutations() -> None:
    random = Random(5)
    for _ in range(30):
        rows, columns = random.randint(1, 4), random.randint(1, 5)
        costs = [[random.uniform(0, 150) for _ in range(columns)] for _ in range(rows)]
        slots = [*range(columns), *[None] * rows]
        best = min(
            sum(min(costs[r][c], 1e9) if c is not None else 100.0 for r, c in enumerate(choice))
            for choice in permutations(slots, rows)
        )
        assert cheapest_assignment(costs, unmatched=100)[0] == pytest.approx(best)
