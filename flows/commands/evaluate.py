"""`diptych evaluate`: which kind of retrieval works on one's own documents."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands import options
from flows.terminal import json_line, put, say, show


@click.command(short_help="Measure search on your own questions; propose some.")
@click.argument("questions", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for report.html, with plots.")
@click.option("--arms", metavar="A,B", help="Compare only these; `fused` alone is quickest and suggests no weights.")
@click.option("--gate", metavar="EXPR", help='Exit with 5 below it: "page recall@10 >= 0.8 and document mrr >= 0.9".')
@click.option("--make-questions", metavar="FILE", type=click.Path(path_type=Path), help="Propose questions instead.")
@click.option("--count", type=click.IntRange(1, 2000), default=50, show_default=True, help="How many to propose.")
@options.as_json
@options.store
def evaluate(
    questions: Path | None,
    out: Path | None,
    arms: str | None,
    gate: str | None,
    make_questions: Path | None,
    count: int,
    as_json: bool,
    store: str | None,
) -> int:
    """Put QUESTIONS with known answers to every kind of retrieval, and tell what works, and how sure that is.

    \b
    A line of QUESTIONS: {"id": "q1", "text": "…", "document": "manual.pdf", "pages": [3]}; for a figure also
    "boxes": [{"page": 3, "bbox": [x0, y0, x1, y1]}] or "label": "figure 2"; "image" and "where" as in a batch of
    queries; "type" to compare kinds of questions by. Arms: fused (the search as it is), passages, bm25, dense,
    descriptions, pixels, captions. Weights are suggested when others are clearly better on held-out documents.

    \b
    --make-questions FILE proposes questions from captions and rows of the store, or by the setting `answerer`.
    Read them before you trust them: made from the documents' own words, they favour search by words.
    """
    if bool(questions) == bool(make_questions):
        raise click.UsageError("give either QUESTIONS or --make-questions FILE")
    if make_questions:
        return _make(make_questions, count, store)

    from diptych import Diptych
    from diptych.evaluation import gates
    from diptych.settings import load
    from flows import evaluation

    assert questions
    floor = gates.parse(gate) if gate else []
    chosen = [name.strip() for name in arms.split(",") if name.strip()] if arms else None
    with Diptych.open(load(store)) as diptych:
        report = out / evaluation.REPORT if out else None
        found = diptych.evaluate(questions, chosen, report, lambda name: say(f"running    {name}"))
    if as_json:
        put(json_line(found.as_dict()))
    else:
        show(*evaluation.tables(found))
        if found.suggestion and found.suggestion.toml:
            show(found.suggestion.toml)
    for line in evaluation.notes(found):
        say(line)
    if report:
        say(f"report     {report}")
    below = gates.below(floor, found)
    if below:
        say(f"diptych: {below}")
    return evaluation.GATE if below else 0


def _make(file: Path, count: int, store: str | None) -> int:
    from diptych import Diptych
    from diptych.evaluation.questions import write
    from diptych.paid.costs import usage_lines
    from diptych.settings import load

    with Diptych.open(load(store)) as diptych:
        made = diptych.make_questions(count)
        write(made, file)
    for line in usage_lines(diptych.meter):
        say(line)
    say(f"{len(made)} questions in {file}: read them, mend them, then `diptych evaluate {file}`")
    return 0
