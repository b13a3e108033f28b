"""The tasks of the flows that ingest documents, and the report that ends such a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from logging import DEBUG, ERROR, INFO, WARNING
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import as_completed
from prefect.states import Completed, Failed

from diptych import Diptych, Outcome
from diptych.settings import Runner
from extractors.formats import has_rows
from extractors.types import Source
from flows.support.flow_settings import StoreChoice, flow_settings
from flows.support.ingest_report import IngestReport, outcome_line
from flows.support.local_prefect import run_result
from flows.support.progress import current_listener
from flows.support.removals import NO_REMOVALS, Removals, delete_removed
from flows.support.runners import check_runner, started_task_runner, stop_processes, works_in_threads
from flows.support.shared_store import RunStore, RunUsage, shared_diptych

if TYPE_CHECKING:
    from diptych.pipeline.removed_documents import RemovedDocuments
    from diptych.pipeline.skipped_files import SkippedFile
    from diptych.pipeline.sources import FoundSources

MAX_TASKS = 500
"""Task runs per flow run: Prefect's server records about 40 per second, and a larger graph helps nobody."""
BATCH_SIZE = 32
"""Small documents per task."""
SMALL_BYTES = 256 * 1024
"""Documents below this size share tasks: photos, single pages and catalogue rows rather than books."""
LOG_LEVELS = {"complete": INFO, "partial": WARNING, "failed": ERROR, "unchanged": DEBUG, "waiting": WARNING}


@contextmanager
def ingest_run(
    store: StoreChoice,
    budget: float | None,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    runner: Runner | None = None,
) -> Iterator[tuple[Diptych, RunUsage]]:
    """Open the store for a run that ingests documents, with a count of what the run uses of paid models.

    Raises `SettingsError` if the tasks of the run could not reach the store.
    """
    settings = flow_settings(store, include, exclude, runner)
    check_runner(settings)
    with shared_diptych(settings, budget, in_processes=not works_in_threads(settings)) as diptych:
        yield diptych, RunUsage(diptych.meter)


def ingest_in_tasks(diptych: Diptych, sources: Sequence[Source], *, retry: bool = False) -> list[Outcome]:
    """Ingest documents in tasks of the current flow run. Worker processes never outlive this call, however it ends."""
    run, in_threads = RunStore.of(diptych), works_in_threads(diptych.settings)
    outcomes: list[Outcome] = []
    with started_task_runner(diptych.settings) as runner:
        try:
            futures = [
                runner.submit(
                    ingest_documents, {"label": batch_label(batch), "sources": batch, "run": run, "retry": retry}
                )
                for batch in batch_sources(sources)
            ]
            for future in as_completed(futures):
                ended: list[Outcome] = run_result(future)
                outcomes += ended
                if not in_threads:  # nobody listens in the processes of these tasks
                    for outcome in ended:
                        current_listener().on_outcome(outcome)
        except BaseException:
            # The runner waits for its tasks, and they wait for their workers: the workers have to end first.
            diptych.close()
            stop_processes()
            raise
    diptych.maintenance.optimize_after(outcomes)
    return outcomes


@task(name="ingest documents", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def ingest_documents(label: str, sources: list[Source], run: RunStore, retry: bool) -> State[Any]:
    """Ingest documents one by one. A document that fails does not stop the others; the task fails at its end."""

    def on_outcome(outcome: Outcome) -> None:
        current_listener().on_outcome(outcome)
        level = INFO if outcome.acknowledged else LOG_LEVELS[outcome.status]
        get_run_logger().log(level, "%s", outcome_line(outcome))

    with run.opened() as diptych:
        outcomes = diptych.maintenance.ingest_group(sources, on_outcome, retry=retry)
    report = IngestReport(outcomes)
    return (Failed if report.status == "failed" else Completed)(message=report.summary, data=outcomes)


def batch_sources(sources: Iterable[Source]) -> list[list[Source]]:
    """One task per document; small documents share tasks, and large ones too when there are very many."""
    small: list[Source] = []
    large: list[Source] = []
    for source in sources:
        (small if _size(source) < SMALL_BYTES else large).append(source)
    if len(small) <= BATCH_SIZE // 5:  # few enough for each to appear under its own name
        small, large = [], small + large
    minimum = max(1, math.ceil((len(small) + len(large)) / MAX_TASKS))
    return _split(large, minimum) + _split(small, max(BATCH_SIZE, minimum))


def batch_label(batch: Sequence[Source]) -> str:
    """Name of a task in the UI."""
    return batch[0].name if len(batch) == 1 else f"{batch[0].name} and {len(batch) - 1} more"


def _split(sources: Sequence[Source], size: int) -> list[list[Source]]:
    return [list(sources[start : start + size]) for start in range(0, len(sources), size)]


def _size(source: Source) -> int:
    """Bytes of the files to open; 0 for rows without a picture, and for missing files, which extraction reports."""
    paths = source.images if has_rows(source.path) else (source.path,)
    return sum(path.stat().st_size for path in paths if path.is_file())


def delete_removed_documents(
    diptych: Diptych, paths: Sequence[str], found: FoundSources, before: RemovedDocuments, confirmed: bool
) -> Removals:
    """`delete_removed`, reported to the run's log and to the listener."""
    removals = delete_removed(diptych, paths, found.sources, before, confirmed)
    current_listener().on_removals(removals)
    for line in removals.lines():
        get_run_logger().warning("%s", line)
    return removals


def finish_run(
    outcomes: Sequence[Outcome],
    skipped: Sequence[SkippedFile],
    usage: RunUsage,
    store: str,
    removals: Removals = NO_REMOVALS,
    waiting: int = 0,
) -> State[Any]:
    """Store the report as artifacts and return the final state: Completed, Partial or Failed.

    `skipped`: files that were not read; `waiting`: number of documents left for another run.
    """
    report = IngestReport(outcomes, removals)
    message = report.summary + (f"; {waiting} more wait for the next run" if waiting else "")
    create_markdown_artifact(report.markdown(store, list(map(str, skipped)), usage.lines), key="ingest-report")
    create_table_artifact(report.rows(), key="ingest-documents", description=message)
    if report.stop_reason:
        get_run_logger().warning("%s", report.stop_reason)
    counts = report.counts
    data = {
        **counts,
        "acknowledged": report.acknowledged,
        "left_out": len(skipped),
        "deleted": len(removals.deleted),
        "gone": len(removals.unconfirmed),
        "waiting": waiting + counts["waiting"],
        "usage": usage.numbers,
    }
    if report.status == "failed":
        return Failed(message=message, data=data)
    return Completed(name="Partial" if report.status == "partial" else "Completed", message=message, data=data)
