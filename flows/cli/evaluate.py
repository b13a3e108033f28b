"""`diptych evaluate`: measure which kind of retrieval works on your own documents."""

from __future__ import annotations

from pathlib import Path

import click

from flows.cli import options
from flows.cli.questions import COUNT, propose_questions
from flows.support.evaluation_tables import REPORT, evaluation_notes, evaluation_tables
from flows.support.exit_codes import ExitCode
from flows.support.terminal import print_json, print_message, print_output


@click.command(short_help="Measure search on your own questions.")
@click.argument("questions", required=False, type=options.file_type)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.html, with plots.")
@click.option("--arms", metavar="A,B", help="Compare only these; `fused` alone is fastest and suggests no weights.")
@click.option("--gate", metavar="EXPR", help='Exit with 5 below it: "page recall@10 >= 0.8 and document mrr >= 0.9".')
@options.budget
@options.as_json
@options.store
@click.option("--make-questions", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), hidden=True)
@click.option("--count", type=COUNT, default=50, hidden=True)
def evaluate(
    questions: Path | None,
    out: Path | None,
    arms: str | None,
    gate: str | None,
    budget: float | None,
    as_json: bool,
    store: str | None,
    make_questions: Path | None,
    count: int,
) -> int:
    """Put QUESTIONS with known answers to every kind of retrieval, and show how well each works, with confidence.

    \b
    A line of QUESTIONS: {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3]}; for a figure also
    "boxes": [{"page": 3, "bbox": [x0, y0, x1, y1]}] or "label": "figure 2"; "image" and "where" as in a batch of
    queries; "type" to compare types of questions. Arms: fused (search as configured), passages, bm25, dense,
    descriptions, pixels, captions. Weights are suggested if others are clearly better on held-out documents.

    `diptych questions FILE` proposes questions; --make-questions FILE does the same, with its --count and --budget.
    """
    if bool(questions) == bool(make_questions):
        raise click.UsageError("give QUESTIONS; `diptych questions FILE` proposes some")
    if make_questions:
        return propose_questions(make_questions, count, budget, store)
    assert questions

    from diptych.evaluation.gates import gate_failure, parse_gates

    conditions = parse_gates(gate) if gate else []
    chosen = [name.strip() for name in arms.split(",") if name.strip()] if arms else None
    report = out / REPORT if out else None
    with options.open_store(store, budget) as diptych:
        evaluation = diptych.evaluate(questions, chosen, report, lambda arm: print_message(f"running    {arm}"))
    if as_json:
        print_json(evaluation.as_dict())
    else:
        print_output(*evaluation_tables(evaluation))
        if evaluation.suggestion and evaluation.suggestion.toml:
            print_output(evaluation.suggestion.toml)
    for line in evaluation_notes(evaluation):
        print_message(line)
    options.print_usage(diptych)
    if report:
        print_message(f"report     {report}")
    if below_gate := gate_failure(conditions, evaluation):
        print_message(f"diptych: {below_gate}")
    return ExitCode.BELOW_GATE if below_gate else ExitCode.COMPLETE
