"""Reciprocal rank fusion: merges ranked lists whose scores cannot be compared.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over lists of weight / (k + rank of d), ranks from 1, k = 60.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

RRF_K = 60
Ranks = Mapping[str, int]
"""Id -> rank in a list, from 1; several ids may share a rank."""


class FusedPoint(NamedTuple):
    id: str
    score: float
    ranks: Mapping[str, int]
    """List name -> rank in that list, from 1; only lists that contain the point."""


def rank_ids(ids: Iterable[str]) -> dict[str, int]:
    """Ranks of ids that are sorted best first."""
    return {identity: rank for rank, identity in enumerate(ids, start=1)}


def fuse(lists: Mapping[str, Ranks], weights: Mapping[str, float]) -> dict[str, float]:
    """Merge ranked lists: scores by id, best first; ties are broken by id, so the order is the same on every run.

    A list without a weight has weight 1; a list of weight 0 is ignored.
    """
    scores: dict[str, float] = {}
    for name, ranks in lists.items():
        if weight := weights.get(name, 1.0):
            for point, rank in ranks.items():
                scores[point] = scores.get(point, 0.0) + weight / (RRF_K + rank)
    return {point: scores[point] for _, point in sorted((-score, point) for point, score in scores.items())}
