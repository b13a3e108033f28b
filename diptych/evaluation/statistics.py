"""Pure: how sure a mean over questions is, and whether two arms differ.

Questions about one document stand and fall together, so whole documents are drawn, not single questions (the cluster
bootstrap: Field and Welsh, "Bootstrapping clustered data", JRSS B 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 20
FEW = 8
"""With fewer documents than these, questions are drawn: a handful of clusters says nothing about their spread."""


@dataclass(frozen=True, slots=True)
class Interval:
    mean: float
    low: float
    """2.5th percentile of the bootstrap's means."""
    high: float
    """97.5th."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of two arms over the same questions, first minus second."""

    mean: float
    low: float
    high: float
    better: int
    """Questions on which the first is better."""
    worse: int

    @property
    def clear(self) -> bool:
        """The interval leaves zero out."""
        return self.low > 0 or self.high < 0


def mean_interval(values: Sequence[float], documents: Sequence[str]) -> Interval:
    """The mean of one value a question with its 95 % interval; `documents`: what each question is about."""
    means = _means(np.asarray(values, float), documents)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(np.mean(values)), float(low), float(high))


def paired_difference(first: Sequence[float], second: Sequence[float], documents: Sequence[str]) -> Difference:
    """Paired: the same questions under two arms."""
    change = np.asarray(first, float) - np.asarray(second, float)
    found = mean_interval([float(one) for one in change], documents)
    return Difference(found.mean, found.low, found.high, int((change > 0).sum()), int((change < 0).sum()))


def _means(values: NDArray[np.float64], documents: Sequence[str]) -> NDArray[np.float64]:
    """The mean in each draw, with replacement, of as many documents as there are."""
    names, groups = np.unique(np.asarray(documents), return_inverse=True)
    if len(names) < FEW:
        groups = np.arange(len(values))
    sums, sizes = np.bincount(groups, weights=values), np.bincount(groups)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), (DRAWS, len(sums)))
    return np.asarray(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), float)
