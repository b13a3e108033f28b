"""What `query`, `ask` and `evaluate` do, as commands and as flows: from their options to a result for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.search.query.query_options import Question

if TYPE_CHECKING:
    from diptych import Answer, Diptych, Hit, Query
    from diptych.evaluation.comparison import Evaluation
    from diptych.search.hits import Results

GROUP_SIZE = 64
"""Questions of a batch that are encoded together; their answers are reported before the next group."""


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of one question."""

    hits: Results[Hit]
    id: object = None
    """Of a question in a batch."""
    filters: str = ""
    """The filters read from the wording of the question; empty if there are none."""
    nothing: str = ""
    """Why nothing was found; empty if something was."""
    usage: Sequence[str] = ()
    """One line per paid model."""

    @property
    def notes(self) -> list[str]:
        """What to say after the hits: why there are none, or not in a better order, and what they cost."""
        return [line for line in (self.nothing, self.hits.problem, *self.usage) if line]

    def as_dict(self) -> dict[str, Any]:
        """The record of a question in a batch."""
        return {"id": self.id, "hits": [hit.as_dict() for hit in self.hits], "resembles": self.hits.resembles}


@dataclass(frozen=True, slots=True)
class Answered:
    answer: Answer
    filters: str = ""
    nothing: str = ""
    usage: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Evaluated:
    evaluation: Evaluation
    below_gate: str = ""
    """Which condition of the gate does not hold; empty if all do."""
    usage: Sequence[str] = ()


def find_hits(diptych: Diptych, question: Question, offset: int = 0) -> Found:
    hits = diptych.search(question.query, question.limit, offset)
    filters, nothing = explain(diptych, question.query, hits, hits.resembles)
    return Found(hits, filters=filters, nothing=nothing, usage=_usage(diptych))


def explain(diptych: Diptych, query: Query, found: object, resembles: bool) -> tuple[str, str]:
    """(the filters read from the wording of a query, why nothing was `found`); empty if there is nothing to say."""
    from diptych.library.explanations import describe_filters, explain_no_hits

    filters = describe_filters(diptych.interpret(query))
    return filters, "" if found else explain_no_hits(diptych.documents(), query.filter, resembles=resembles)


def find_batch(
    diptych: Diptych, questions: Sequence[tuple[object, Query]], limit: int, offset: int = 0
) -> Iterator[Found]:
    """The hits of many questions with their ids, in order."""
    from diptych.library.explanations import describe_filters
    from diptych.store.types import in_batches

    for group in in_batches(questions, GROUP_SIZE):
        answers = diptych.search_many([query for _, query in group], limit, offset)
        for (name, query), hits in zip(group, answers, strict=True):
            yield Found(hits, name, describe_filters(diptych.interpret(query)))


def find_answer(diptych: Diptych, question: Question, on_text: Callable[[str], None] | None = None) -> Answered:
    """`on_text` is called with each sentence before it is checked."""
    answer = diptych.ask(question.query, question.limit, on_text)
    return Answered(answer, *explain(diptych, question.query, answer.evidence, answer.resembles), _usage(diptych))


def run_evaluation(
    diptych: Diptych,
    questions: Path,
    arms: Sequence[str] | None,
    gate: str | None,
    report: Path | None,
    on_line: Callable[[str], None],
) -> Evaluated:
    """Measure `arms`, by default all; `on_line` is called with a line about each.

    Raises `QueryError`, for a malformed gate before anything is measured.
    """
    from diptych.evaluation.gates import gate_failure, parse_gates

    conditions = parse_gates(gate) if gate and gate.strip() else []
    evaluation = diptych.evaluate(questions, arms or None, report, lambda arm: on_line(f"running    {arm}"))
    return Evaluated(evaluation, gate_failure(conditions, evaluation), _usage(diptych))


def read_batch(path: Path, question: Question) -> list[tuple[object, Query]]:
    """The questions of a batch with their ids; `question` has the options of all. Raises `QueryError` with the line."""
    from diptych.search.query.question_lines import QuestionLine, parse_lines

    options = question.query

    def make(line: QuestionLine) -> tuple[object, Query]:
        query = line.query(path.parent, options.filter)
        return line.id, replace(query, split_rows=options.split_rows, copies=options.copies)

    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return list(parse_lines(lines, path, QuestionLine, make))


def _usage(diptych: Diptych) -> list[str]:
    from diptych.models.meter import format_usage

    return format_usage(diptych.meter)
