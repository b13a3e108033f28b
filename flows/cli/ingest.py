"""`diptych ingest`: bring a store up to date, in this process or as a Prefect flow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.output.progress import ProgressDisplay, listening, progress_display
from flows.output.terminal import print_message
from flows.runs.deletes import delete_removed
from flows.runs.local_prefect import local_prefect, run_recorded

if TYPE_CHECKING:
    from diptych import Diptych


@click.command()
@options.paths
@options.store
@options.as_json
@options.confirm_deletes
@options.budget
@options.prefect
@options.pages
@options.patterns
def ingest(
    paths: tuple[str, ...],
    store: str | None,
    as_json: bool,
    confirm_deletes: bool,
    budget: float | None,
    prefect: bool | None,
    pages: str,
    patterns: options.Patterns,
) -> int:
    """Bring the store up to date with files and folders. Only new and changed documents are processed.

    A document that cannot be read does not stop the others; it is listed, and the exit code is 4. Documents whose file
    is gone from a folder, or whose row is gone from a catalogue, are deleted. If more than a quarter of them are gone,
    nothing is deleted without --confirm-deletes. Documents that would exceed --budget wait for the next run. --json
    prints one object per document: uri, name, status (complete, partial, failed, unchanged, waiting, deleted, gone),
    pages, passages, pictures, problems, error … Skipped files are objects too: name, status (skipped), error.
    """
    settings = options.load(store, patterns, pages)
    with progress_display(as_json=as_json) as progress:
        if options.is_recorded(prefect, settings):
            with local_prefect(), listening(progress):
                from flows.ingest import ingest as ingest_flow
                from flows.runs.ingest_tasks import ingest_run

                # Opened here, so that its usage can be shown.
                with ingest_run(settings.store, budget, *patterns, pages=pages) as (diptych, _):
                    run_recorded(
                        ingest_flow,
                        paths=list(paths), confirm_deletes=confirm_deletes, store=settings.store, budget=budget,
                        include=list(patterns.include), exclude=list(patterns.exclude), pages=pages or None,
                    )  # fmt: skip
        else:
            from diptych import Diptych

            with Diptych.open(settings, budget=budget) as diptych:
                _ingest_here(diptych, paths, confirm_deletes, progress)
    options.print_usage(diptych)
    print_message(progress.report.summary)
    print_message(progress.report.stop_reason)
    return progress.report.exit_code


def _ingest_here(diptych: Diptych, paths: tuple[str, ...], confirm_deletes: bool, progress: ProgressDisplay) -> None:
    maintenance = diptych.maintenance
    found = maintenance.find_sources(paths)
    progress.on_sources(len(found.sources), found.skipped)
    maintenance.store_skipped(paths, found)
    gone = maintenance.find_removed(paths, found.sources)
    maintenance.ingest_sources(found.sources, progress.on_outcome)
    progress.on_removals(delete_removed(diptych, paths, found.sources, gone, confirm_deletes))
