"""`diptych ingest`: bring a store up to date."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support import ingest_report as report
from flows.support.progress import display
from flows.support.removed_documents import settle
from flows.support.terminal import json_line, put, say


@click.command(short_help="Bring the store up to date with files and folders.")
@options.documents
@options.store
@options.as_json
@options.confirm_deletes
@options.budget
def ingest(
    paths: tuple[str, ...], store: str | None, as_json: bool, confirm_deletes: bool, budget: float | None
) -> int:
    """Bring the store up to date with files and folders; only what is new or changed is done.

    A document that cannot be read stops nothing: it is listed, and the exit code tells. A document whose file is gone
    from a folder, or whose row from a catalogue, is deleted; when that is more than a quarter of the documents there,
    nothing is deleted before --confirm-deletes. What --budget does not allow waits for the next run. --json prints one
    object a document: uri, name, status (complete, partial, failed, unchanged, waiting, deleted, gone), pages,
    passages, pictures, problems, error …
    """
    from diptych import Diptych, Outcome
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings

    with Diptych.open(load_settings(store), budget=budget) as diptych, display() as progress:
        found = diptych.maintenance.find_sources(paths)
        progress.found(len(found.sources), found.left_out)

        def done(outcome: Outcome) -> None:
            progress.done(outcome)
            if as_json:
                put(json_line(report.record(outcome)))

        before = diptych.maintenance.find_removed(paths, found.sources)
        outcomes = diptych.maintenance.ingest_sources(found.sources, done)
        departures = settle(diptych, paths, found.sources, before, confirm_deletes)
        progress.settled(departures)
    if as_json:
        for record in report.departed_records(departures):
            put(json_line(record))
    stopped = [reason] if (reason := report.stopped(outcomes)) else []
    for line in (*format_usage(diptych.meter), report.sentence(outcomes, departures), *stopped):
        say(line)
    return report.exit_code(outcomes, departures)
