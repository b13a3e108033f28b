"""`diptych ingest`: bring a store up to date."""

from __future__ import annotations

import click

from flows.cli import options
from flows.support.progress import progress_display
from flows.support.removals import delete_removed
from flows.support.terminal import print_message


@click.command(short_help="Bring the store up to date with files and folders.")
@options.paths
@options.store
@options.as_json
@options.confirm_deletes
@options.budget
def ingest(
    paths: tuple[str, ...], store: str | None, as_json: bool, confirm_deletes: bool, budget: float | None
) -> int:
    """Bring the store up to date with files and folders. Only new and changed documents are processed.

    A document that cannot be read does not stop the others; it is listed, and the exit code is 4. Documents whose file
    is gone from a folder, or whose row is gone from a catalogue, are deleted. If more than a quarter of them are gone,
    nothing is deleted without --confirm-deletes. Documents that would exceed --budget wait for the next run. --json
    prints one object per document: uri, name, status (complete, partial, failed, unchanged, waiting, deleted, gone),
    pages, passages, pictures, problems, error …
    """
    with options.open_store(store, budget) as diptych, progress_display(as_json=as_json) as progress:
        maintenance = diptych.maintenance
        found = maintenance.find_sources(paths)
        progress.on_sources(len(found.sources), found.left_out)
        gone = maintenance.find_removed(paths, found.sources)
        maintenance.ingest_sources(found.sources, progress.on_outcome)
        progress.on_removals(delete_removed(diptych, paths, found.sources, gone, confirm_deletes))
    options.print_usage(diptych)
    print_message(progress.report.summary)
    if progress.report.stop_reason:
        print_message(progress.report.stop_reason)
    return progress.report.exit_code
