"""Flow `backfill`: ingest any number of existing documents, in parts that are flow runs of their own.

The documents of the next part are listed while one is ingested. A part stays within the number of task runs that a
Prefect server records well.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from datetime import date
from itertools import islice
from queue import Queue
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, Pause, TerminationSignal
from prefect.states import Cancelled
from pydantic import Field

from diptych import Diptych
from diptych.errors import DiptychError
from diptych.pipeline.backlog import Backlog
from diptych.pipeline.batch.prefill import progress_line, result_line
from diptych.pipeline.discovery.sources import FoundSources
from diptych.settings import Runner
from extractors.types import Source
from flows.deployment.flow_settings import StoreChoice, flow_paths
from flows.output.progress import current_listener, listening
from flows.output.removals import NO_REMOVALS
from flows.runs.backfill_progress import BackfillProgress, Watch, watched
from flows.runs.ingest_tasks import (
    BATCH_SIZE,
    delete_removed_documents,
    finish_run,
    ingest_in_tasks,
    ingest_run,
    is_small,
)
from flows.runs.local_prefect import run_result
from flows.runs.run_states import describe_paths, ends_with_sentence, name_run, report_stopped
from flows.runs.shared_store import RunUsage

PART_TASKS = 100
"""Tasks per part: few enough to start soon, and for a timeline that can be read."""
BATCH_API_TASKS = 5 * PART_TASKS
"""Per part whose requests go through batch endpoints, which may take a day."""


@flow(name="backfill")
@ends_with_sentence
def backfill(
    paths: list[str] | None = None,
    since: date | None = None,
    until: date | None = None,
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
    """Ingest new and changed documents, in parts of a few thousand. A run that was stopped is continued by the next.

    Documents whose files are gone are deleted, unless `since`, `until` or `limit` is set.

    Args:
        paths: Files and folders on the worker's machine. Default: Variable `diptych_paths`.
        since: Only documents whose file was modified on or after this day.
        until: Only documents whose file was modified on or before this day.
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
        name_run(f"backfill {describe_paths(paths)}", diptych.settings.store)
        backlog = diptych.maintenance.backlog(paths, retry=retry_failed, since=since, until=until)
        progress = BackfillProgress(current_listener(), backlog, usage, budget, limit)
        run = _Backfill(diptych, backlog, progress, retry_failed, batch_api)
        with watched(run.progress, backlog.listing.count_files, diptych.close) as watch, listening(run.progress):
            try:
                waiting = run.ingest(limit, watch)
                removals = NO_REMOVALS
                if (since, until, limit) == (None, None, None):
                    gone = diptych.maintenance.find_removed(paths, backlog.found)
                    gone = replace(gone, covered=gone.covered - backlog.new)
                    removals = delete_removed_documents(diptych, paths, backlog.found, gone, confirm_deletes)
                diptych.maintenance.store_skipped(paths, FoundSources([], backlog.skipped))
            except (TerminationSignal, Pause):
                report_stopped(run.progress.describe_rest())
                raise
            except (KeyboardInterrupt, CancelledRun, DiptychError) as error:
                if not (watch.cancelled or isinstance(error, KeyboardInterrupt | CancelledRun)):
                    raise
                diptych.close()
                get_run_logger().warning("%s", run.progress.describe_rest())
                return Cancelled(message=run.progress.describe_rest())
        return finish_run(run.progress.outcomes, backlog.skipped, usage, diptych.settings, removals, waiting)


class _Backfill:
    """One run of the flow."""

    def __init__(
        self, diptych: Diptych, backlog: Backlog, progress: BackfillProgress, retry: bool, batch_api: bool
    ) -> None:
        self._diptych, self._backlog, self._retry, self._batch_api = diptych, backlog, retry, batch_api
        self.progress = progress

    def ingest(self, limit: int | None, watch: Watch) -> int:
        """Ingest at most `limit` documents; returns how many are left.

        Raises `CancelledRun` if a part was cancelled or interrupted.
        """
        pending, chosen, waiting, stopped = iter(self._backlog), 0, 0, False
        for part in in_parts(islice(pending, limit), BATCH_API_TASKS if self._batch_api else PART_TASKS):
            if stopped:
                waiting += len(part)
                continue
            state = self._ingest_part(part, chosen, watch)
            if watch.cancelled or state.is_cancelled():
                raise CancelledRun(state.message)
            chosen += len(part)
            stopped = any(outcome.status == "waiting" for outcome in self.progress.outcomes[-len(part) :])
        waiting += sum(1 for _ in pending)
        self.progress.on_sources(chosen, self._backlog.skipped)
        return waiting

    def _ingest_part(self, part: Sequence[Source], before: int, watch: Watch) -> State[Any]:
        """A flow run below the current one, with a report of its own. Its documents are not stored as parameters."""
        diptych, retry = self._diptych, self._retry

        def ingest() -> State[Any]:
            watch.add_current_run()
            usage = RunUsage(diptych.meter)
            try:
                if self._batch_api:
                    _prefill(diptych, part, retry)
                outcomes = ingest_in_tasks(diptych, part, retry=retry)
            except Pause:
                report_stopped(self.progress.describe_rest(), is_part=True)
                raise
            except (KeyboardInterrupt, CancelledRun, DiptychError) as error:
                if not (watch.cancelled or isinstance(error, KeyboardInterrupt | CancelledRun)):
                    raise
                return Cancelled(message=self.progress.describe_rest())
            return finish_run(outcomes, [], usage, diptych.settings)

        token = _work_of_part.set(ingest)
        try:
            state: State[Any] = backfill_part(before + 1, before + len(part), return_state=True)
        finally:
            _work_of_part.reset(token)
        if not state.is_cancelled():
            run_result(state)  # raises the exception of a part that did not come to its end
        return state


@flow(name="backfill-part", flow_run_name="documents {first} to {last}")
def backfill_part(first: int, last: int) -> State[Any]:
    """Documents of a backfill. It holds nothing of the run, because clusters and processes get a copy of it."""
    return _do_work_of_part()


_work_of_part: ContextVar[Callable[[], State[Any]]] = ContextVar("work_of_part")


def _do_work_of_part() -> State[Any]:
    return _work_of_part.get()()


def in_parts(sources: Iterable[Source], tasks: int) -> Iterator[list[Source]]:
    """The sources in lists for so many tasks. Another thread fills the next list while the caller works on one."""
    listed, filled = iter(sources), Queue[list[Source] | BaseException]()

    def fill() -> None:
        try:
            filled.put(_take_part(listed, tasks))
        except BaseException as error:
            filled.put(error)

    def start_next() -> None:
        threading.Thread(target=fill, daemon=True).start()  # whose end an interrupted run does not wait for

    start_next()
    while part := filled.get():
        if isinstance(part, BaseException):
            raise part
        start_next()
        yield part


def _take_part(listed: Iterator[Source], tasks: int) -> list[Source]:
    """The next sources; empty if there are no more."""
    part, weight = list[Source](), 0.0
    for source in listed:
        part.append(source)
        weight += 1 / BATCH_SIZE if is_small(source) else 1
        if weight >= tasks:
            break
    return part


def _prefill(diptych: Diptych, sources: Sequence[Source], retry: bool) -> None:
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
