"""The questions that the search as it is answers worst, each with the place that was wanted and what came instead."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from diptych.evaluation.arms import DEPTH, Ran
from diptych.evaluation.comparison import Evaluation
from diptych.evaluation.metrics import NDCG_AT, Level
from diptych.evaluation.questions import Question
from diptych.search.hits import Hit
from diptych.search.search import SearchContext, search
from diptych.where import all_of, where_from_fields

MOST = 15
"""Questions."""
HITS = 4
"""Of each, the first on different pages."""


@dataclass(frozen=True, slots=True)
class Worst:
    question: Question
    asked: str
    """Its words as they stand in the file."""
    level: Level
    """At which it is judged: pages where one is known, else documents."""
    score: float
    """nDCG@10."""
    first: int | None
    """Place of the first wanted page or document among those found; None: not among `DEPTH` hits."""
    wanted: Hit | None
    """The best part of the wanted place, as searching there alone finds it; None: the store has nothing there."""
    hits: tuple[Hit, ...]


def worst(evaluation: Evaluation, context: SearchContext) -> list[Worst]:
    """At most `MOST` questions that are not answered perfectly, the worst first. Empty without the arm `fused`."""
    ran = evaluation.fused
    if not ran:
        return []
    found = [_seen(row, evaluation, ran) for row in range(len(evaluation.questions))]
    poor = sorted((one for one in found if one.score < 1), key=lambda one: (one.score, one.question.id))
    return [replace(one, wanted=_there(one.question, context)) for one in poor[:MOST]]


def _seen(row: int, evaluation: Evaluation, ran: Ran) -> Worst:
    question = evaluation.questions[row]
    level: Level = "page" if question.pages else "document"
    judged, hits = ran.scores[level][row], ran.hits[row]
    mrr = judged["mrr"] if judged else 0.0
    units: dict[Hashable, Hit] = {}
    for hit in hits:
        units.setdefault((hit.document, hit.page) if level == "page" else hit.document, hit)
    shown = tuple(list(units.values())[:HITS])
    score = judged[f"ndcg@{NDCG_AT}"] if judged else 0.0
    return Worst(question, evaluation.asked[row], level, score, round(1 / mrr) if mrr else None, None, shown)


def _there(question: Question, context: SearchContext) -> Hit | None:
    place = where_from_fields(
        {"document": question.document, **({"page": question.pages[0]} if question.pages else {})}
    )
    where = all_of(question.query.where, place)
    found = search([replace(question.query, where=where)], context, DEPTH)[0]
    wanted = "image" if question.about_a_figure else "text"
    return next((hit for hit in found if hit.modality == wanted), found[0] if found else None)
