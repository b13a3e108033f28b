"""Pure: how good a list of hits is for a question, at the level of documents, pages and figures.

A list is judged by the distinct units it brings, in the order of their first hit. Recall@k: the share of wanted units
among the first k. MRR: 1 / rank of the first wanted unit, 0 when there is none (Voorhees, TREC-8 question answering
track, 1999). nDCG@k: binary gains, discount 1 / log2(rank + 1), divided by the best order's (Järvelin and Kekäläinen,
"Cumulated gain-based evaluation of IR techniques", ACM TOIS 2002).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

from diptych.evaluation.questions import Box, Question
from diptych.search.hits import Hit

Level = Literal["document", "page", "figure"]
LEVELS: tuple[Level, ...] = ("document", "page", "figure")
RECALL_AT = (1, 3, 5, 10)
NDCG_AT = 10
NAMES = (*(f"recall@{k}" for k in RECALL_AT), "mrr", f"ndcg@{NDCG_AT}")
SAME_PLACE = 0.5
"""Least intersection over union of two boxes that are the same place."""
COVERED = 0.9
"""Or: least share of the wanted box that the found one covers."""


def scores(question: Question, hits: Sequence[Hit], level: Level) -> Mapping[str, float] | None:
    """Metric -> value from 0 to 1; None when the question says nothing at this level."""
    wanted = _wanted(question, level)
    if not wanted:
        return None
    found = list(dict.fromkeys(unit for hit in hits if (unit := _unit(question, hit, level)) is not None))
    return ranking_metrics(found, wanted)


def ranking_metrics(found: Sequence[Hashable], wanted: set[Hashable]) -> dict[str, float]:
    """The metrics of a list of distinct units, best first."""
    ranks = [rank for rank, unit in enumerate(found, start=1) if unit in wanted]
    recall = {f"recall@{k}": sum(rank <= k for rank in ranks) / len(wanted) for k in RECALL_AT}
    gained = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= NDCG_AT)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted), NDCG_AT) + 1))
    return {**recall, "mrr": 1 / ranks[0] if ranks else 0.0, f"ndcg@{NDCG_AT}": gained / best}


def _wanted(question: Question, level: Level) -> set[Hashable]:
    if level == "document":
        return {question.document}
    if level == "page":
        return {(question.document, page) for page in question.pages}
    return set(range(max(1, len(question.boxes)))) if question.about_a_figure else set()


def _unit(question: Question, hit: Hit, level: Level) -> Hashable | None:
    """What a hit brings at a level; None: nothing that counts there."""
    if level == "document":
        return hit.document
    if level == "page":
        return (hit.document, hit.page)
    if hit.modality != "image":
        return None
    return _figure(question, hit)


def _figure(question: Question, hit: Hit) -> Hashable:
    """The place among the wanted boxes; a picture that is none of them is a unit of its own."""
    if hit.document == question.document:
        for place, box in enumerate(question.boxes):
            if hit.page == box.page and hit.bbox and same_place(hit.bbox, box):
                return place
        if not question.boxes and hit.label == question.label and hit.page in (question.pages or (hit.page,)):
            return 0
    return hit.id


def same_place(bbox: Sequence[float], wanted: Box) -> bool:
    """Do the boxes mean the same picture? They overlap well, or the wanted one lies within the found one."""
    x0, y0, x1, y1 = wanted.corners
    width, height = min(bbox[2], x1) - max(bbox[0], x0), min(bbox[3], y1) - max(bbox[1], y0)
    if width <= 0 or height <= 0:
        return False
    common, area = width * height, (x1 - x0) * (y1 - y0)
    union = area + (bbox[2] - bbox[0]) * (bbox[3] - bbox[1]) - common
    return common / union >= SAME_PLACE or common / area >= COVERED
