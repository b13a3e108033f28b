"""Compares all arms on one set of questions: means with intervals, and the difference of each arm to the search."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from diptych.errors import QueryError
from diptych.evaluation.arms import ARMS, CAPTIONS, FUSED, RERANKED, ArmRun, available_arms, narrow, run_arm
from diptych.evaluation.metrics import LEVELS, METRICS, Level
from diptych.evaluation.questions import Question, group_by_type, locate_documents
from diptych.evaluation.statistics import Difference, Interval, mean_interval, paired_difference
from diptych.evaluation.weight_fitting import Suggestion, suggest_weights
from diptych.models.meter import Charge, track_charges
from diptych.search.query.query import Query
from diptych.search.search import WEIGHT_NAMES, SearchContext, encode_queries, used_vectors
from diptych.store.register import list_records

Measured = Mapping[Level, Mapping[str, Interval]]
"""Level -> metric -> mean with interval; levels at which no question has an answer are missing."""


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    measured: Measured
    to_fused: Mapping[Level, Mapping[str, Difference]]
    """This arm minus `fused`, paired; empty for `fused` itself."""
    by_type: Mapping[str, Measured]
    """Type of question -> measurements on its questions."""
    seconds: float
    """Mean time per question, without encoding, which is done once for all arms."""
    price: float | None
    """US dollars that all questions would cost with this arm alone; None if the price of a model is unknown."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    questions: tuple[Question, ...]
    """With their queries as they were searched."""
    asked: tuple[str, ...]
    """The text of each question in the file."""
    arms: tuple[Arm, ...]
    counts: Mapping[Level, int]
    """Number of questions with an answer at each level."""
    types: Mapping[str, int]
    """Type -> number of questions."""
    missing: tuple[str, ...]
    """Documents that the questions name but the store does not have."""
    missing_pages: tuple[str, ...]
    """One sentence for each question that names a page which its document does not have."""
    left_out: tuple[str, ...]
    """Questions that could not be searched, each with its reason."""
    fused: ArmRun | None
    """The hits of the arm `fused`, if it was run."""
    suggestion: Suggestion | None
    """None if only one arm was run."""
    problem: str = ""
    """Why the reranker did not order the pages of a question."""

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without hits."""
        return {
            "questions": len(self.questions),
            "counts": dict(self.counts),
            "types": dict(self.types),
            "missing": list(self.missing),
            "missing_pages": list(self.missing_pages),
            "left_out": list(self.left_out),
            "arms": [asdict(arm) for arm in self.arms],
            "weights": self.suggestion and self.suggestion.as_dict(),
        }


def evaluate(
    questions: Sequence[Question],
    context: SearchContext,
    arms: Sequence[str] | None = None,
    on_arm: Callable[[str], None] | None = None,
    prepare: Callable[[Query], Query] | None = None,
) -> Evaluation:
    """Run the questions on `arms`, by default all that the store supports. With one arm, no weights are suggested.

    `on_arm` is called with the name of each arm as it starts; `prepare` makes a query ready for search.
    Raises `QueryError` for an arm that is unknown or not supported, and if no question can be searched.
    """
    names = _choose_arms(arms, context)
    records = list_records(context.store)
    asked, questions, left_out = _prepare(locate_documents(questions, records), prepare)
    with track_charges() as account:  # weights are fitted to all lists
        queries = encode_queries([question.query for question in questions], _encoding_context(names, context))
    encoding = account.charges
    runs, prices = [], {}
    for name in names:
        if on_arm:
            on_arm(name)
        with track_charges() as account:
            runs.append(run_arm(name, questions, queries, context))
        needed = {context.spaces.models[vector].paid for vector in used_vectors(narrow(context, name))}
        own = [charge for model, charge in encoding.items() if model in needed]
        prices[name] = _sum_dollars([*own, *account.charges.values()])
    if on_arm and len(runs) > 1:
        on_arm("weights")
    fused = next((run for run in runs if run.arm == FUSED), None)
    known = {record.name: record.pages for record in records}
    return Evaluation(
        questions=tuple(questions),
        asked=asked,
        arms=tuple(_summarise(run, fused, questions, prices[run.arm]) for run in runs),
        counts={level: len(runs[0].values(level, METRICS[0])) for level in LEVELS},
        types={name: len(rows) for name, rows in group_by_type(questions)},
        missing=tuple(sorted({question.document for question in questions} - known.keys())),
        missing_pages=tuple(_missing_pages(questions, known)),
        left_out=left_out,
        fused=fused,
        suggestion=suggest_weights(questions, queries, context) if len(runs) > 1 else None,
        problem=next((run.problem for run in runs if run.problem), ""),
    )


def _encoding_context(arms: Sequence[str], context: SearchContext) -> SearchContext:
    """Names the lists for which the questions are encoded: those of a single arm, or all, to fit weights."""
    if len(arms) == 1:
        return narrow(context, arms[0])
    return replace(context, weights=dict.fromkeys(WEIGHT_NAMES, 1.0))


def _missing_pages(questions: Sequence[Question], known: Mapping[str, int]) -> Iterator[str]:
    """What to correct in questions that name pages beyond the end; `known`: document -> number of its pages."""
    for question in questions:
        last = max((*question.pages, *(box.page for box in question.boxes)), default=0)
        count = known.get(question.document, 0)
        if 0 < count < last:
            yield f"question {question.id} names page {last}, but the last page of {question.document} is {count}"


def _sum_dollars(charges: Iterable[Charge]) -> float | None:
    """US dollars; None if a price is unknown."""
    dollars = [charge.usd for charge in charges]
    known = [usd for usd in dollars if usd is not None]
    return sum(known, 0.0) if len(known) == len(dollars) else None


def _choose_arms(arms: Sequence[str] | None, context: SearchContext) -> list[str]:
    available = available_arms(context)
    for name in arms or ():
        if name not in available:
            why = "is not supported by this store" if name in (*ARMS, CAPTIONS, RERANKED) else "is unknown"
            raise QueryError(f"the arm {name!r} {why}; use one of: {', '.join(available)}")
    return list(dict.fromkeys(arms)) if arms else available


def _prepare(
    questions: Sequence[Question], prepare: Callable[[Query], Query] | None
) -> tuple[tuple[str, ...], list[Question], tuple[str, ...]]:
    """(texts, questions, reasons for those left out). An image without content excludes only its own question."""
    asked: list[str] = []
    prepared: list[Question] = []
    left_out: list[str] = []
    for question in questions:
        try:
            query = prepare(question.query) if prepare else question.query
            # Passages and pictures are judged separately.
            prepared.append(replace(question, query=replace(query, split_rows=True)))
            asked.append(question.query.text)
        except QueryError as error:
            left_out.append(f"{question.id}: {error}")
    if not prepared:
        raise QueryError(f"no question can be searched; {left_out[0]}" if left_out else "there are no questions")
    return tuple(asked), prepared, tuple(left_out)


def _summarise(run: ArmRun, fused: ArmRun | None, questions: Sequence[Question], price: float | None) -> Arm:
    documents = [question.document for question in questions]
    compared: dict[Level, dict[str, Difference]] = {}
    if fused and fused is not run:
        for level in _levels(run.arm):
            for metric in METRICS:
                mine, theirs = run.values(level, metric), fused.values(level, metric)
                if mine:
                    pairs = list(mine.values()), [theirs[row] for row in mine]
                    difference = paired_difference(*pairs, [documents[row] for row in mine])
                    compared.setdefault(level, {})[metric] = difference
    return Arm(
        name=run.arm,
        measured=_measure(run, range(len(questions)), documents),
        to_fused=compared,
        by_type={name: _measure(run, rows, documents) for name, rows in group_by_type(questions)},
        seconds=run.seconds,
        price=price,
    )


def _levels(arm: str) -> tuple[Level, ...]:
    """An arm without pictures is not judged by figures."""
    has_pictures = any(name.startswith("images.") for name in ARMS.get(arm, ("images.",)))
    return LEVELS if has_pictures else tuple(level for level in LEVELS if level != "figure")


def _measure(run: ArmRun, rows: Sequence[int], documents: Sequence[str]) -> Measured:
    measured: dict[Level, dict[str, Interval]] = {}
    for level in _levels(run.arm):
        for metric in METRICS:
            values = run.values(level, metric)
            judged = [row for row in rows if row in values]
            if judged:
                interval = mean_interval([values[row] for row in judged], [documents[row] for row in judged])
                measured.setdefault(level, {})[metric] = interval
    return measured
