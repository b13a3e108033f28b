"""Progress of a backfill: documents, pages, rate, time left and money, in a terminal and as a Prefect artifact."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.artifacts import create_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType

from diptych import Outcome
from diptych.pipeline.discovery.skipped_files import SkippedFile
from flows.support.progress import ProgressListener
from flows.support.removals import Removals
from flows.support.run_states import current_run
from flows.support.shared_store import RunUsage
from flows.support.wording import describe_rest, format_time

if TYPE_CHECKING:
    from diptych.pipeline.backlog import Backlog

CHECK_SECONDS = 1.0
"""Between two looks at the state of the run, which a user may have cancelled."""
ARTIFACT_SECONDS = 5.0


class BackfillProgress(ProgressListener):
    """Counts the outcomes of a backfill, and passes everything on to another listener. Thread-safe."""

    def __init__(
        self,
        listener: ProgressListener,
        backlog: Backlog,
        usage: RunUsage,
        budget: float | None = None,
        limit: int | None = None,
    ) -> None:
        self._listener, self._backlog, self._usage, self._budget = listener, backlog, usage, budget
        self._limit = limit
        self._lock, self._start = threading.Lock(), time.monotonic()
        self.outcomes: list[Outcome] = []
        self.pages = 0
        self.files = 0
        """Files under the paths; 0: not counted yet."""

    def on_sources(self, total: int, skipped: Sequence[SkippedFile]) -> None:
        self._listener.on_sources(total, skipped)

    def on_outcome(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes.append(outcome)
            self.pages += outcome.pages
            self._listener.on_outcome(outcome)

    def on_removals(self, removals: Removals) -> None:
        self._listener.on_removals(removals)

    def on_note(self, line: str) -> None:
        self._listener.on_note(line)

    @property
    def done(self) -> int:
        """Documents that were ingested or need no work."""
        return len(self.outcomes) + self._backlog.unchanged

    @property
    def total(self) -> int:
        """Documents found so far, or files that are known to be there, within the limit; 0: unknown."""
        found = len(self._backlog.found.uris)
        total = found if self._backlog.is_complete else max(self.files, found) if self.files else 0
        return total if self._limit is None else min(total, self._backlog.unchanged + self._limit)

    def describe(self) -> str:
        """`1,200 of 10,000 documents, 3,400 pages, 17.2 documents/s, 8 min left, $0.12 of $5.00`."""
        done, total, seconds = self.done, self.total, time.monotonic() - self._start
        of_all = f"{done:,} of {total:,} documents" if total else f"{done:,} documents"
        parts = [of_all, f"{self.pages:,} pages", f"{len(self.outcomes) / seconds:.1f} documents/s"]
        if total > done > 0:
            parts.append(f"{format_time(seconds * (total - done) / done)} left")
        return ", ".join(filter(None, [*parts, self._describe_money()]))

    def describe_rest(self) -> str:
        """What a stopped run leaves to the next one."""
        return describe_rest(len(self.outcomes), self.total - self.done if self.total else None)

    def show(self) -> None:
        self._listener.on_progress(self.done, self.total or None, self.describe())

    def _describe_money(self) -> str:
        costs = [usage["usd"] for usage in self._usage.numbers.values()]
        spent = f"${sum(cost or 0 for cost in costs):.2f}" + " and unknown prices" * (None in costs)
        return f"{spent} of ${self._budget:.2f}" if self._budget else spent if costs else ""


class Watch:
    """Looks at a flow run while it works: keeps its artifact up to date, and stops it when a user cancels it."""

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

    def loop(self, artifact: UUID) -> None:
        updated = 0.0
        with get_client(sync_client=True) as client:
            while not self._ended.wait(CHECK_SECONDS):
                self._progress.show()
                with suppress(Exception):  # the server may be away for a moment, which must not stop the work
                    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.CANCELLING]))
                    chosen = FlowRunFilter(id=FlowRunFilterId(any_=self._runs), state=state)
                    if not self.cancelled and client.read_flow_runs(flow_run_filter=chosen):
                        self.cancelled = True
                        self._stop()
                    if time.monotonic() - updated > ARTIFACT_SECONDS:
                        updated = time.monotonic()
                        client.update_artifact(artifact, self._as_artifact())
            with suppress(Exception):
                client.update_artifact(artifact, self._as_artifact())

    def _as_artifact(self) -> ArtifactUpdate:
        share = 100 * self._progress.done / self._progress.total if self._progress.total else 0.0
        return ArtifactUpdate(data=min(share, 100.0), description=self._progress.describe())

    def end(self) -> None:
        self._ended.set()


@contextmanager
def watched(progress: BackfillProgress, count_files: Callable[[], int], stop: Callable[[], None]) -> Iterator[Watch]:
    """Watch the current flow run during the block. `stop` is called in another thread when the run is cancelled."""

    def count() -> None:
        progress.files = count_files()

    watch = Watch(progress, stop)
    watch.add_current_run()
    artifact = create_progress_artifact(0.0, key="backfill-progress", description=progress.describe())
    assert isinstance(artifact, UUID)
    threading.Thread(target=count, daemon=True).start()
    looking = threading.Thread(target=copy_context().run, args=(watch.loop, artifact), daemon=True)
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
