"""`diptych ingest`: bring a store up to date."""

from __future__ import annotations

import click

from flows import report
from flows.commands import options
from flows.progress import display
from flows.terminal import json_line, put, say


@click.command(short_help="Bring the store up to date with files and folders.")
@options.documents
@options.store
@options.as_json
def ingest(paths: tuple[str, ...], store: str | None, as_json: bool) -> int:
    """Bring the store up to date with files and folders; only what is new or changed is done.

    A document that cannot be read stops nothing: it is listed, and the exit code tells. --json prints one object a
    document: uri, name, status (complete, partial, failed, unchanged), pages, passages, pictures, problems, error …
    """
    from diptych import Diptych, Outcome
    from diptych.settings import load

    with Diptych.open(load(store)) as diptych, display() as progress:
        found = diptych.sources(paths)
        progress.found(len(found.sources), found.left_out)

        def done(outcome: Outcome) -> None:
            progress.done(outcome)
            if as_json:
                put(json_line(report.record(outcome)))

        outcomes = diptych.ingest_all(found.sources, done)
    say(report.sentence(outcomes))
    return report.exit_code(outcomes)
