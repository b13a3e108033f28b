"""`diptych questions`: propose questions to evaluate search with."""

from __future__ import annotations

from pathlib import Path

import click

from flows.cli import options
from flows.support.exit_codes import ExitCode
from flows.support.terminal import print_message
from flows.support.text import diptych_command, pluralize

COUNT = click.IntRange(1, 2000)


@click.command(short_help="Propose questions with known answers, for `evaluate`.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--count", type=COUNT, default=50, show_default=True, help="Number of questions to propose.")
@options.budget
@options.store
def questions(file: Path, count: int, budget: float | None, store: str | None) -> int:
    """Propose questions from captions, rows and headings of the store, and write them to FILE for `diptych evaluate`.

    With the setting `answerer`, a vision model words the questions, at one paid request each; none is paid for twice.
    Requests that could exceed --budget are not sent: FILE then holds the questions so far, and the exit code is 3.

    Read the questions before you rely on them: taken from the documents' own words, they favour keyword search.
    """
    return propose_questions(file, count, budget, store)


def propose_questions(file: Path, count: int, budget: float | None, store: str | None) -> int:
    """Propose questions, write them to `file`, and return the exit code."""
    from diptych.errors import SourceError
    from diptych.evaluation.questions import write_questions

    if not file.parent.is_dir():  # reported before anything is paid for
        raise SourceError(f"{file.parent}: no such folder; create it, or choose another file")
    with options.open_store(store, budget) as diptych:
        proposals = diptych.maintenance.propose_questions(count)
    options.print_usage(diptych)
    if proposals.questions:
        write_questions(proposals.questions, file)
        evaluate = diptych_command("evaluate", str(file), store=diptych.settings.store)
        written = pluralize(len(proposals.questions), "question")
        print_message(f"{written} written to {file}: read and correct them, then run `{evaluate}`")
    if proposals.stopped:
        print_message(proposals.stopped)
    elif not proposals.questions:
        print_message("no questions to propose: the store has no caption, row or heading that occurs only once")
    return ExitCode.PARTIAL if proposals.stopped else ExitCode.COMPLETE
