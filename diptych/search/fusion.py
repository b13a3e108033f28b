"""Reciprocal rank fusion: merges ranked lists whose scores cannot be compared.

Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009: score(d) = sum over lists of weight / (k + rank of d), ranks from 1, k = 60.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

RRF_K = 60
Ranks = Mapping[str, int]
"""Id -> rank in a list, from 1; several ids may share a rank."""


@dataclass(frozen=True, slots=True)
class FusedPoint:
    id: str
    score: float
    ranks: Mapping[str, int]
    """List name -> rank in that list, from 1; only lists that contain the point."""


def rank_ids(ids: Iterable[str]) -> dict[str, int]:
    """Ranks of ids that are sorted best first."""
    return {identity: rank for rank, identity in enumerate(ids, start=1)}


def fuse(lists: Mapping[str, Ranks], weights: Mapping[str, float] | None = None) -> list[FusedPoint]:
    """Merge ranked lists, best first; ties are broken by id, so the order is the same on every run.

    A list without a weight has weight 1; a list of weight 0 is ignored.
    """
    ranks: dict[str, dict[str, int]] = defaultdict(dict)
    scores: dict[str, float] = defaultdict(float)
    for name, ranked in lists.items():
        weight = (weights or {}).get(name, 1.0)
        if not weight:
            continue
        for point, rank in ranked.items():
            ranks[point][name] = rank
            scores[point] += weight / (RRF_K + rank)
    order = sorted(scores, key=lambda point: (-scores[point], point))
    return [FusedPoint(point, scores[point], ranks[point]) for point in order]
