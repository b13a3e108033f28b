"""The kinds of retrieval that are compared. Each arm is the search with some of its ranked lists left out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diptych.evaluation.metrics import LEVELS, Level, score_hits
from diptych.evaluation.questions import Question
from diptych.search.hits import Hit, RankedPoint, Results, make_hits
from diptych.search.ranking.fusion import FusedPoint
from diptych.search.search import BAND, WEIGHT_NAMES, EncodedQuery, SearchContext, search_encoded
from diptych.store.types import TEXT_VECTOR, Payload
from diptych.store.visible_points import visible_points
from diptych.vectors import Vectors
from diptych.where import Expression

FUSED = "fused"
ARMS: dict[str, tuple[str, ...]] = {
    FUSED: WEIGHT_NAMES,
    "passages": ("text.dense", "text.bm25"),
    "bm25": ("text.bm25", "images.bm25"),
    "dense": ("text.dense", "images.description"),
    "descriptions": ("images.description", "images.bm25"),
    "pixels": ("images.visual",),
    "pages": ("images.patches",),
}
"""Arm -> the lists it uses. Only `fused`, the search without a reranker, uses the signals of pages."""
RERANKED = "reranked"
"""Another arm: the search with its reranker."""
CAPTIONS = "captions"
"""Another arm: pictures by their captions only, printed captions and model captions."""
DEPTH = BAND
"""Hits that are judged per question."""


@dataclass(frozen=True, slots=True)
class ArmRun:
    """The hits of one arm for all questions, and their scores."""

    arm: str
    hits: tuple[tuple[Hit, ...], ...]
    """Hits per question, best first."""
    scores: Mapping[Level, tuple[Mapping[str, float] | None, ...]]
    """Level -> scores per question; None where a question has no answer at that level."""
    seconds: float
    """Mean time per question, without encoding."""
    problem: str = ""
    """Why a question was not reranked."""

    def values(self, level: Level, metric: str) -> dict[int, float]:
        """Index of the question -> value."""
        return {index: scores[metric] for index, scores in enumerate(self.scores[level]) if scores is not None}


def available_arms(context: SearchContext) -> list[str]:
    """The arms that the store supports: `pixels` and `pages` need an encoder, `captions` needs captions."""
    encoders = {"pixels": context.spaces.images, "pages": context.spaces.pages}
    names = [name for name in ARMS if encoders.get(name, True)]
    names += [RERANKED] if context.reranker else []
    return [*names, CAPTIONS] if any(_caption(payload) for _, payload in _visible_pictures(context, None)) else names


def run_arm(arm: str, questions: Sequence[Question], queries: Sequence[EncodedQuery], context: SearchContext) -> ArmRun:
    """`queries`: those of the questions, encoded once for all arms."""
    start = time.perf_counter()
    found: Sequence[Results[Hit]]
    if arm == CAPTIONS:
        found = list(map(Results, search_captions(queries, context)))
    else:
        found = search_encoded(queries, narrow(context, arm), DEPTH)
    seconds = (time.perf_counter() - start) / len(questions)
    scores = {
        level: tuple(score_hits(question, hits, level) for question, hits in zip(questions, found, strict=True))
        for level in LEVELS
    }
    problem = next((hits.problem for hits in found if hits.problem), "")
    return ArmRun(arm, tuple(tuple(hits) for hits in found), scores, seconds, problem)


def narrow(context: SearchContext, arm: str) -> SearchContext:
    """The context with only the lists that the arm uses."""
    if arm == CAPTIONS:  # compares vectors of texts
        return replace(context, weights={**dict.fromkeys(WEIGHT_NAMES, 0.0), "text.dense": 1.0})
    if arm == RERANKED:
        return context
    unused = {name: 0.0 for name in WEIGHT_NAMES if name not in ARMS[arm]}
    return replace(context, weights={**context.weights, **unused}, reranker=None)


def search_captions(queries: Sequence[EncodedQuery], context: SearchContext) -> list[list[Hit]]:
    """Pictures by the meaning of their captions only, by exhaustive comparison."""
    captioned: dict[object, tuple[list[tuple[str, Payload]], Vectors]] = {}
    results: list[list[Hit]] = []
    for query in queries:
        where = query.query.filter
        if where not in captioned:
            found = [(id_, payload) for id_, payload in _visible_pictures(context, where) if _caption(payload)]
            captions = [_caption(payload) for _, payload in found]
            captioned[where] = found, context.spaces.text.encode_texts(captions)
        pictures, vectors = captioned[where]
        vector = query.vectors.get(TEXT_VECTOR) if query.query.text.strip() else None
        if vector is None or not pictures:
            results.append([])
            continue
        scores = vectors @ vector
        points = [
            RankedPoint(FusedPoint(pictures[row][0], 1 / rank, {CAPTIONS: rank}), pictures[row][1])
            for rank, row in enumerate(np.argsort(-scores, kind="stable")[:DEPTH], start=1)
        ]
        results.append(make_hits(points, context.pictures))
    return results


def _visible_pictures(context: SearchContext, where: Expression | None) -> list[tuple[str, Payload]]:
    """(id, payload), sorted by id."""
    found = visible_points(context.store, [context.store.images], context.resolve(where))
    return [(point.id, point.payload) for point in found]


def _caption(payload: Payload) -> str:
    return "\n".join(filter(None, [payload["caption"], payload.get("model_caption", "")]))
