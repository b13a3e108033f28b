"""The flow that brings in what was there before the schedule: as much as wanted, and failures again on request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych import Diptych
from diptych.settings import load_settings
from extractors.types import Source
from flows.ingest import conclude, depart, ingest_all
from flows.support.batching import MOST, changed_since
from flows.support.open_stores import opened
from flows.support.progress import watcher
from flows.support.removed_documents import NONE
from flows.support.spending import Spent
from flows.support.task_runners import alone


@flow(name="backfill")
def backfill(
    paths: list[str],
    since: date | None = None,
    limit: Annotated[int, Field(ge=1)] | None = None,
    retry_failed: bool = False,
    confirm_deletes: bool = False,
    store: str | None = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
    batch_api: bool = False,
) -> State[Any]:
    """Ingest what needs it, at most `limit` documents; run it again for the next ones.

    With neither `since` nor `limit`, documents whose files are gone are deleted.

    Args:
        paths: Files and folders on the worker's machine, relative ones below the project's folder.
        since: Only documents whose file was written on this day or later.
        limit: Most documents of this run; those that are already in do not count.
        retry_failed: Try again what failed for good before, or is partial.
        confirm_deletes: Delete documents whose files are gone even when that is more than a quarter of those there.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
        budget: US dollars that paid models may cost in this run; what they would pass it with waits. Empty: no limit.
        batch_api: First ask paid models through their batch endpoints: half the price, minutes to a day.
    """
    settings = load_settings(store or None)
    alone(settings, budget)
    with opened(settings, budget) as diptych:
        used = diptych.meter.usage()
        found = diptych.maintenance.find_sources(paths)
        due = diptych.maintenance.pending(changed_since(found.sources, since), retry=retry_failed)
        chosen = due[: MOST if limit is None else min(limit, MOST)]
        watcher().found(len(chosen), found.left_out)
        before = diptych.maintenance.find_removed(paths, found.sources) if since is None and limit is None else None
        if batch_api:
            ask_beforehand(diptych, chosen, retry_failed)
        outcomes = ingest_all(chosen, settings, retry=retry_failed)
        departures = depart(diptych, paths, found, before, confirm_deletes) if before else NONE
        spent = Spent(diptych.meter, used)
        return conclude(outcomes, found.left_out, spent, settings, departures, waiting=len(due) - len(chosen))


def ask_beforehand(diptych: Diptych, chosen: Sequence[Source], retry: bool) -> None:
    """Through batch endpoints, told to the run's log and to whoever watches; what that gives nobody pays again."""
    from diptych.pipeline.batch_prefill import progress_line, result_line

    last = ""

    def tell(line: str) -> None:
        nonlocal last
        if line != last:  # a look at a batch seldom brings news
            watcher().noted(line)
            get_run_logger().info("%s", line)
        last = line

    for result in diptych.maintenance.prefill(chosen, lambda waiting: tell(progress_line(waiting)), retry=retry):
        tell(result_line(result))
