"""The kinds of retrieval that are compared: each is the search with some of its ranked lists left out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diptych.evaluation.metrics import LEVELS, Level, scores
from diptych.evaluation.questions import Question
from diptych.search.fusion import FusedPoint
from diptych.search.hits import Hit, RankedPoint, make_hit
from diptych.search.query import Query
from diptych.search.search import BAND, LISTS, SearchContext, search
from diptych.store.register import is_visible, load_records
from diptych.store.types import Payload
from diptych.vectors import Vectors

FUSED = "fused"
ARMS: dict[str, tuple[str, ...]] = {
    FUSED: LISTS,
    "passages": ("text.dense", "text.bm25"),
    "bm25": ("text.bm25", "images.bm25"),
    "dense": ("text.dense", "images.description"),
    "descriptions": ("images.description", "images.bm25"),
    "pixels": ("images.visual",),
}
"""Name -> the lists that count. Only `fused`, the search as it is, ranks by the evidence of whole pages too."""
CAPTIONS = "captions"
"""An arm of its own: pictures by nothing but their captions, printed and the vision model's."""
DEPTH = BAND
"""Hits of a question that are judged: those of one search."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One arm over all questions."""

    arm: str
    hits: tuple[tuple[Hit, ...], ...]
    """A question's hits, best first."""
    scores: Mapping[Level, tuple[Mapping[str, float] | None, ...]]
    """By level, one a question; None where the question says nothing at that level."""
    seconds: float
    """A question, on the average, its encoding included."""
    spent: float | None = 0.0
    """US dollars for all questions; None: unknown."""

    def values(self, level: Level, metric: str) -> dict[int, float]:
        """Place of the question -> value."""
        return {row: one[metric] for row, one in enumerate(self.scores[level]) if one is not None}


def arms_of(context: SearchContext) -> list[str]:
    """The arms that the store can run: pixels only with an encoder of pixels, captions only where there are any."""
    names = [name for name in ARMS if name != "pixels" or context.spaces.images]
    return [*names, CAPTIONS] if any(_caption(payload) for _, payload in _pictures(context, None)) else names


def run(arm: str, questions: Sequence[Question], context: SearchContext) -> Ran:
    """Put every question to one arm."""
    start = time.perf_counter()
    if arm == CAPTIONS:
        found = by_captions([one.query for one in questions], context)
    else:
        weights = {name: 0.0 for name in LISTS if name not in ARMS[arm]}
        narrowed = replace(context, weights={**context.weights, **weights})
        found = [search([question.query], narrowed, DEPTH)[0] for question in questions]
    seconds = (time.perf_counter() - start) / len(questions)
    judged = {
        level: tuple(scores(question, hits, level) for question, hits in zip(questions, found, strict=True))
        for level in LEVELS
    }
    return Ran(arm, tuple(tuple(hits) for hits in found), judged, seconds)


def by_captions(queries: Sequence[Query], context: SearchContext) -> list[list[Hit]]:
    """Pictures by the meaning of their captions alone, compared one with all."""
    encoder = context.spaces.text
    held: dict[object, tuple[list[tuple[str, Payload]], Vectors]] = {}
    answers: list[list[Hit]] = []
    for query in queries:
        if query.where not in held:
            told = [(name, payload) for name, payload in _pictures(context, query) if _caption(payload)]
            held[query.where] = told, encoder.encode_texts([_caption(payload) for _, payload in told])
        told, vectors = held[query.where]
        if not query.text.strip() or not told:
            answers.append([])
            continue
        order = np.argsort(-(vectors @ encoder.encode_texts([query.text], query=True)[0]), kind="stable")[:DEPTH]
        answers.append(
            [
                make_hit(
                    rank,
                    RankedPoint(FusedPoint(told[row][0], 1 / rank, {CAPTIONS: rank}), told[row][1]),
                    context.pictures,
                )
                for rank, row in enumerate(order, start=1)
            ]
        )
    return answers


def _pictures(context: SearchContext, query: Query | None) -> list[tuple[str, Payload]]:
    """Every picture that counts, with its id, by id."""
    points = list(context.index.images.scroll(query.where if query else None))
    live = load_records(context.index, {point.payload["document_id"] for point in points})
    counted = ((point.id, point.payload) for point in points if is_visible(point.payload, point.id, live))
    return sorted(counted, key=lambda one: one[0])


def _caption(payload: Payload) -> str:
    return "\n".join(filter(None, [payload["caption"], payload.get("model_caption", "")]))
