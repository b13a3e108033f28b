"""The assignment of captions to figures is the cheapest one."""

from __future__ import annotations

import math
from itertools import permutations
from random import Random

import pytest

from extractors.geometry import stretch_to_column
from extractors.layout.captions import Caption
from extractors.layout.figures.caption_matching import Candidate, cheapest_assignment, match_captions


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


def test_caption_at_the_margin_belongs_to_the_table_in_the_middle_of_the_column() -> None:
    caption = Caption("table", "table 1", "Table 1. Yield", (70, 100, 150, 110), 1, frozenset([0]))
    table, text = (200.0, 115.0, 400.0, 180.0), (70.0, 190.0, 530.0, 300.0)
    assert not match_captions([caption], [Candidate(table, is_table=True)], [text], [])
    candidate = Candidate(table, is_table=True, column=stretch_to_column(table, [text]))
    assert match_captions([caption], [candidate], [text], []) == {0: 0}
