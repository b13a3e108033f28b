"""Weights for one's own documents: fitted by coordinate search, trusted only on documents that had no part in the fit.

What was found for each question is collected once; another weighing of it is arithmetic. Every fold of documents is
judged by the weights that the other folds chose (Stone, "Cross-validatory choice", JRSS B 1974). Others than today's
are suggested only when that held-out gain is clear, which a handful of questions hardly ever shows: fitting finds
something in any noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from diptych.evaluation.metrics import scores
from diptych.evaluation.questions import Question
from diptych.evaluation.statistics import SEED, Difference, paired_difference
from diptych.search.hits import make_hits
from diptych.search.search import BAND, LISTS, WEIGHTS, Candidates, SearchContext, encode_queries, find_candidates

FACTORS = (0.0, 0.5, 2.0)
"""Of today's weight of a list: the others that are tried."""
ROUNDS = 2
"""Over all lists."""
LEAST = 0.002
"""What a change has to gain on the questions it is fitted to; smaller ones are noise."""
FOLDS = 5
FEWEST_QUESTIONS, FEWEST_DOCUMENTS = 20, FOLDS
MOST = 150
"""Questions that are fitted to, so that it takes a minute or two."""
DEPTH = 25
"""Hits of a question that are judged."""
METRIC = "ndcg@10"

Weights = tuple[float, ...]
"""One a list, in the order of `LISTS`."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    weights: Mapping[str, float]
    """What to set, by list: today's, unless others are clearly better."""
    changed: bool
    gain: Difference | None
    """Of fitted weights over today's in nDCG@10, on held-out documents; None: too few to tell."""
    reason: str
    """One sentence for people."""
    tried: int = 0
    """Questions."""

    @property
    def toml(self) -> str:
        """The lines for diptych.toml; empty when today's stay."""
        if not self.changed:
            return ""
        lines = [f'"{name}" = {value:g}' for name, value in self.weights.items() if value != WEIGHTS.get(name, 1.0)]
        return "\n".join(["[weights]", *lines])

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "weights": dict(self.weights), "toml": self.toml}


@dataclass(slots=True)
class Trials:
    """The questions with what was found for each, and the score of every weighing that was tried."""

    questions: Sequence[Question]
    found: Sequence[Candidates]
    context: SearchContext
    lists: tuple[int, ...]
    """Places in `LISTS` of those that bring anything."""
    known: dict[tuple[Weights, int], float] = field(default_factory=dict)

    def score(self, weights: Weights, rows: Sequence[int]) -> list[float]:
        return [self._score(weights, row) for row in rows]

    def mean(self, weights: Weights, rows: Sequence[int]) -> float:
        return float(np.mean(self.score(weights, rows)))

    def _score(self, weights: Weights, row: int) -> float:
        if (weights, row) not in self.known:
            self.known[weights, row] = self._judged(weights, row)
        return self.known[weights, row]

    def _judged(self, weights: Weights, row: int) -> float:
        """At the level of pages, or of documents where no page is known."""
        question, found = self.questions[row], self.found[row]
        order = found.rank(dict(zip(LISTS, weights, strict=True)), DEPTH)
        hits = make_hits(order, self.context.pictures)
        judged = scores(question, hits, "page" if question.pages else "document")
        return judged[METRIC] if judged else 0.0


def suggest(questions: Sequence[Question], context: SearchContext) -> Suggestion:
    """Weights for these documents; see the head of this file."""
    chosen = _sample(questions)
    today = tuple({**WEIGHTS, **context.weights}.get(name, 1.0) for name in LISTS)
    named = dict(zip(LISTS, today, strict=True))
    documents = len({question.document for question in chosen})
    if len(chosen) < FEWEST_QUESTIONS or documents < FEWEST_DOCUMENTS:
        return Suggestion(
            named, False, None,
            f"today's weights stay: {len(chosen)} questions about {documents} documents are too few to fit any; "
            f"{FEWEST_QUESTIONS} about {FEWEST_DOCUMENTS} are the least",
            len(chosen),
        )  # fmt: skip
    everything = replace(context, weights=dict.fromkeys(LISTS, 1.0))  # a list of weight 0 would not be searched
    found = [find_candidates(one, everything, BAND) for one in encode_queries([q.query for q in chosen], everything)]
    return fitted(chosen, found, context, today)


def fitted(
    questions: Sequence[Question], found: Sequence[Candidates], context: SearchContext, today: Weights
) -> Suggestion:
    """The weights that fit what was found, if the gain holds on documents that were not fitted to."""
    held = {name for one in found for name in (*(n for n, ranks in one.lists.items() if ranks), *_telling(one))}
    trials = Trials(questions, found, context, tuple(at for at, name in enumerate(LISTS) if name in held))
    everything = range(len(questions))
    gained, base = [0.0] * len(questions), trials.score(today, everything)
    for rows in _folds(questions):
        seen = [row for row in everything if row not in set(rows)]
        best = _climb(trials, today, seen)
        for row, value in zip(rows, trials.score(best, rows), strict=True):
            gained[row] = value
    gain = paired_difference(gained, base, [question.document for question in questions])
    told = f"{gain.mean:+.3f} nDCG@10 (95 %: {gain.low:+.3f} to {gain.high:+.3f}) on documents that were not fitted to"
    if gain.low <= 0:
        than = "better than" if gain.high < 0 else "as good as"
        reason = f"today's weights are {than} fitted ones, which bring {told}"
        return Suggestion(dict(zip(LISTS, today, strict=True)), False, gain, reason, len(questions))
    best = _climb(trials, today, everything)
    reason = f"other weights are better here: {told}"
    return Suggestion(dict(zip(LISTS, best, strict=True)), best != today, gain, reason, len(questions))


def _telling(found: Candidates) -> list[str]:
    """The kinds of evidence that tell pages apart."""
    return [kind for kind, values in found.signals.items() if values]


def _climb(trials: Trials, start: Weights, rows: Sequence[int]) -> Weights:
    """One weight at a time, as long as that helps."""
    best, reached = start, trials.mean(start, rows)
    for _ in range(ROUNDS):
        before = best
        for at in trials.lists:
            base = start[at] or 1.0
            for value in dict.fromkeys([start[at], *(factor * base for factor in FACTORS), base]):
                tried = (*best[:at], value, *best[at + 1 :])
                if tried == best or not any(tried[place] for place in trials.lists):
                    continue
                mean = trials.mean(tried, rows)
                if mean > reached + LEAST:
                    best, reached = tried, mean
        if best == before:
            break
    return best


def _folds(questions: Sequence[Question]) -> list[list[int]]:
    """Rows by fold; all questions about one document are in one."""
    names = sorted({question.document for question in questions})
    np.random.default_rng(SEED).shuffle(names)
    fold = {name: place % FOLDS for place, name in enumerate(names)}
    return [[row for row, one in enumerate(questions) if fold[one.document] == place] for place in range(FOLDS)]


def _sample(questions: Sequence[Question]) -> list[Question]:
    """At most `MOST`, drawn alike over all documents."""
    if len(questions) <= MOST:
        return list(questions)
    rows = np.random.default_rng(SEED).permutation(len(questions))[:MOST]
    return [questions[row] for row in sorted(rows)]
