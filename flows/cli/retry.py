"""`diptych retry`: ingest failed documents again."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.maintenance_text import nothing_to_retry
from flows.support.progress import progress_display
from flows.support.terminal import print_message


@click.command(short_help="Retry documents that failed.")
@click.option("--all", "everything", is_flag=True, help="Also retry permanent failures and partial documents.")
@options.store
@options.as_json
@options.budget
def retry(everything: bool, store: str | None, as_json: bool, budget: float | None) -> int:
    """Retry documents that failed temporarily, from the places where they are registered.

    Catalogue rows are read through their catalogue. A document that fails again keeps its old version, if it has one.
    """
    with options.open_store(store, budget) as diptych, progress_display(as_json=as_json) as progress:
        outcomes = diptych.maintenance.retry(everything=everything, on_outcome=progress.on_outcome)
        message = progress.report.summary if outcomes else ""
        message = message or nothing_to_retry(diptych.documents(), diptych.settings.store)
    options.print_usage(diptych)
    print_message(message)
    if progress.report.stop_reason:
        print_message(progress.report.stop_reason)
    return progress.report.exit_code
