"""`diptych backfill`: ingest many documents, as Prefect flow runs."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from flows.cli import options
from flows.output.progress import listening, progress_display
from flows.output.terminal import ExitCode, print_message, print_output
from flows.output.wording import pluralize
from flows.runs.local_prefect import local_prefect, run_recorded

if TYPE_CHECKING:
    from diptych import Settings


@click.command()
@options.paths
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Only files modified on or after this day."
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Only files modified on or before this day.",
)
@click.option("--limit", type=click.IntRange(1), help="Maximum number of documents; unchanged ones do not count.")
@click.option("--retry-failed", is_flag=True, help="Also retry permanent failures and partial documents.")
@options.budget
@click.option("--batch-api", is_flag=True, help="Use batch endpoints of paid models: half the price, up to a day.")
@click.option("--dry-run", is_flag=True, help="Only list what would be ingested.")
@options.confirm_deletes
@options.store
@options.patterns
def backfill(
    paths: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    retry_failed: bool,
    budget: float | None,
    batch_api: bool,
    dry_run: bool,
    confirm_deletes: bool,
    store: str | None,
    patterns: options.Patterns,
) -> int:
    """Ingest any number of existing documents as a run of the Prefect flow `backfill`, showing progress.

    Documents are ingested while the rest is still being listed, in parts that are runs of their own.
    Without --since, --until and --limit, documents whose files are gone are deleted, as `diptych ingest` does. The runs
    are recorded by the server in PREFECT_API_URL or your Prefect profile, or else by a temporary one. Ctrl-C, or
    cancelling the run in Prefect, stops within seconds; run the command again to continue.

    Requests that could exceed --budget are not sent; their documents wait for the next run (exit code 3). With
    --batch-api the command waits for the providers' batches, and finds them again if it is interrupted. --dry-run
    prints the names on stdout and needs no Prefect.
    """
    settings = options.load(store, patterns)
    days = {"since": since.date() if since else None, "until": until.date() if until else None}
    if dry_run:
        return _list_backlog(settings, paths, retry_failed, limit, **days)
    place = options.absolute(settings.store)
    with local_prefect(), progress_display() as progress, listening(progress):
        from flows.backfill import backfill as backfill_flow
        from flows.runs.ingest_tasks import ingest_run

        # Opened here, so that its usage can be shown.
        with ingest_run(place, budget, *patterns) as (diptych, _):
            data = run_recorded(
                backfill_flow,
                paths=list(map(options.absolute, paths)), **days, limit=limit, retry_failed=retry_failed,
                confirm_deletes=confirm_deletes, store=place, budget=budget,
                batch_api=batch_api, include=list(patterns.include), exclude=list(patterns.exclude),
            )  # fmt: skip
    options.print_usage(diptych)
    report, waiting = progress.report, data["waiting"]
    if not (report.outcomes or report.removals.deleted or report.removals.unconfirmed or report.unreachable):
        print_message("nothing to do: all documents are up to date")
    else:
        print_message(report.summary + (f"; {report.stop_reason}" if report.stop_reason else ""))
    if waiting and not report.stop_reason:
        print_message(f"{pluralize(waiting, 'document')} left; run the command again for the next ones")
    return report.exit_code


def _list_backlog(
    settings: Settings,
    paths: tuple[str, ...],
    retry: bool,
    limit: int | None,
    since: date | None,
    until: date | None,
) -> int:
    from diptych import Diptych
    from diptych.pipeline.discovery.skipped_files import describe_skipped

    with Diptych.open(settings) as diptych:
        backlog, count = diptych.maintenance.backlog(paths, retry=retry, since=since, until=until), 0
        for source in islice(backlog, limit):
            print_output(source.name)
            count += 1
    for line in describe_skipped(backlog.skipped):
        print_message(f"left out   {line}")
    print_message(f"{pluralize(count, 'document')} to ingest, {backlog.unchanged:,} up to date; nothing was stored")
    return ExitCode.COMPLETE
