"""Confidence intervals of means over questions, and of differences between arms. Pure functions.

Questions about one document succeed and fail together, so the bootstrap draws whole documents, not single questions
(cluster bootstrap: Field and Welsh, "Bootstrapping clustered data", JRSS B 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 20
MIN_DOCUMENTS = 8
"""With fewer documents, questions are drawn instead, because a handful of clusters says nothing about their spread."""
MIN_QUESTIONS = 8
"""With fewer questions, an interval from a bootstrap says nothing: that of a single question has no width."""


@dataclass(frozen=True, slots=True)
class Interval:
    mean: float
    low: float
    """2.5th percentile of the bootstrap means."""
    high: float
    """97.5th percentile."""
    questions: int

    @property
    def reliable(self) -> bool:
        """Whether there are enough questions for an interval."""
        return self.questions >= MIN_QUESTIONS


@dataclass(frozen=True, slots=True)
class Difference(Interval):
    """Two arms compared on the same questions, first minus second."""

    better: int
    """Questions on which the first arm is better."""
    worse: int

    @property
    def clear(self) -> bool:
        """Whether the interval is reliable and excludes zero."""
        return self.reliable and (self.low > 0 or self.high < 0)


def mean_interval(values: Sequence[float], documents: Sequence[str]) -> Interval:
    """The mean of one value per question, with a 95 % interval; `documents` are those of the questions."""
    means = _bootstrap_means(np.asarray(values, float), documents)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(np.mean(values)), float(low), float(high), len(values))


def paired_difference(first: Sequence[float], second: Sequence[float], documents: Sequence[str]) -> Difference:
    change = np.asarray(first, float) - np.asarray(second, float)
    found = mean_interval([float(value) for value in change], documents)
    better, worse = int((change > 0).sum()), int((change < 0).sum())
    return Difference(found.mean, found.low, found.high, found.questions, better, worse)


def _bootstrap_means(values: NDArray[np.float64], documents: Sequence[str]) -> NDArray[np.float64]:
    """The mean of each draw of as many documents as there are, with replacement."""
    names, clusters = np.unique(np.asarray(documents), return_inverse=True)
    if len(names) < MIN_DOCUMENTS:
        clusters = np.arange(len(values))
    sums, sizes = np.bincount(clusters, weights=values), np.bincount(clusters)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), (DRAWS, len(sums)))
    return np.asarray(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), float)
