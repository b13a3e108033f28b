"""The progress of a run in the Prefect UI: n of m documents, pages, rate, time left, money."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from diptych.models.meter import format_dollars
from flows.support.progress import ProgressListener, current_listener, listening
from flows.support.wording import describe_rest, pluralize

if TYPE_CHECKING:
    from diptych import Diptych, Outcome

KEY = "ingest-progress"
UPDATE_SECONDS = 2.0
"""Time between two updates; each is a request to Prefect's server."""


class ProgressArtifact(ProgressListener):
    """Counts the documents of a run and keeps its progress artifact up to date; passes outcomes on. Thread-safe."""

    def __init__(self, listener: ProgressListener, total: int, diptych: Diptych) -> None:
        self._listener, self._total, self._meter = listener, total, diptych.meter
        self._spent_before = diptych.meter.spent
        self._lock = threading.Lock()
        self._counts = {"done": 0, "pages": 0, "failed": 0, "partial": 0}
        self._start = self._updated = time.monotonic()
        self._artifact: UUID = create_progress_artifact(0.0, key=KEY, description=self.description)  # type: ignore[assignment]

    def on_outcome(self, outcome: Outcome) -> None:
        self._listener.on_outcome(outcome)
        with self._lock:
            self._counts["done"] += 1
            self._counts["pages"] += outcome.pages if outcome.status in ("complete", "partial") else 0
            if outcome.status in self._counts and not outcome.acknowledged:
                self._counts[outcome.status] += 1
            due = time.monotonic() - self._updated >= UPDATE_SECONDS
            self._updated = time.monotonic() if due else self._updated
        if due:
            self.update()

    def update(self, description: str = "") -> None:
        share = 100 * self._counts["done"] / self._total
        with suppress(Exception):  # the server may be away for a moment, which must not stop the work
            update_progress_artifact(self._artifact, share, description=description or self.description)

    def describe_rest(self) -> str:
        """What a stopped run leaves to the next one."""
        done = self._counts["done"]
        return describe_rest(done, self._total - done)

    @property
    def description(self) -> str:
        """`12 of 103 documents; 340 pages, 55 a minute; 4 minutes left; 1 failed; $0.12`."""
        counts, minutes = self._counts, (time.monotonic() - self._start) / 60
        parts = [f"{counts['done']} of {pluralize(self._total, 'document')}"]
        if counts["pages"]:
            parts.append(f"{pluralize(counts['pages'], 'page')}, {counts['pages'] / minutes:.0f} a minute")
        if 0 < counts["done"] < self._total:
            left = minutes / counts["done"] * (self._total - counts["done"])
            parts.append(f"about {pluralize(round(left), 'minute')} left" if left >= 1 else "less than a minute left")
        parts += [f"{counts[status]} {status}" for status in ("failed", "partial") if counts[status]]
        if spent := self._meter.spent - self._spent_before:
            parts.append(format_dollars(spent))
        return "; ".join(parts)


@contextmanager
def progress_artifact(total: int, diptych: Diptych) -> Iterator[ProgressArtifact]:
    """Show the progress of this block, which processes `total` documents, in the current flow run."""
    progress = ProgressArtifact(current_listener(), total, diptych)
    with listening(progress):
        yield progress
    progress.update()
