"""The progress of a run in the terminal and in the Prefect UI: documents, rate, pages, time left, failures, money."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from diptych.models.meter import format_dollars
from flows.output.progress import ProgressListener, current_listener, listening
from flows.output.wording import describe_rest, format_time
from flows.runs.run_states import stop_if_suspended
from flows.runs.shared_store import RunUsage

if TYPE_CHECKING:
    from diptych import Diptych, Outcome
    from diptych.pipeline.discovery.skipped_files import SkippedFile
    from flows.output.removals import Removals

KEY = "ingest-progress"
UPDATE_SECONDS = 5.0
"""Time between two updates; each is a request to Prefect's server."""


class RunProgress(ProgressListener):
    """Counts the documents of a run, shows them in an artifact, and passes everything on. Thread-safe."""

    def __init__(
        self, listener: ProgressListener, usage: RunUsage, total: int = 0, budget: float | None = None
    ) -> None:
        self._listener, self._usage, self._total, self._budget = listener, usage, total, budget
        self._lock = threading.Lock()
        self._start = self._updated = time.monotonic()
        self._artifact: UUID | None = None
        self.outcomes: list[Outcome] = []

    def create_artifact(self, key: str) -> None:
        """In the current flow run."""
        created = create_progress_artifact(0.0, key=key, description=self.describe())
        assert isinstance(created, UUID)  # not a coroutine outside of async functions
        self._artifact = created

    def on_sources(self, total: int, skipped: Sequence[SkippedFile]) -> None:
        self._listener.on_sources(total, skipped)

    def on_outcome(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes.append(outcome)
            due = time.monotonic() - self._updated >= UPDATE_SECONDS
            self._updated = time.monotonic() if due else self._updated
        self._listener.on_outcome(outcome)
        if due:
            self.update()
        stop_if_suspended()

    def on_removals(self, removals: Removals) -> None:
        self._listener.on_removals(removals)

    def on_note(self, line: str) -> None:
        self._listener.on_note(line)

    def update(self, description: str = "") -> None:
        """Update the artifact."""
        share = 100 * self.done / self.total if self.total else 0.0
        with suppress(Exception):  # the server may be away for a moment, which must not stop the work
            if self._artifact:
                update_progress_artifact(self._artifact, min(share, 100.0), description=description or self.describe())

    @property
    def done(self) -> int:
        """Documents that were ingested or need no work."""
        return len(self.outcomes)

    @property
    def total(self) -> int:
        """0: unknown."""
        return self._total

    def describe_rest(self) -> str:
        """What a stopped run leaves to the next one."""
        return describe_rest(len(self.outcomes), self.total - self.done if self.total else None)

    def describe(self) -> str:
        """`1,200 of 10,000 documents, 17.2 a second; 3,400 pages; 8 min left; 1 failed; $0.12 of $5.00`."""
        done, total, seconds = self.done, self.total, time.monotonic() - self._start
        with self._lock:
            outcomes = list(self.outcomes)
        of_all = f"{done:,} of {total:,} documents" if total else f"{done:,} documents"
        parts = [f"{of_all}, {len(outcomes) / seconds:.1f} a second" if outcomes else of_all]
        if pages := sum(one.pages for one in outcomes if one.status in ("complete", "partial")):
            parts.append(f"{pages:,} pages")
        if total > done > 0:
            parts.append(f"{format_time(seconds * (total - done) / done)} left")
        for status in ("failed", "partial"):
            if count := sum(one.status == status and not one.acknowledged for one in outcomes):
                parts.append(f"{count} {status}")
        return "; ".join(filter(None, [*parts, self._describe_money()]))

    def _describe_money(self) -> str:
        costs = [usage["usd"] for usage in self._usage.numbers.values()]
        spent = format_dollars(sum(cost or 0 for cost in costs)) + " and unknown prices" * (None in costs)
        return f"{spent} of {format_dollars(self._budget)}" if self._budget else spent if costs else ""


@contextmanager
def progress_artifact(total: int, diptych: Diptych) -> Iterator[RunProgress]:
    """Show the progress of this block, which processes `total` documents, in the current flow run."""
    progress = RunProgress(current_listener(), RunUsage(diptych.meter), total)
    progress.create_artifact(KEY)
    with listening(progress):
        yield progress
    progress.update()
