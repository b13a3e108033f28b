"""The kinds of retrieval that are compared. Each arm is the search with some of its ranked lists left out."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diptych.evaluation.metrics import LEVELS, Level, score_hits
from diptych.evaluation.questions import Question
from diptych.search.fusion import FusedPoint
from diptych.search.hits import Hit, RankedPoint, make_hits
from diptych.search.query import Query
from diptych.search.search import BAND, WEIGHT_NAMES, SearchContext, search
from diptych.store.register import is_visible, load_records
from diptych.store.types import Payload
from diptych.vectors import Vectors

FUSED = "fused"
ARMS: dict[str, tuple[str, ...]] = {
    FUSED: WEIGHT_NAMES,
    "passages": ("text.dense", "text.bm25"),
    "bm25": ("text.bm25", "images.bm25"),
    "dense": ("text.dense", "images.description"),
    "descriptions": ("images.description", "images.bm25"),
    "pixels": ("images.visual",),
}
"""Arm -> the lists it uses. Only `fused`, the search as it is, uses the signals of pages."""
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
    """Mean time per question, including encoding."""
    spent: float | None = 0.0
    """US dollars for all questions; None if unknown."""

    def values(self, level: Level, metric: str) -> dict[int, float]:
        """Index of the question -> value."""
        return {index: scores[metric] for index, scores in enumerate(self.scores[level]) if scores is not None}


def available_arms(context: SearchContext) -> list[str]:
    """The arms that the store supports: `pixels` needs an image encoder, `captions` needs captions."""
    names = [name for name in ARMS if name != "pixels" or context.spaces.images]
    return [*names, CAPTIONS] if any(_caption(payload) for _, payload in _visible_pictures(context, None)) else names


def run_arm(arm: str, questions: Sequence[Question], context: SearchContext) -> ArmRun:
    start = time.perf_counter()
    if arm == CAPTIONS:
        found = search_captions([question.query for question in questions], context)
    else:
        unused = {name: 0.0 for name in WEIGHT_NAMES if name not in ARMS[arm]}
        narrowed = replace(context, weights={**context.weights, **unused})
        found = [search([question.query], narrowed, DEPTH)[0] for question in questions]
    seconds = (time.perf_counter() - start) / len(questions)
    scores = {
        level: tuple(score_hits(question, hits, level) for question, hits in zip(questions, found, strict=True))
        for level in LEVELS
    }
    return ArmRun(arm, tuple(tuple(hits) for hits in found), scores, seconds)


def search_captions(queries: Sequence[Query], context: SearchContext) -> list[list[Hit]]:
    """Pictures by the meaning of their captions only, by exhaustive comparison."""
    encoder = context.spaces.text
    captioned: dict[object, tuple[list[tuple[str, Payload]], Vectors]] = {}
    results: list[list[Hit]] = []
    for query in queries:
        if query.where not in captioned:
            found = [(id_, payload) for id_, payload in _visible_pictures(context, query) if _caption(payload)]
            captioned[query.where] = found, encoder.encode_texts([_caption(payload) for _, payload in found])
        pictures, vectors = captioned[query.where]
        if not query.text.strip() or not pictures:
            results.append([])
            continue
        scores = vectors @ encoder.encode_texts([query.text], query=True)[0]
        points = [
            RankedPoint(FusedPoint(pictures[row][0], 1 / rank, {CAPTIONS: rank}), pictures[row][1])
            for rank, row in enumerate(np.argsort(-scores, kind="stable")[:DEPTH], start=1)
        ]
        results.append(make_hits(points, context.pictures))
    return results


def _visible_pictures(context: SearchContext, query: Query | None) -> list[tuple[str, Payload]]:
    """(id, payload), sorted by id."""
    points = list(context.store.images.scroll(query.where if query else None))
    records = load_records(context.store, {point.payload["document_id"] for point in points})
    visible = ((point.id, point.payload) for point in points if is_visible(point.payload, point.id, records))
    return sorted(visible, key=lambda item: item[0])


def _caption(payload: Payload) -> str:
    return "\n".join(filter(None, [payload["caption"], payload.get("model_caption", "")]))
