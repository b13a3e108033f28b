"""Flows run by this process itself, without a worker; recorded by the configured Prefect server or a temporary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.support import ingest_report as report
from flows.support import prefect_env
from flows.support.progress import Display, display, watched
from flows.support.removed_documents import NONE, Departures
from flows.support.terminal import say

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from diptych.pipeline.ingest import Outcome


class Tally:
    """A watcher that shows every outcome and keeps it."""

    def __init__(self, shown: Display) -> None:
        self.shown = shown
        self.outcomes: list[Outcome] = []
        self.departures = NONE

    def moved(self, before: int) -> bool:
        """Whether the outcomes after so many brought something in, and none waits for a larger budget."""
        last = self.outcomes[before:]
        return any(outcome.status in ("complete", "partial") for outcome in last) and not report.stopped(last)

    def found(self, total: int, left_out: Sequence[str]) -> None:
        self.shown.found(total, left_out)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.shown.done(outcome)

    def noted(self, line: str) -> None:
        self.shown.noted(line)

    def settled(self, departures: Departures) -> None:
        self.departures = replace(departures, deleted=self.departures.deleted + departures.deleted)
        self.shown.settled(departures)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `diptych backfill` was asked for; see the flow's parameters."""

    paths: Sequence[str]
    since: date | None = None
    limit: int | None = None
    retry_failed: bool = False
    confirm_deletes: bool = False
    store: str | None = None
    budget: float | None = None
    batch_api: bool = False


def backfill(wanted: Wanted) -> int:
    """Run the flow `backfill`, again while documents wait that `limit` allows; gives the exit code.

    One budget holds for all runs together, and once it is reached there is no further one.
    """
    from diptych.models.meter import format_usage
    from diptych.settings import load_settings

    place, paths = absolute(load_settings(wanted.store).store), [absolute(path) for path in wanted.paths]
    with prefect_env.guest(), display() as progress:
        from flows.backfill import backfill as flow
        from flows.support.open_stores import opened
        from flows.support.task_runners import alone

        settings, tally = load_settings(place), Tally(progress)
        alone(settings, wanted.budget)
        further = True
        with opened(settings, wanted.budget) as diptych, watched(tally):
            while further:
                before = len(tally.outcomes)
                left = None if wanted.limit is None else wanted.limit - before
                state = flow(
                    paths, wanted.since, left, wanted.retry_failed, wanted.confirm_deletes, place, wanted.budget,
                    wanted.batch_api, return_state=True,
                )  # fmt: skip
                full = wanted.limit is not None and len(tally.outcomes) >= wanted.limit
                further = value(state)["waiting"] > 0 and not full and tally.moved(before)
    for line in (*format_usage(diptych.meter), summary(tally)):
        say(line)
    return report.exit_code(tally.outcomes, tally.departures)


def summary(tally: Tally) -> str:
    done = tally.outcomes or tally.departures != NONE
    if not done:
        return "nothing to do: everything chosen is in as it is"
    why = report.stopped(tally.outcomes)
    return report.sentence(tally.outcomes, tally.departures) + (f"; {why}" if why else "")


def value(state: State[Any]) -> Any:
    """What a flow gave, also when it ended as failed; its exception is raised."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def absolute(path: str) -> str:
    """A flow may run in another folder."""
    return path if "://" in path else str(Path(path).absolute())
