"""`diptych backfill`: ingest many documents, as Prefect flow runs."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from flows.cli import options
from flows.support.local_prefect import local_prefect, run_recorded
from flows.support.progress import listening, progress_display
from flows.support.terminal import print_message
from flows.support.text import pluralize


@click.command(short_help="Ingest many documents, as Prefect flow runs.")
@options.paths
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only files modified on or after this day.")
@click.option("--limit", type=click.IntRange(1), help="Maximum number of documents; unchanged ones do not count.")
@click.option("--retry-failed", is_flag=True, help="Also retry permanent failures and partial documents.")
@options.budget
@click.option("--batch-api", is_flag=True, help="Use batch endpoints of paid models: half the price, up to a day.")
@options.confirm_deletes
@options.store
@options.patterns
def backfill(
    paths: tuple[str, ...],
    since: datetime | None,
    limit: int | None,
    retry_failed: bool,
    budget: float | None,
    batch_api: bool,
    confirm_deletes: bool,
    store: str | None,
    patterns: options.Patterns,
) -> int:
    """Ingest existing documents as runs of the Prefect flow `backfill`, showing progress.

    Without --since and --limit, documents whose files are gone are deleted, as `diptych ingest` does. The runs are
    recorded by the server in PREFECT_API_URL or your Prefect profile, or else by a temporary one. After an
    interruption, run the command again to continue.

    Requests that could exceed --budget are not sent; their documents wait for the next run (exit code 3). With
    --batch-api the command waits for the providers' batches, and finds them again if it is interrupted.
    """
    settings = options.load(store)
    with local_prefect(), progress_display() as progress:
        from flows.backfill import backfill as backfill_flow
        from flows.support.ingest_tasks import ingest_run

        parameters: dict[str, Any] = {
            "paths": [_absolute(path) for path in paths],
            "since": since.date() if since else None,
            "retry_failed": retry_failed,
            "confirm_deletes": confirm_deletes,
            "store": _absolute(settings.store),
            "budget": budget,
            "batch_api": batch_api,
            "include": list(patterns.include),
            "exclude": list(patterns.exclude),
        }
        remaining, waiting = limit, 0
        opened = ingest_run(parameters["store"], budget, *patterns)  # once, for one budget of all runs
        with opened as (diptych, _), listening(progress):
            while remaining is None or remaining > 0:
                before = len(progress.outcomes)
                data = run_recorded(backfill_flow, **parameters, limit=remaining)
                new = progress.outcomes[before:]
                remaining = None if limit is None else limit - len(progress.outcomes)
                ingested = any(outcome.status in ("complete", "partial") for outcome in new)
                waiting = data["waiting"]
                if not waiting or not ingested or progress.report.stop_reason:
                    break
    options.print_usage(diptych)
    report = progress.report
    if not (report.outcomes or report.removals.deleted or report.removals.unconfirmed):
        print_message("nothing to do: all documents are up to date")
    else:
        print_message(report.summary + (f"; {report.stop_reason}" if report.stop_reason else ""))
        if waiting and not report.stop_reason:
            print_message(f"{pluralize(waiting, 'document')} left; run the command again for the next ones")
    return report.exit_code


def _absolute(path: str) -> str:
    """A path that also holds in the folder of a flow run; URIs stay as they are."""
    return path if "://" in path else str(Path(path).absolute())
