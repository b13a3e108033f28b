"""Flows run by this process itself, without a worker; recorded by the configured Prefect server or a temporary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import prefect_env, report
from flows.departures import NONE, Departures
from flows.progress import Display, display, watched
from flows.terminal import say

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from diptych.ingest import Outcome


class Tally:
    """A watcher that shows every outcome and keeps it."""

    def __init__(self, shown: Display) -> None:
        self.shown = shown
        self.outcomes: list[Outcome] = []
        self.departures = NONE

    def found(self, total: int, left_out: Sequence[str]) -> None:
        self.shown.found(total, left_out)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.shown.done(outcome)

    def settled(self, departures: Departures) -> None:
        self.departures = replace(departures, deleted=self.departures.deleted + departures.deleted)
        self.shown.settled(departures)


def backfill(
    paths: Sequence[str],
    since: date | None,
    limit: int | None,
    retry_failed: bool,
    confirm_deletes: bool,
    store: str | None,
) -> int:
    """Run the flow `backfill`, again while documents wait that `limit` allows; gives the exit code."""
    from diptych.settings import load

    place, everything = absolute(load(store).store), [absolute(path) for path in paths]
    with prefect_env.guest(), display() as progress:
        from flows.backfill import backfill as flow

        tally = Tally(progress)
        waiting = True
        while waiting and (limit is None or len(tally.outcomes) < limit):
            before = len(tally.outcomes)
            left = None if limit is None else limit - before
            with watched(tally):
                state = flow(everything, since, left, retry_failed, confirm_deletes, place, return_state=True)
            waiting = value(state)["waiting"] > 0 and len(tally.outcomes) > before
    done = tally.outcomes or tally.departures != NONE
    say(
        report.sentence(tally.outcomes, tally.departures) if done else "nothing to do: everything chosen is in as it is"
    )
    return report.exit_code(tally.outcomes, tally.departures)


def value(state: State[Any]) -> Any:
    """What a flow gave, also when it ended as failed; its exception is raised."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def absolute(path: str) -> str:
    """A flow may run in another folder."""
    return path if "://" in path else str(Path(path).absolute())
