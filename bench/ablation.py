"""What each ranked list and each signal contributes: the search without it, question by question.

On the sample's questions, or on one's own in the form that `diptych evaluate` reads, over any store.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from bench.measure import Given
from bench.samples import DATA, QUESTIONS
from diptych.errors import QueryError
from diptych.evaluation.metrics import ranking_metrics
from diptych.evaluation.questions import Question, read_questions
from diptych.evaluation.statistics import Difference, Interval, mean_interval, paired_difference
from diptych.library.diptych import Diptych
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.search.page_signals import SIGNALS
from diptych.search.search import LISTS, Candidates, SearchContext, encode_queries, find_candidates
from diptych.settings import load_settings
from diptych.where import Compare, all_of

AT = (1, 5, 10)
DEPTH = 40
"""Hits of a question that are looked at."""
AS_IT_IS = "nothing: as it is"
Recalls = dict[int, list[float]]
"""k -> recall@k, one a question."""


@dataclass(frozen=True, slots=True)
class Without:
    """The search with one list or signal left out."""

    HEAD: ClassVar[str] = f"{'where':<10}{'left out':<22}" + "".join(
        f"{f'recall@{k}':<11}{'to as it is, 95 %':<28}" for k in AT
    )

    scope: str
    """`document`: asked within the document that answers; `corpus`: not."""
    left_out: str
    recall: dict[int, Interval]
    """Share of the pages that answer which are among the first k."""
    change: dict[int, Difference]
    """To the search as it is, paired; empty for that itself."""

    def row(self) -> str:
        return f"{self.scope:<10}{self.left_out:<22}" + "".join(map(self._cell, AT)).rstrip()

    def _cell(self, k: int) -> str:
        recall, change = self.recall[k], self.change.get(k)
        if change is None:
            return f"{recall.mean:<11.3f}{f'({recall.low:.3f} to {recall.high:.3f})':<28}"
        told = f"{change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}){'*' if change.clear else ''}"
        return f"{recall.mean:<11.3f}{told:<28}"

    def record(self) -> dict[str, Any]:
        """As plain data."""
        cells = {
            k: {"recall": round(one.mean, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
            for k, one in self.recall.items()
        }
        changes = {
            k: {"change": round(one.mean, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
            | {"better": one.better, "worse": one.worse}
            for k, one in self.change.items()
        }
        return {"scope": self.scope, "left_out": self.left_out, "recall": cells, "change": changes}


def ablation(given: Given) -> Iterator[Without]:
    """A `*` marks a change whose interval leaves zero out. Raises `QueryError` when no question names a page."""
    with _opened(given) as parts:
        ready = QueryPreparation(parts).prepare
        questions = [
            replace(one, query=ready(one.query))
            for one in read_questions(given.on or QUESTIONS)
            if one.document and one.pages
        ]
        if not questions:
            raise QueryError(f"{given.on}: no question names the pages that answer it")
        for scope in ("document", "corpus"):
            asked = [_within(one) for one in questions] if scope == "document" else questions
            yield from _ablated(scope, asked, parts.search_context)


def _ablated(scope: str, questions: Sequence[Question], context: SearchContext) -> Iterator[Without]:
    documents = [one.document for one in questions]
    whole = _materials(questions, context)
    base = _recalls(questions, whole, context)
    yield Without(scope, AS_IT_IS, {k: mean_interval(base[k], documents) for k in AT}, {})
    for name in LISTS:
        if not context.uses(name) or not any(one.lists.get(name) or one.signals.get(name) for one in whole):
            continue  # it brought nothing that could be missed
        lacking = replace(context, weights={**context.weights, name: 0.0})
        # Lists decide which pages are candidates, so without one the search is repeated; signals are only reweighted.
        found = whole if name in SIGNALS else _materials(questions, lacking)
        recalls = _recalls(questions, found, lacking)
        yield Without(
            scope,
            name,
            {k: mean_interval(recalls[k], documents) for k in AT},
            {k: paired_difference(recalls[k], base[k], documents) for k in AT},
        )


def _materials(questions: Sequence[Question], context: SearchContext) -> list[Candidates]:
    return [find_candidates(encode_queries([one.query], context)[0], context, DEPTH) for one in questions]


def _recalls(questions: Sequence[Question], found: Sequence[Candidates], context: SearchContext) -> Recalls:
    recalls: Recalls = {k: [] for k in AT}
    for question, material in zip(questions, found, strict=True):
        hits = [point.payload for point in material.rank(context.weights, DEPTH)]
        pages = list(dict.fromkeys((hit["document"], hit["page"]) for hit in hits))
        scored = ranking_metrics(pages, {(question.document, page) for page in question.pages})
        for k in AT:
            recalls[k].append(scored[f"recall@{k}"])
    return recalls


def _within(question: Question) -> Question:
    where = all_of(question.query.where, Compare("document", "=", question.document))
    return replace(question, query=replace(question.query, where=where))


@contextmanager
def _opened(given: Given) -> Iterator[Runtime]:
    """The store that is given, else a new one of the sample corpus. Raises `QueryError` for questions without one."""
    if given.on and not given.store:
        raise QueryError(f"{given.on}: name the store that these questions are put to with --store")
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        settings = load_settings(given.store or str(Path(folder, "store")))
        if not given.store:
            with Diptych.open(settings) as library:
                outcomes = library.ingest(
                    [DATA / name for name in ("manual.pdf", "scan.pdf", "deck.pptx", "catalogue")]
                )
            assert {outcome.status for outcome in outcomes} == {"complete"}, outcomes
        parts = Runtime(settings, Meter())
        try:
            yield parts
        finally:
            parts.close()
