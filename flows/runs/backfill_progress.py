"""Progress of a backfill, whose documents are still being counted, and the watch that stops it when it is cancelled."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

from flows.output.progress import ProgressListener
from flows.runs.progress_artifact import RunProgress
from flows.runs.run_states import current_run
from flows.runs.shared_store import RunUsage

if TYPE_CHECKING:
    from diptych.pipeline.backlog import Backlog

CHECK_SECONDS = 1.0
"""Between two looks at the state of the run, which a user may have cancelled."""


class BackfillProgress(RunProgress):
    """The progress of a backfill."""

    def __init__(
        self,
        listener: ProgressListener,
        backlog: Backlog,
        usage: RunUsage,
        budget: float | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(listener, usage, budget=budget)
        self._backlog, self._limit = backlog, limit
        self.files = 0
        """Files under the paths; 0: not counted yet."""

    @property
    def done(self) -> int:
        return len(self.outcomes) + self._backlog.unchanged

    @property
    def total(self) -> int:
        """Documents found so far, or files that are known to be there, within the limit; 0: unknown."""
        found = len(self._backlog.found.uris)
        total = found if self._backlog.is_complete else max(self.files, found) if self.files else 0
        return total if self._limit is None else min(total, self._backlog.unchanged + self._limit)

    def show(self) -> None:
        self._listener.on_progress(self.done, self.total or None, self.describe())


class Watch:
    """Looks at a flow run while it works: shows its progress, and stops it when a user cancels it."""

    def __init__(self, progress: BackfillProgress, stop: Callable[[], None]) -> None:
        self._progress, self._stop = progress, stop
        self._runs: list[UUID] = []
        self.cancelled = False
        """A user cancelled or interrupted one of the runs."""
        self._ended = threading.Event()

    def add_current_run(self) -> None:
        """Also stop when this run is cancelled."""
        if run := current_run():
            self._runs.append(run.id)

    def loop(self) -> None:
        with get_client(sync_client=True) as client:
            while not self._ended.wait(CHECK_SECONDS):
                self._progress.show()
                with suppress(Exception):  # the server may be away for a moment, which must not stop the work
                    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING]))
                    chosen = FlowRunFilter(id=FlowRunFilterId(any_=self._runs), state=state)
                    if not self.cancelled and client.read_flow_runs(flow_run_filter=chosen):
                        self.cancelled = True
                        self._stop()

    def end(self) -> None:
        self._ended.set()


@contextmanager
def watched(progress: BackfillProgress, count_files: Callable[[], int], stop: Callable[[], None]) -> Iterator[Watch]:
    """Watch the current flow run during the block. `stop` is called in another thread when the run is cancelled."""

    def count() -> None:
        progress.files = count_files()

    watch = Watch(progress, stop)
    watch.add_current_run()
    progress.create_artifact("backfill-progress")
    threading.Thread(target=count, daemon=True).start()
    looking = threading.Thread(target=copy_context().run, args=(watch.loop,), daemon=True)
    looking.start()

    def interrupt(number: int, frame: object) -> None:
        watch.cancelled = True  # Prefect ignores an interrupt at the end of a run below this one
        raise KeyboardInterrupt

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, interrupt) if in_main_thread else None
    try:
        yield watch
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)
        watch.end()
        looking.join(2 * CHECK_SECONDS)
        progress.update()
