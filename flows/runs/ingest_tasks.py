"""The tasks of the flows that ingest documents, and the report that ends such a run.

A document is a task with a task below it for each of its stages. Small documents share tasks; those of them that fail
are tried again in a task of their own, so that each failure can be seen under its own name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, ObjectNotFound, Pause, TerminationSignal
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed
from prefect.task_runners import TaskRunner

from diptych import Diptych, Outcome
from diptych.object_store import hide_credentials
from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.pipeline.stages import STAGES
from diptych.printable import one_line
from diptych.settings import Runner, Settings
from diptych.store.types import in_batches
from extractors.types import Source
from flows.deployment.flow_settings import StoreChoice, flow_settings
from flows.output.ingest_report import IngestReport
from flows.output.progress import current_listener
from flows.output.removals import NO_REMOVALS, Removals
from flows.runs.deletes import delete_removed
from flows.runs.document_tasks import has_own_task, ingest_documents
from flows.runs.events import DocumentEvents, emit_run_event
from flows.runs.local_prefect import run_result
from flows.runs.progress_artifact import progress_artifact
from flows.runs.run_states import cancelled_state, failed_state, report_stopped, wait_for_server
from flows.runs.runners import check_runner, started_task_runner, stop_processes, works_in_threads
from flows.runs.shared_store import RunStore, RunUsage, shared_diptych

if TYPE_CHECKING:
    from diptych.pipeline.discovery.removed_documents import FoundUris, RemovedDocuments

MAX_TASKS = 500
"""Task runs per flow run: Prefect's server records about 40 per second, and a larger graph helps nobody."""
RESERVED_TASKS = 100
"""Of these, for documents that failed together with others."""
BATCH_SIZE = 32
"""Small documents per task."""
SMALL_BYTES = 256 * 1024
"""Documents below this size share tasks: photos, single pages and catalogue rows rather than books."""


@contextmanager
def ingest_run(
    store: StoreChoice,
    budget: float | None,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    runner: Runner | None = None,
    pages: str | None = None,
) -> Iterator[tuple[Diptych, RunUsage]]:
    """Open the store for a run that ingests documents, with a count of what the run uses of paid models.

    Raises `SettingsError` if the tasks of the run could not reach the store.
    """
    settings = flow_settings(store, include, exclude, runner, pages)
    check_runner(settings)
    with shared_diptych(settings, budget, in_processes=not works_in_threads(settings)) as diptych:
        yield diptych, RunUsage(diptych.meter)


def ingest_in_tasks(diptych: Diptych, sources: Sequence[Source], *, retry: bool = False) -> list[Outcome]:
    """Ingest documents in tasks of the current flow run. Worker processes never outlive this call, however it ends."""
    if not sources:
        return []
    with progress_artifact(len(sources), diptych) as progress, started_task_runner(diptych.settings) as runner:
        run = _TaskedIngest(runner, diptych, retry)
        try:
            outcomes = run.ingest(sources)
        except BaseException as error:
            # The runner waits for its tasks, and they wait for their workers: the workers have to end first.
            diptych.close()
            stop_processes()
            if isinstance(error, TerminationSignal | Pause):
                report_stopped(progress.describe_rest())
                progress.update(progress.describe_rest())
            run.cancel_lost_tasks()
            raise
    diptych.maintenance.optimize_after(outcomes)
    return outcomes


class _TaskedIngest:
    """The documents of one run, in at most `MAX_TASKS` task runs."""

    def __init__(self, runner: TaskRunner[Any], diptych: Diptych, retry: bool) -> None:
        self._runner, self._store, self._retry = runner, RunStore.of(diptych), retry
        self._in_threads = works_in_threads(diptych.settings)
        self._futures: list[PrefectFuture[Any]] = []
        self._events = DocumentEvents()

    def ingest(self, sources: Sequence[Source]) -> list[Outcome]:
        batches = self._store.work_order(batch_sources(sources))
        show_stages = len(batches) * (1 + len(STAGES)) <= MAX_TASKS - RESERVED_TASKS
        left = MAX_TASKS - len(batches) * (1 + len(STAGES) * show_stages)
        shared = {source.uri: source for batch in batches if len(batch) > 1 for source in batch}
        futures = [self._submit(batch, self._retry, show_stages) for batch in batches]
        outcomes, alone = [], []
        for outcome in self._outcomes(futures):
            cost = 1 + len(STAGES) * outcome.transient
            if outcome.uri in shared and has_own_task(outcome) and cost <= left:
                left -= cost
                # A permanent failure is only read from the register again.
                retry = self._retry and outcome.transient
                alone.append(self._submit([shared[outcome.uri]], retry, show_stages=outcome.transient))
                continue
            if not self._in_threads or (outcome.uri in shared and has_own_task(outcome)):
                current_listener().on_outcome(outcome)  # its task has not
            self._events.emit(outcome)
            outcomes.append(outcome)
        for outcome in self._outcomes(alone):
            if not self._in_threads:
                current_listener().on_outcome(outcome)
            self._events.emit(outcome)
            outcomes.append(outcome)
        return outcomes

    def _submit(self, batch: list[Source], retry: bool, show_stages: bool) -> PrefectFuture[Any]:
        parameters = {
            "label": batch_label(batch),
            "sources": batch,
            "run": self._store,
            "retry": retry,
            "show_stages": show_stages,
        }
        self._futures.append(self._runner.submit(ingest_documents, parameters))
        return self._futures[-1]

    def _outcomes(self, futures: list[PrefectFuture[Any]]) -> Iterator[Outcome]:
        for future in as_completed(futures):
            outcomes: list[Outcome] | None = run_result(future)
            if outcomes is None:
                raise CancelledRun("a task was cancelled")
            yield from outcomes

    def cancel_lost_tasks(self) -> None:
        """Report the tasks of killed processes as Cancelled; threads report theirs."""
        if self._in_threads:
            return
        with get_client(sync_client=True) as client:
            for future in self._futures:
                with suppress(ObjectNotFound):  # it has not begun
                    client.set_task_run_state(future.task_run_id, cancelled_state(), force=True)


def batch_sources(sources: Iterable[Source]) -> list[list[Source]]:
    """One task per document; small documents share tasks, and large ones too when there are very many."""
    small: list[Source] = []
    large: list[Source] = []
    for source in sources:
        (small if is_small(source) else large).append(source)
    if len(small) <= BATCH_SIZE // 5:  # few enough for each to appear under its own name
        small, large = [], small + large
    minimum = max(1, math.ceil((len(small) + len(large)) / MAX_TASKS))
    return [*in_batches(large, minimum), *in_batches(small, max(BATCH_SIZE, minimum))]


def batch_label(batch: Sequence[Source]) -> str:
    """Name of a task in the UI."""
    first, last = one_line(batch[0].name, 80), one_line(batch[-1].name, 80)
    return first if len(batch) == 1 else f"{len(batch)} documents: {first} … {last}"


def is_small(source: Source) -> bool:
    """Whether a document shares its task with others."""
    return source.state.size < SMALL_BYTES


def delete_removed_documents(
    diptych: Diptych,
    paths: Sequence[str],
    found: Sequence[Source] | FoundUris,
    before: RemovedDocuments,
    confirmed: bool,
) -> Removals:
    """`delete_removed`, reported to the run's log and to the listener."""
    removals = delete_removed(diptych, paths, found, before, confirmed)
    current_listener().on_removals(removals)
    DocumentEvents().emit_deleted(removals.deleted)
    for line in removals.lines():
        get_run_logger().warning("%s", line)
    return removals


def finish_run(
    outcomes: Sequence[Outcome],
    skipped: Sequence[SkippedFile],
    usage: RunUsage,
    settings: Settings,
    removals: Removals = NO_REMOVALS,
    waiting: int = 0,
) -> State[Any]:
    """Store the report as an artifact and return the final state: Completed, Partial or Failed.

    `skipped`: files that were not read; `waiting`: number of documents left for another run.
    """
    report = IngestReport(outcomes, removals, skipped)
    message = report.summary + (f"; {waiting} more wait for the next run" if waiting else "")
    wait_for_server()
    page = report.markdown(hide_credentials(settings.store), list(map(str, skipped)), usage.lines, settings.search_page)
    create_markdown_artifact(page, key="ingest-report", description=message)
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
    emit_run_event(outcomes, report.status, data)
    if report.status == "failed":
        return failed_state(message, data)
    return Completed(name="Partial" if report.status == "partial" else "Completed", message=message, data=data)
