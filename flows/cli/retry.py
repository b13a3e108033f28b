"""`diptych retry`: another try for what failed."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support import failed_documents as quarantine
from flows.support import ingest_report as report
from flows.support.progress import display
from flows.support.terminal import json_line, put, say


@click.command(short_help="Try again what failed.")
@click.option("--all", "everything", is_flag=True, help="Also what failed for good, and partial documents.")
@options.store
@options.as_json
@options.budget
def retry(everything: bool, store: str | None, as_json: bool, budget: float | None) -> int:
    """Try again the documents that failed for a reason that may pass, each from its registered place.

    A catalogue's row is read through its catalogue. What fails again keeps its old version, if there was one.
    """
    from diptych import Diptych, Outcome
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings

    settings = load_settings(store)
    with Diptych.open(settings, budget=budget) as diptych, display() as progress:
        known = diptych.documents()
        documents = quarantine.chosen(known, everything)
        found, lost = quarantine.sources(diptych, documents)
        progress.found(len(documents), [])

        def done(outcome: Outcome) -> None:
            progress.done(outcome)
            if as_json:
                put(json_line(report.record(outcome)))

        for outcome in lost:
            done(outcome)
        outcomes = [*lost, *diptych.maintenance.ingest_sources(found, done, retry=True)]
    for line in format_usage(diptych.meter):
        say(line)
    say(report.sentence(outcomes) if documents else quarantine.nothing_to_do(known, settings.store))
    if reason := report.stopped(outcomes):
        say(reason)
    return report.exit_code(outcomes)
