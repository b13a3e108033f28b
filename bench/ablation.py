"""The value of each ranked list and each signal: search quality without it, question by question.

Measured on the sample questions, or on the user's own in the format of `diptych evaluate` over any store.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from bench.measurement import DATA, BenchOptions
from diptych.errors import QueryError
from diptych.evaluation.metrics import ranking_metrics
from diptych.evaluation.questions import Question, locate_documents, read_questions
from diptych.evaluation.statistics import Difference, Interval, mean_interval, paired_difference
from diptych.library.diptych import Diptych
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.search.ranking.page_signals import SIGNALS
from diptych.search.search import WEIGHT_NAMES, Candidates, SearchContext, encode_queries, find_candidates
from diptych.settings import load_settings
from diptych.store.register import list_records
from diptych.where import Compare, all_of

CUTOFFS = (1, 5, 10)
DEPTH = 40
"""Hits per question."""
NOTHING = "nothing: as it is"
Recalls = dict[int, list[float]]
"""k -> recall@k of each question."""


@dataclass(frozen=True, slots=True)
class AblationResult:
    """Search quality without one ranked list or signal."""

    HEADER: ClassVar[str] = f"{'where':<10}{'left out':<22}" + "".join(
        f"{f'recall@{k}':<11}{'to as it is, 95 %':<28}" for k in CUTOFFS
    )

    scope: str
    """`document`: search within the document that answers; `corpus`: search everything."""
    left_out: str
    recall: dict[int, Interval]
    """Share of the answering pages among the first k."""
    change: dict[int, Difference]
    """Paired difference to the complete search; empty for that itself."""

    def row(self) -> str:
        return f"{self.scope:<10}{self.left_out:<22}" + "".join(map(self._cell, CUTOFFS)).rstrip()

    def _cell(self, k: int) -> str:
        recall, change = self.recall[k], self.change.get(k)
        if change is None:
            return f"{recall.mean:<11.3f}{f'({recall.low:.3f} to {recall.high:.3f})':<28}"
        difference = f"{change.mean:+.3f} ({change.low:+.3f} to {change.high:+.3f}){'*' if change.clear else ''}"
        return f"{recall.mean:<11.3f}{difference:<28}"

    def record(self) -> dict[str, Any]:
        """JSON data."""
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


def ablation(options: BenchOptions) -> Iterator[AblationResult]:
    """A `*` marks a difference whose interval excludes zero. Raises `QueryError` if no question names a page."""
    with _open_store(options) as runtime:
        prepare = QueryPreparation(runtime).prepare
        questions = [
            replace(one, query=prepare(one.query))
            for one in locate_documents(
                read_questions(options.on or DATA / "questions.jsonl"), list_records(runtime.existing())
            )
            if one.document and one.pages
        ]
        if not questions:
            raise QueryError(f"{options.on}: no question names the pages that answer it")
        for scope in ("document", "corpus"):
            scoped = [_within_document(one) for one in questions] if scope == "document" else questions
            yield from _ablate(scope, scoped, runtime.search_context)


def _ablate(scope: str, questions: Sequence[Question], context: SearchContext) -> Iterator[AblationResult]:
    documents = [one.document for one in questions]
    complete = _find_all(questions, context)
    base = _recalls(questions, complete, context)
    yield AblationResult(scope, NOTHING, {k: mean_interval(base[k], documents) for k in CUTOFFS}, {})
    for name in WEIGHT_NAMES:
        if not context.uses(name) or not any(one.snapshot.lists.get(name) or one.signals.get(name) for one in complete):
            continue  # it contributed nothing
        reduced = replace(context, weights={**context.weights, name: 0.0})
        # Without a list the search finds other pages; a signal only changes their ranking.
        found = complete if name in SIGNALS else _find_all(questions, reduced)
        recalls = _recalls(questions, found, reduced)
        yield AblationResult(
            scope,
            name,
            {k: mean_interval(recalls[k], documents) for k in CUTOFFS},
            {k: paired_difference(recalls[k], base[k], documents) for k in CUTOFFS},
        )


def _find_all(questions: Sequence[Question], context: SearchContext) -> list[Candidates]:
    return [find_candidates(encode_queries([one.query], context)[0], context, DEPTH) for one in questions]


def _recalls(questions: Sequence[Question], found: Sequence[Candidates], context: SearchContext) -> Recalls:
    recalls: Recalls = {k: [] for k in CUTOFFS}
    for question, candidates in zip(questions, found, strict=True):
        parts = [point.part for point in candidates.rank(context.weights, DEPTH)]
        pages = list(dict.fromkeys((part.document, part.page) for part in parts))
        scored = ranking_metrics(pages, {(question.document, page) for page in question.pages})
        for k in CUTOFFS:
            recalls[k].append(scored[f"recall@{k}"])
    return recalls


def _within_document(question: Question) -> Question:
    where = all_of(question.query.filter, Compare("document", "=", question.document))
    return replace(question, query=replace(question.query, where=where))


@contextmanager
def _open_store(options: BenchOptions) -> Iterator[Runtime]:
    """The store of the options, else a new one of the sample documents."""
    if options.on and not options.store:
        raise QueryError(f"{options.on}: name the store to put these questions to with --store")
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        settings = load_settings(options.store or str(Path(folder, "store")))
        if not options.store:
            with Diptych.open(settings) as diptych:
                outcomes = diptych.ingest(
                    [DATA / name for name in ("manual.pdf", "scan.pdf", "deck.pptx", "catalogue")]
                )
            assert {outcome.status for outcome in outcomes} == {"complete"}, outcomes
        runtime = Runtime(settings, Meter())
        try:
            yield runtime
        finally:
            runtime.close()
