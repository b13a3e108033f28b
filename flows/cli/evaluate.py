"""`diptych evaluate`: which kind of retrieval works on one's own documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.cli.questions import COUNT, propose
from flows.support import evaluation_tables as evaluation
from flows.support.terminal import json_line, put, say, show

if TYPE_CHECKING:
    from diptych.evaluation.comparison import Evaluation
    from diptych.models.meter import Meter


@click.command(short_help="Measure search on your own questions.")
@click.argument("questions", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.html, with plots.")
@click.option("--arms", metavar="A,B", help="Compare only these; `fused` alone is quickest and suggests no weights.")
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
    """Put QUESTIONS with known answers to every kind of retrieval, and tell what works, and how sure that is.

    \b
    A line of QUESTIONS: {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3]}; for a figure also
    "boxes": [{"page": 3, "bbox": [x0, y0, x1, y1]}] or "label": "figure 2"; "image" and "where" as in a batch of
    queries; "type" to compare kinds of questions by. Arms: fused (the search as it is), passages, bm25, dense,
    descriptions, pixels, captions. Weights are suggested when others are clearly better on held-out documents.

    `diptych questions FILE` proposes a set; --make-questions FILE does the same, with its --count and --budget.
    """
    if bool(questions) == bool(make_questions):
        raise click.UsageError("give QUESTIONS; `diptych questions FILE` proposes some")
    if make_questions:
        return propose(make_questions, count, budget, store)
    from diptych import Diptych
    from diptych.evaluation.gates import gate_failure, parse_gates
    from diptych.settings import load_settings

    floor = parse_gates(gate) if gate else []
    chosen = [name.strip() for name in arms.split(",") if name.strip()] if arms else None
    report = out / evaluation.REPORT if out else None
    assert questions
    with Diptych.open(load_settings(store), budget=budget) as diptych:
        found = diptych.evaluate(questions, chosen, report, lambda name: say(f"running    {name}"))
    _tell(found, as_json, report, diptych.meter)
    if below := gate_failure(floor, found):
        say(f"diptych: {below}")
    return evaluation.GATE if below else 0


def _tell(found: Evaluation, as_json: bool, report: Path | None, meter: Meter) -> None:
    from diptych.models.meter import format_usage

    if as_json:
        put(json_line(found.as_dict()))
    else:
        show(*evaluation.tables(found))
        if found.suggestion and found.suggestion.toml:
            show(found.suggestion.toml)
    for line in (*evaluation.notes(found), *format_usage(meter), *([f"report     {report}"] if report else [])):
        say(line)
