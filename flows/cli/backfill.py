"""`diptych backfill`: bring in what was there before, as Prefect flow runs."""

from __future__ import annotations

from datetime import datetime

import click

from flows.cli import options


@click.command(short_help="Bring in many documents, as Prefect flow runs.")
@options.documents
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only files written on this day or later.")
@click.option("--limit", type=click.IntRange(1), help="Most documents; those that are already in do not count.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed for good or is partial.")
@options.budget
@click.option("--batch-api", is_flag=True, help="Ask paid models in batches: half the price, minutes to a day.")
@options.confirm_deletes
@options.store
def backfill(
    paths: tuple[str, ...],
    since: datetime | None,
    limit: int | None,
    retry_failed: bool,
    budget: float | None,
    batch_api: bool,
    confirm_deletes: bool,
    store: str | None,
) -> int:
    """Bring in what was there before the schedule, as runs of the Prefect flow `backfill`, with progress.

    Without --since and --limit, documents whose files are gone are deleted as `diptych ingest` does it. The runs are
    recorded by the server that PREFECT_API_URL (or your Prefect profile) names, else by a temporary one.
    Interrupted, it goes on from there when it is run again.

    No request is sent that could pass --budget: what it concerns waits for the next run, exit code 3. With --batch-api
    the models are asked beforehand; killed while it waits for them, it finds its batches again.
    """
    from flows.cli.local_runs import Wanted
    from flows.cli.local_runs import backfill as run

    day = since.date() if since else None
    return run(Wanted(paths, day, limit, retry_failed, confirm_deletes, store, budget, batch_api))
