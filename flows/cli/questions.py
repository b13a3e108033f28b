"""`diptych questions`: questions proposed from what is stored, to evaluate search by."""

from __future__ import annotations

from pathlib import Path

import click

from flows.cli import options
from flows.support import ingest_report as report
from flows.support.shell import command
from flows.support.terminal import say

COUNT = click.IntRange(1, 2000)


@click.command(short_help="Propose questions with known answers, to evaluate by.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--count", type=COUNT, default=50, show_default=True, help="How many to propose.")
@options.budget
@options.store
def questions(file: Path, count: int, budget: float | None, store: str | None) -> int:
    """Propose questions from captions, rows and headings of the store, and write them to FILE for `diptych evaluate`.

    With the setting `answerer` a vision model asks in its own words: one paid request a question, none of them twice.
    No request is sent that could pass --budget: what was proposed until then is in FILE, exit code 3.

    Read them before you trust them: made from the documents' own words, they favour search by words.
    """
    return propose(file, count, budget, store)


def propose(file: Path, count: int, budget: float | None, store: str | None) -> int:
    """Propose questions, write them, and give the exit code."""
    from diptych import Diptych
    from diptych.errors import SourceError
    from diptych.evaluation.questions import write_questions
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings

    if not file.parent.is_dir():  # told before anything is paid
        raise SourceError(f"{file.parent}: no such folder; make it, or give another file")
    settings = load_settings(store)
    with Diptych.open(settings, budget=budget) as diptych:
        made = diptych.maintenance.propose_questions(count)
    for line in format_usage(diptych.meter):
        say(line)
    if made.questions:
        write_questions(made.questions, file)
        number = report.number(len(made.questions), "question")
        evaluate = command("evaluate", str(file), store=settings.store)
        say(f"{number} in {file}: read them, mend them, then `{evaluate}`")
    if made.stopped:
        say(made.stopped)
    elif not made.questions:
        say("nothing to ask: the store has no caption, row or heading that stands in one place only")
    return report.PARTIAL if made.stopped else report.COMPLETE
