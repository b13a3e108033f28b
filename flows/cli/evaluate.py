"""`diptych questions` and `evaluate`: measure which kind of retrieval works on your own documents."""

from pathlib import Path

import click

from flows.cli import options
from flows.output.evaluation_tables import REPORT, evaluation_notes, evaluation_tables
from flows.output.terminal import ExitCode, print_json, print_message, print_output
from flows.output.wording import diptych_command, pluralize
from flows.runs.local_prefect import recorded_runs, run_recorded
from flows.runs.questions import Evaluated, run_evaluation


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--count", type=click.IntRange(1, 2000), default=50, show_default=True, help="Number of questions to propose."
)
@options.budget
@options.store
def questions(file: Path, count: int, budget: float | None, store: str | None) -> int:
    """Propose questions from captions, rows and headings of the store, and write them to FILE for `diptych evaluate`.

    If FILE exists, its questions are kept as they are, and questions about other places are added to it.

    With the setting `answerer`, a vision model words the questions, at one paid request each; none is paid for twice.
    Requests that could exceed --budget are not sent: FILE then holds the questions so far, and the exit code is 3.

    Read the questions before you rely on them: taken from the documents' own words, they favour keyword search.
    """
    from diptych.errors import SourceError
    from diptych.evaluation.questions import append_questions, read_questions

    if not file.parent.is_dir():  # reported before anything is paid for
        raise SourceError(f"{file.parent}: no such folder; create it, or choose another file")
    known = read_questions(file) if file.exists() and file.read_bytes().strip() else []
    with options.open_store(store, budget) as diptych:
        proposals = diptych.maintenance.propose_questions(count, known=known)
    options.print_usage(diptych)
    if proposals.questions:
        append_questions(proposals.questions, file)
        evaluate = diptych_command("evaluate", str(file), store=diptych.settings.store)
        written = pluralize(len(proposals.questions), "question") + (" added" if known else " written")
        print_message(f"{written} to {file}: read and correct them, then run `{evaluate}`")
    if proposals.stopped:
        print_message(proposals.stopped)
    elif not proposals.questions:
        print_message("no further questions to propose: no other caption, row or heading makes a specific question")
    return ExitCode.PARTIAL if proposals.stopped else ExitCode.COMPLETE


@click.command()
@click.argument("questions", type=options.file_type)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.html, with plots.")
@click.option("--arms", metavar="A,B", help="Compare only these; `fused` alone is fastest and suggests no weights.")
@click.option("--gate", metavar="EXPR", help='Exit with 5 below it: "page recall@10 >= 0.8 and document mrr >= 0.9".')
@options.budget
@options.prefect
@options.as_json
@options.store
def evaluate(
    questions: Path,
    out: Path | None,
    arms: str | None,
    gate: str | None,
    budget: float | None,
    prefect: bool | None,
    as_json: bool,
    store: str | None,
) -> int:
    """Put QUESTIONS with known answers to every kind of retrieval, and show how well each works, with confidence.

    A line of QUESTIONS: {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3]}; for a figure also
    "boxes": [{"page": 3, "bbox": [x0, y0, x1, y1]}] or "label": "figure 2"; "image" and "where" as in a batch of
    queries; "type" to compare types of questions.

    Arms: fused (search as configured), passages, bm25, dense,
    descriptions, pixels, pages, captions, reranked. Weights are suggested if others are clearly better on held-out
    documents.

    `diptych questions FILE` proposes questions.
    """
    chosen = [name.strip() for name in arms.split(",") if name.strip()] if arms else None
    settings, report = options.load(store), out / REPORT if out else None
    ended: list[Evaluated] = []
    if options.is_recorded(prefect, settings):
        with recorded_runs(ended.append):
            from flows.evaluate import evaluate as evaluate_flow

            run_recorded(
                evaluate_flow,
                questions=str(questions), arms=chosen, gate=gate, out=str(out) if out else None, store=settings.store,
                budget=budget,
            )  # fmt: skip
    else:
        from diptych import Diptych

        with Diptych.open(settings, budget=budget) as diptych:
            ended.append(run_evaluation(diptych, questions, chosen, gate, report, print_message))
    return _print_evaluation(ended[0], as_json, report)


def _print_evaluation(evaluated: Evaluated, as_json: bool, report: Path | None) -> int:
    """Print the result and return the exit code."""
    evaluation = evaluated.evaluation
    if as_json:
        print_json(evaluation.as_dict())
    else:
        print_output(*evaluation_tables(evaluation))
        if evaluation.suggestion and evaluation.suggestion.toml:
            print_output(evaluation.suggestion.toml)
    for line in (*evaluation_notes(evaluation), *evaluated.usage):
        print_message(line)
    if report:
        print_message(f"report     {report}")
    if evaluated.below_gate:
        print_message(f"diptych: {evaluated.below_gate}")
    return ExitCode.BELOW_GATE if evaluated.below_gate else ExitCode.COMPLETE
