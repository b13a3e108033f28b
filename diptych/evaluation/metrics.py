"""Metrics of a list of hits at the level of documents, pages and figures. Pure functions.

A list is judged by its distinct units (documents, pages or figures) in the order of their first hit. Recall@k: share of
wanted units among the first k. MRR: 1 / rank of the first wanted unit, 0 if there is none (Voorhees, TREC-8 question
answering track, 1999). nDCG@k: binary gains, discount 1 / log2(rank + 1), divided by that of the best order (Järvelin
and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002).
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

from diptych.evaluation.questions import Box, Question
from diptych.search.hits import Hit
from extractors.geometry import area, intersection

Level = Literal["document", "page", "figure"]
LEVELS: tuple[Level, ...] = ("document", "page", "figure")
RECALL_AT = (1, 3, 5, 10)
NDCG_AT = 10
NDCG = f"ndcg@{NDCG_AT}"
METRICS = (*(f"recall@{k}" for k in RECALL_AT), "mrr", NDCG)
MIN_IOU = 0.5
"""Boxes with at least this intersection over union mark the same place."""
MIN_COVERAGE = 0.9
"""So do boxes where the found one covers this share of the wanted one."""


def score_hits(question: Question, hits: Sequence[Hit], level: Level) -> Mapping[str, float] | None:
    """Metric -> value from 0 to 1; None if the question has no answer at this level."""
    wanted = _wanted_units(question, level)
    if not wanted:
        return None
    units = (_unit(question, hit, level) for hit in hits)
    return ranking_metrics(list(dict.fromkeys(unit for unit in units if unit is not None)), wanted)


def ranking_metrics(found: Sequence[Hashable], wanted: set[Hashable]) -> dict[str, float]:
    """The metrics of distinct units, best first."""
    ranks = [rank for rank, unit in enumerate(found, start=1) if unit in wanted]
    recall = {f"recall@{k}": sum(rank <= k for rank in ranks) / len(wanted) for k in RECALL_AT}
    gain = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= NDCG_AT)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted), NDCG_AT) + 1))
    return {**recall, "mrr": 1 / ranks[0] if ranks else 0.0, NDCG: gain / best}


def _wanted_units(question: Question, level: Level) -> set[Hashable]:
    if level == "document":
        return {question.document}
    if level == "page":
        return {(question.document, page) for page in question.pages}
    return set(range(max(1, len(question.boxes)))) if question.about_a_figure else set()


def _unit(question: Question, hit: Hit, level: Level) -> Hashable | None:
    """The unit of a hit; None if the hit does not count at this level."""
    if level == "document":
        return hit.document
    if level == "page":
        return (hit.document, hit.page)
    return _figure(question, hit) if hit.modality == "image" else None


def _figure(question: Question, hit: Hit) -> Hashable:
    """The index of the wanted box; any other picture is a unit of its own."""
    if hit.document == question.document:
        for index, box in enumerate(question.boxes):
            if hit.page == box.page and hit.bbox and same_place(hit.bbox, box):
                return index
        if not question.boxes and hit.label == question.label and hit.page in (question.pages or (hit.page,)):
            return 0
    return hit.id


def same_place(bbox: Sequence[float], wanted: Box) -> bool:
    """Whether the boxes overlap well, or the found one covers the wanted one."""
    x0, y0, x1, y1 = bbox
    common = area(intersection((x0, y0, x1, y1), wanted.bbox))
    if not common:
        return False
    union = area((x0, y0, x1, y1)) + area(wanted.bbox) - common
    return common / union >= MIN_IOU or common / area(wanted.bbox) >= MIN_COVERAGE
