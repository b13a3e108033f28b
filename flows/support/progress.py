"""What a run tells while it works: a bar on a terminal, lines in a log, silence where nobody watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from flows.support import ingest_report as report
from flows.support.removed_documents import Departures
from flows.support.terminal import messages, one_line, say

if TYPE_CHECKING:
    from diptych.pipeline.ingest import Outcome


class Watcher(Protocol):
    """Called from several threads."""

    def found(self, total: int, left_out: Sequence[str]) -> None:
        """The work of a run is known: `total` documents, and what was left out of it."""
        ...

    def done(self, outcome: Outcome) -> None: ...

    def settled(self, departures: Departures) -> None:
        """What was done about documents whose files are gone."""
        ...

    def noted(self, line: str) -> None:
        """How something is going that no document ends, such as waiting for a provider."""
        ...


class Silence:
    """A run that nobody in this process watches."""

    def found(self, total: int, left_out: Sequence[str]) -> None:
        pass

    def done(self, outcome: Outcome) -> None:
        pass

    def settled(self, departures: Departures) -> None:
        pass

    def noted(self, line: str) -> None:
        pass


class Display:
    """On stderr: a bar on a terminal, else one line a document that was worked on."""

    def __init__(self, progress: Progress, doing: str) -> None:
        self.progress = progress
        self.task = progress.add_task(doing, total=None)

    def found(self, total: int, left_out: Sequence[str]) -> None:
        for reason in left_out:
            say(f"left out   {reason}")
        self.progress.update(self.task, total=total, description="")

    def done(self, outcome: Outcome) -> None:
        self.advance(outcome.name)
        if outcome.status == "unchanged":
            return
        say(report.line(outcome))
        for place in report.missing(outcome):
            say(f"missing    {place}")
        for note in outcome.notes:
            say(f"note       {outcome.name}: {note}")

    def settled(self, departures: Departures) -> None:
        for line in report.departed(departures):
            say(line)

    def noted(self, line: str) -> None:
        say(f"note       {line}")

    def advance(self, name: str) -> None:
        """One document more is done."""
        self.progress.update(self.task, advance=1, description=one_line(name, 40))


@contextmanager
def display(doing: str = "looking for documents") -> Iterator[Display]:
    """Progress on stderr while the block runs; `doing`: what comes first."""
    columns = (SpinnerColumn(), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), _Description())
    with Progress(*columns, console=messages(), transient=True, disable=not messages().is_terminal) as progress:
        yield Display(progress, doing)


SILENCE = Silence()
_watcher: ContextVar[Watcher] = ContextVar("watcher", default=SILENCE)


def watcher() -> Watcher:
    """Who watches the runs of this process."""
    return _watcher.get()


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """`by` hears of every document that a flow in this block does; a parameter could not, as Prefect stores those."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


class _Description(TextColumn):
    """The description as it is: a document's name is not markup."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: object) -> Text:
        return Text(getattr(task, "description", ""))
