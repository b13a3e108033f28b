"""Reciprocal rank fusion: one list out of many whose scores cannot be compared.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over lists of weight / (k + rank of d), ranks from 1, k = 60.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

K = 60


@dataclass(frozen=True, slots=True)
class Fused:
    id: str
    score: float
    ranks: Mapping[str, int]
    """List name -> rank in it, from 1; only the lists that hold it."""


Ranks = Mapping[str, int]
"""Id -> rank in a list, from 1; ids may share a rank."""


def ranked(ids: Iterable[str]) -> dict[str, int]:
    """The ranks of a list that is in order, best first."""
    return {identity: rank for rank, identity in enumerate(ids, start=1)}


def fuse(lists: Mapping[str, Ranks], weights: Mapping[str, float] | None = None, k: int = K) -> list[Fused]:
    """Merge ranked lists, best first; ties go by id, so that the order is the same on every run.

    A list without a weight counts once; a list of weight 0 is left out.
    """
    ranks: dict[str, dict[str, int]] = {}
    scores: dict[str, float] = {}
    for name, held in lists.items():
        weight = (weights or {}).get(name, 1.0)
        if not weight:
            continue
        for point, rank in held.items():
            ranks.setdefault(point, {})[name] = rank
            scores[point] = scores.get(point, 0.0) + weight / (k + rank)
    order = sorted(scores, key=lambda point: (-scores[point], point))
    return [Fused(point, scores[point], ranks[point]) for point in order]
