"""Flows run by this process itself, without a worker; recorded by the configured Prefect server or a temporary one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows import prefect_env, report
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

    def found(self, total: int, left_out: Sequence[str]) -> None:
        self.shown.found(total, left_out)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.shown.done(outcome)


def backfill(paths: Sequence[str], since: date | None, limit: int | None, retry_failed: bool, store: str | None) -> int:
    """Run the flow `backfill`, again while documents wait that `limit` allows; gives the exit code."""
    from diptych.settings import load

    place = absolute(load(store).store)
    with prefect_env.guest(), display() as progress:
        from flows.backfill import backfill as flow

        tally = Tally(progress)
        waiting = True
        while waiting and (limit is None or len(tally.outcomes) < limit):
            before = len(tally.outcomes)
            left = None if limit is None else limit - before
            with watched(tally):
                result = value(flow([absolute(p) for p in paths], since, left, retry_failed, place, return_state=True))
            waiting = result["waiting"] > 0 and len(tally.outcomes) > before
    say(report.sentence(tally.outcomes) if tally.outcomes else "nothing to do: everything chosen is in as it is")
    return report.exit_code(tally.outcomes)


def value(state: State[Any]) -> Any:
    """What a flow gave, also when it ended as failed; its exception is raised."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def absolute(path: str) -> str:
    """A flow may run in another folder."""
    return path if "://" in path else str(Path(path).absolute())
