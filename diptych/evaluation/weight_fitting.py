"""Fits the weights of ranked lists and signals to a set of questions, and suggests them if they hold up.

Candidates are collected once per question; scoring other weights is then arithmetic. Weights are fitted by coordinate
search with cross-validation (Stone, "Cross-validatory choice", JRSS B 1974): the documents of each fold are judged with
weights fitted to the other folds. New weights are suggested only if the gain on held-out documents is clear, because
fitting finds something in any noise. A handful of questions hardly ever shows a clear gain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from diptych.evaluation.metrics import NDCG, ranking_metrics
from diptych.evaluation.questions import Question
from diptych.evaluation.statistics import SEED, Difference, paired_difference
from diptych.search.search import (
    BAND,
    DEFAULT_WEIGHTS,
    WEIGHT_NAMES,
    Candidates,
    EncodedQuery,
    SearchContext,
    find_candidates,
)

FACTORS = (0.0, 0.5, 2.0)
"""Multiples of the current weight that are tried."""
MAX_ROUNDS = 2
"""Passes over all lists."""
MIN_GAIN = 0.002
"""Smaller gains on the fitted questions are noise."""
FOLDS = 5
MIN_QUESTIONS, MIN_DOCUMENTS = 20, FOLDS
MAX_QUESTIONS = 150
"""Larger sets are sampled, so that fitting takes a minute or two."""
DEPTH = 25
"""Hits that are judged per question."""

Weights = tuple[float, ...]
"""One weight for each of `WEIGHT_NAMES`, in that order."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    weights: Mapping[str, float]
    """The weights to use: the current ones, unless others are clearly better."""
    changed: bool
    gain: Difference | None
    """Gain of fitted over current weights in nDCG@10 on held-out documents; None if there are too few questions."""
    reason: str
    """One sentence."""

    @property
    def toml(self) -> str:
        """The lines for diptych.toml; empty if the current weights are kept."""
        if not self.changed:
            return ""
        lines = [
            f'"{name}" = {value:g}' for name, value in self.weights.items() if value != DEFAULT_WEIGHTS.get(name, 1.0)
        ]
        return "\n".join(["[weights]", *lines])

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "weights": dict(self.weights), "toml": self.toml}


def suggest_weights(
    questions: Sequence[Question], queries: Sequence[EncodedQuery], context: SearchContext
) -> Suggestion:
    """`queries`: those of the questions, encoded for all lists."""
    rows = _sample(len(questions))
    sample = [questions[row] for row in rows]
    current = tuple({**DEFAULT_WEIGHTS, **context.weights}.get(name, 1.0) for name in WEIGHT_NAMES)
    documents = len({question.document for question in sample})
    if len(sample) < MIN_QUESTIONS or documents < MIN_DOCUMENTS:
        reason = (
            f"the current weights are kept: fitting takes at least {MIN_QUESTIONS} questions about {MIN_DOCUMENTS} "
            f"documents, not {len(sample)} about {documents}"
        )
        return Suggestion(dict(zip(WEIGHT_NAMES, current, strict=True)), False, None, reason)
    everything = replace(context, weights=dict.fromkeys(WEIGHT_NAMES, 1.0))  # a list of weight 0 would not be searched
    return fit_weights(sample, [find_candidates(queries[row], everything, BAND) for row in rows], current)


def fit_weights(questions: Sequence[Question], found: Sequence[Candidates], current: Weights) -> Suggestion:
    """Fit weights to the candidates of each question; keep `current` unless the gain holds on held-out documents."""

    @cache
    def score(weights: Weights, row: int) -> float:
        return _score(questions[row], found[row], weights)

    def fit(rows: Sequence[int]) -> Weights:
        return _climb(current, _tunable(found), lambda weights: float(np.mean([score(weights, row) for row in rows])))

    everything = range(len(questions))
    fitted, base = [0.0] * len(questions), [score(current, row) for row in everything]
    for held_out in _folds(questions):
        best = fit([row for row in everything if row not in held_out])
        for row in held_out:
            fitted[row] = score(best, row)
    gain = paired_difference(fitted, base, [question.document for question in questions])
    interval = f"{gain.mean:+.3f} nDCG@10 (95 %: {gain.low:+.3f} to {gain.high:+.3f}) by fitting, on held-out documents"
    if gain.low <= 0:
        verdict = "better than" if gain.high < 0 else "as good as"
        reason = f"the current weights are {verdict} fitted ones: {interval}"
        return Suggestion(dict(zip(WEIGHT_NAMES, current, strict=True)), False, gain, reason)
    best = fit(everything)
    reason = f"other weights are better for these documents: {interval}"
    return Suggestion(dict(zip(WEIGHT_NAMES, best, strict=True)), best != current, gain, reason)


def _tunable(found: Sequence[Candidates]) -> list[int]:
    """Indices in `WEIGHT_NAMES` of the lists and signals with any candidates."""
    measured = [values for one in found for values in (one.snapshot.lists, one.signals)]
    return [index for index, name in enumerate(WEIGHT_NAMES) if any(values.get(name) for values in measured)]


def _score(question: Question, found: Candidates, weights: Weights) -> float:
    """nDCG at the page level, or at the document level for a question without pages."""
    parts = [one.part for one in found.rank(dict(zip(WEIGHT_NAMES, weights, strict=True)), DEPTH)]
    if not question.pages:
        return ranking_metrics(list(dict.fromkeys(part.document for part in parts)), {question.document})[NDCG]
    pages = dict.fromkeys((part.document, part.page) for part in parts)
    return ranking_metrics(list(pages), {(question.document, page) for page in question.pages})[NDCG]


def _climb(start: Weights, tunable: Sequence[int], mean_score: Callable[[Weights], float]) -> Weights:
    """Change one weight at a time as long as that helps."""
    best, reached = start, mean_score(start)
    for _ in range(MAX_ROUNDS):
        before = best
        for index in tunable:
            base = start[index] or 1.0
            for value in dict.fromkeys([start[index], *(factor * base for factor in FACTORS), base]):
                tried = (*best[:index], value, *best[index + 1 :])
                if tried == best or not any(tried[at] for at in tunable):
                    continue
                mean = mean_score(tried)
                if mean > reached + MIN_GAIN:
                    best, reached = tried, mean
        if best == before:
            break
    return best


def _folds(questions: Sequence[Question]) -> list[list[int]]:
    """Indices of the questions of each fold; all questions about a document are in the same fold."""
    names = sorted({question.document for question in questions})
    np.random.default_rng(SEED).shuffle(names)
    fold = {name: index % FOLDS for index, name in enumerate(names)}
    return [[row for row, one in enumerate(questions) if fold[one.document] == index] for index in range(FOLDS)]


def _sample(questions: int) -> list[int]:
    """Indices of the questions that weights are fitted to."""
    if questions <= MAX_QUESTIONS:
        return list(range(questions))
    return sorted(map(int, np.random.default_rng(SEED).permutation(questions)[:MAX_QUESTIONS]))
