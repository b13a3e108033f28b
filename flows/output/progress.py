"""Progress of a run: a bar on a terminal, lines in a log, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diptych.printable import one_line
from flows.output.ingest_report import IngestReport, missing_parts, outcome_line, outcome_record, skipped_record
from flows.output.removals import NO_REMOVALS, Removals
from flows.output.terminal import print_json, print_message, stderr_console

if TYPE_CHECKING:
    from rich.progress import Progress

    from diptych.pipeline.discovery.skipped_files import SkippedFile
    from diptych.pipeline.ingest import Outcome


class ProgressListener:
    """Receives what happens during a run, from several threads. This base class ignores everything."""

    def on_sources(self, total: int, skipped: Sequence[SkippedFile]) -> None:
        """`total` documents were found; `skipped`: files that are not read."""

    def on_outcome(self, outcome: Outcome) -> None:
        """A document was processed."""

    def on_progress(self, done: int, total: int | None, line: str) -> None:
        """About once a second in a backfill: documents done, their number if known, and everything in one line."""

    def on_removals(self, removals: Removals) -> None:
        """Documents whose files are gone were deleted or kept."""

    def on_note(self, line: str) -> None:
        """Something that does not concern a single document, such as the state of a batch at a provider."""

    def on_result(self, result: Any) -> None:
        """A question was answered, or an evaluation ended: `Found`, `Answered` or `Evaluated`."""


class ProgressDisplay(ProgressListener):
    """Shows progress on stderr and collects the outcomes: a bar on a terminal, and one line per processed document."""

    def __init__(self, progress: Progress, description: str, as_json: bool) -> None:
        self._progress, self._as_json = progress, as_json
        self._task = progress.add_task(description, total=None)
        self.outcomes: list[Outcome] = []
        self.removals = NO_REMOVALS
        self.skipped: Sequence[SkippedFile] = ()
        self.line = ""
        """The last line of `on_progress`."""

    @property
    def report(self) -> IngestReport:
        return IngestReport(self.outcomes, self.removals, self.skipped)

    def on_sources(self, total: int, skipped: Sequence[SkippedFile]) -> None:
        from diptych.pipeline.discovery.skipped_files import describe_skipped

        self.skipped = skipped
        for line in describe_skipped(skipped):
            print_message(f"left out   {line}")
        for one in skipped if self._as_json else ():
            print_json(skipped_record(one))
        if not self.line:
            self._progress.update(self._task, total=total, description="")

    def on_outcome(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.advance(outcome.name)
        if outcome.status != "unchanged":
            print_message(outcome_line(outcome))
            for part in missing_parts(outcome):
                print_message(f"missing    {part}")
            for note in outcome.notes:
                print_message(f"note       {outcome.name}: {note}")
        if self._as_json:
            print_json(outcome_record(outcome))

    def on_progress(self, done: int, total: int | None, line: str) -> None:
        self.line = line
        self._progress.update(self._task, completed=done, total=total, description=line)

    def on_removals(self, removals: Removals) -> None:
        self.removals = replace(removals, deleted=self.removals.deleted + removals.deleted)
        for line in removals.lines():
            print_message(line)
        for record in removals.records() if self._as_json else ():
            print_json(record)

    def on_note(self, line: str) -> None:
        print_message(f"note       {line}")

    def advance(self, name: str) -> None:
        """Count one more document as processed."""
        if not self.line:  # which counts them itself
            self._progress.update(self._task, advance=1, description=one_line(name, 40))


@contextmanager
def progress_display(description: str = "looking for documents", as_json: bool = False) -> Iterator[ProgressDisplay]:
    """Show progress on stderr during the block, beginning with `description`.

    `as_json`: also write a JSON record of every document to stdout.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    description_column = TextColumn("{task.description}", markup=False)  # document names are not markup
    columns = (SpinnerColumn(), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), description_column)
    console = stderr_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield ProgressDisplay(progress, description, as_json)


_listener: ContextVar[ProgressListener | None] = ContextVar("listener", default=None)


def current_listener() -> ProgressListener:
    """The listener of the enclosing `listening` block, else one that ignores everything."""
    return _listener.get() or ProgressListener()


@contextmanager
def listening(listener: ProgressListener) -> Iterator[None]:
    """Report the flow runs of this block to `listener`.

    It cannot be a parameter of the flows, because Prefect stores their parameters.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
