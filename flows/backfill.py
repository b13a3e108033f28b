"""Flow `backfill`: ingest existing documents in portions, optionally with failed ones and through batch endpoints."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych import Diptych
from diptych.pipeline.batch_prefill import progress_line, result_line
from diptych.settings import Runner
from extractors.types import Source
from flows.support.flow_settings import StoreChoice, flow_paths
from flows.support.ingest_tasks import MAX_TASKS, delete_removed_documents, finish_run, ingest_in_tasks, ingest_run
from flows.support.progress import current_listener
from flows.support.removals import NO_REMOVALS

MAX_DOCUMENTS = 50 * MAX_TASKS
"""Documents per run. The others wait for the next run, so that no run takes days."""


@flow(name="backfill")
def backfill(
    paths: list[str] | None = None,
    since: date | None = None,
    limit: Annotated[int, Field(ge=1)] | None = None,
    retry_failed: bool = False,
    confirm_deletes: bool = False,
    store: StoreChoice = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
    batch_api: bool = False,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    runner: Runner | None = None,
) -> State[Any]:
    """Ingest new and changed documents, at most `limit` of them. Run it again for the next ones.

    Documents whose files are gone are deleted, unless `since` or `limit` is set.

    Args:
        paths: Files and folders on the worker's machine. Default: Variable `diptych_paths`.
        since: Only documents whose file was modified on or after this day.
        limit: Maximum number of documents in this run; unchanged documents do not count.
        retry_failed: Also retry documents that failed permanently or are partial.
        confirm_deletes: Delete documents whose files are gone, even more than a quarter of them.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
        budget: Maximum spend on paid models in US dollars; other documents wait for the next run.
        batch_api: Use the batch endpoints of paid models: half the price, minutes to a day.
        include: Only read files that match one of these patterns, as in .gitignore. Default: as configured.
        exclude: Skip files and folders that match one of these patterns. Default: as configured.
        runner: Where the tasks work: threads, processes, or a Dask or Ray cluster. Default: as configured.
    """
    with ingest_run(store, budget, include, exclude, runner) as (diptych, usage):
        paths = flow_paths(paths)
        found = diptych.maintenance.find_sources(paths, retry=retry_failed)
        pending = diptych.maintenance.pending(modified_since(found.sources, since), retry=retry_failed)
        chosen = pending[: MAX_DOCUMENTS if limit is None else min(limit, MAX_DOCUMENTS)]
        current_listener().on_sources(len(chosen), found.skipped)
        diptych.maintenance.store_skipped(paths, found)
        gone = diptych.maintenance.find_removed(paths, found.sources) if since is None and limit is None else None
        if batch_api:
            prefill(diptych, chosen, retry_failed)
        outcomes = ingest_in_tasks(diptych, chosen, retry=retry_failed)
        removals = delete_removed_documents(diptych, paths, found, gone, confirm_deletes) if gone else NO_REMOVALS
        waiting = len(pending) - len(chosen)
        return finish_run(outcomes, found.skipped, usage, diptych.settings.store, removals, waiting)


def modified_since(sources: Iterable[Source], since: date | None) -> list[Source]:
    """Sources whose file was modified on the day `since`, in local time, or later."""
    if since is None:
        return list(sources)
    start = datetime.combine(since, time.min).timestamp()
    return [source for source in sources if _modified_at(source) >= start]


def _modified_at(source: Source) -> float:
    """Of a catalogue row: the latest of its catalogue and its pictures."""
    paths = [path for path in (source.path, *source.images) if path.is_file()]
    return max((path.stat().st_mtime for path in paths), default=0.0)


def prefill(diptych: Diptych, sources: Sequence[Source], retry: bool) -> None:
    """Send the paid requests through batch endpoints and wait; the ingest then finds the answers in the ledger."""
    last_line = ""

    def report(line: str) -> None:
        nonlocal last_line
        if line != last_line:  # most polls of a batch bring no news
            current_listener().on_note(line)
            get_run_logger().info("%s", line)
        last_line = line

    for result in diptych.maintenance.prefill(sources, lambda waiting: report(progress_line(waiting)), retry=retry):
        report(result_line(result))
