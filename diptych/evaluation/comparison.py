"""Every arm over one set of questions: means with intervals, each arm's difference to the search as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from diptych.errors import QueryError
from diptych.evaluation.arms import ARMS, CAPTIONS, FUSED, Ran, arms_of, run
from diptych.evaluation.metrics import LEVELS, NAMES, Level
from diptych.evaluation.questions import Question, by_type
from diptych.evaluation.statistics import Difference, Interval, mean_interval, paired_difference
from diptych.evaluation.weight_fitting import Suggestion, suggest
from diptych.models.meter import Meter
from diptych.prices import Usage
from diptych.search.query import Query
from diptych.search.search import SearchContext, search

Measured = Mapping[Level, Mapping[str, Interval]]
"""Level -> metric -> mean with its interval; a level that no question says anything about is not there."""


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    measured: Measured
    to_fused: Mapping[Level, Mapping[str, Difference]]
    """This arm minus the search as it is, paired; empty for that itself."""
    by_type: Mapping[str, Measured]
    """Type of question -> the same of its questions."""
    seconds: float
    """A question, on the average, its encoding included."""
    price: float | None
    """US dollars for all questions, 0 when nothing was paid for; None: something was whose price is unknown."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    questions: tuple[Question, ...]
    """As they were searched: plain phrases made filters, pictures made ready."""
    asked: tuple[str, ...]
    """The words of each as they stand in the file."""
    arms: tuple[Arm, ...]
    counts: Mapping[Level, int]
    """Questions that say something at a level."""
    types: Mapping[str, int]
    """Type -> its questions."""
    missing: tuple[str, ...]
    """Documents of the questions that the store does not have."""
    left_out: tuple[str, ...]
    """Questions that could not be put, each with its reason."""
    fused: Ran | None
    """The search as it is, with its hits; None: it was not among the arms."""
    suggestion: Suggestion | None
    """None: only one arm was run."""

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """As JSON, without hits."""
        return {
            "questions": len(self.questions),
            "counts": dict(self.counts),
            "types": dict(self.types),
            "missing": list(self.missing),
            "left_out": list(self.left_out),
            "arms": [asdict(arm) for arm in self.arms],
            "weights": self.suggestion and self.suggestion.as_dict(),
        }


def evaluate(
    questions: Sequence[Question],
    context: SearchContext,
    meter: Meter,
    arms: Sequence[str] | None = None,
    on_arm: Callable[[str], None] | None = None,
    ready: Callable[[Query], Query] | None = None,
) -> Evaluation:
    """Put the questions to the arms, by default to all that the store can run; one arm alone suggests no weights.

    `on_arm` is told each arm as it begins; `ready` makes a query as it is searched.
    Raises `QueryError` for an arm that is unknown or cannot be run, and when no question can be put.
    """
    names = _chosen(arms, context)
    asked, questions, left_out = _ready(questions, ready)
    search([questions[0].query], context, 1)  # the model loads once, and not on the first arm's account
    ran = []
    for name in names:
        if on_arm:
            on_arm(name)
        before = meter.usage()
        one = run(name, questions, context)
        ran.append(replace(one, spent=_spent(meter, before)))
    if on_arm and len(ran) > 1:
        on_arm("weights")
    fused = next((one for one in ran if one.arm == FUSED), None)
    return Evaluation(
        questions=tuple(questions),
        asked=asked,
        arms=tuple(_arm(one, fused, questions) for one in ran),
        counts={level: len(ran[0].values(level, NAMES[0])) for level in LEVELS},
        types={name: len(rows) for name, rows in by_type(questions)},
        missing=_missing(questions, context),
        left_out=left_out,
        fused=fused,
        suggestion=suggest(questions, context) if len(ran) > 1 else None,
    )


def _spent(meter: Meter, before: Mapping[tuple[str, bool], Usage]) -> float | None:
    """US dollars since; None: a model was asked whose price is unknown."""
    asked = {key: usage for key, usage in meter.usage(before).items() if usage.requests}
    costs = [price.cost(usage) if (price := meter.price(model)) else None for (model, _), usage in asked.items()]
    known = [cost for cost in costs if cost is not None]
    return sum(known, 0.0) if len(known) == len(costs) else None


def _chosen(arms: Sequence[str] | None, context: SearchContext) -> list[str]:
    possible = arms_of(context)
    for name in arms or ():
        if name not in possible:
            known = name in ARMS or name == CAPTIONS
            why = "cannot be run on this store" if known else "is unknown"
            raise QueryError(f"the arm {name!r} {why}; choose among: {', '.join(possible)}")
    return list(dict.fromkeys(arms)) if arms else possible


def _ready(
    questions: Sequence[Question], ready: Callable[[Query], Query] | None
) -> tuple[tuple[str, ...], list[Question], tuple[str, ...]]:
    """A picture that says nothing to the encoders leaves its question out, not all the others."""
    asked: list[str] = []
    kept: list[Question] = []
    left_out: list[str] = []
    for one in questions:
        try:
            kept.append(replace(one, query=ready(one.query)) if ready else one)
            asked.append(one.query.text)
        except QueryError as error:
            left_out.append(f"{one.id}: {error}")
    if not kept:
        raise QueryError(f"no question can be put; {left_out[0]}" if left_out else "there are no questions")
    return tuple(asked), kept, tuple(left_out)


def _arm(ran: Ran, fused: Ran | None, questions: Sequence[Question]) -> Arm:
    documents = [question.document for question in questions]
    everything = range(len(questions))
    paired: dict[Level, dict[str, Difference]] = {}
    if fused and fused is not ran:
        for level in _levels(ran.arm):
            for metric in NAMES:
                mine, theirs = ran.values(level, metric), fused.values(level, metric)
                if mine:
                    about = [documents[row] for row in mine]
                    paired.setdefault(level, {})[metric] = paired_difference(
                        list(mine.values()), [theirs[row] for row in mine], about
                    )
    return Arm(
        name=ran.arm,
        measured=_measured(ran, everything, documents),
        to_fused=paired,
        by_type={name: _measured(ran, rows, documents) for name, rows in by_type(questions)},
        seconds=ran.seconds,
        price=ran.spent,
    )


def _levels(arm: str) -> tuple[Level, ...]:
    """An arm that brings no pictures has nothing to say about figures."""
    pictured = any(name.startswith("images.") for name in ARMS.get(arm, ("images.",)))
    return LEVELS if pictured else tuple(level for level in LEVELS if level != "figure")


def _measured(ran: Ran, rows: Sequence[int], documents: Sequence[str]) -> Measured:
    measured: dict[Level, dict[str, Interval]] = {}
    for level in _levels(ran.arm):
        for metric in NAMES:
            values = ran.values(level, metric)
            held = [row for row in rows if row in values]
            if held:
                found = mean_interval([values[row] for row in held], [documents[row] for row in held])
                measured.setdefault(level, {})[metric] = found
    return measured


def _missing(questions: Sequence[Question], context: SearchContext) -> tuple[str, ...]:
    from diptych.store.register import list_records

    known = {record.name for record in list_records(context.index)}
    return tuple(sorted({question.document for question in questions} - known))
