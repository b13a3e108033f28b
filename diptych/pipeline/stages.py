"""The stages of an ingest: timed, and run by a function that a caller can replace to show or repeat them."""

import time
from collections.abc import Callable
from typing import Literal, Protocol, TypeVar, get_args

Stage = Literal["extract", "caption", "encode", "commit"]
STAGES: tuple[Stage, ...] = get_args(Stage)

T = TypeVar("T")


class RunStage(Protocol):
    """Calls `work` and returns its result or raises its exception; may call it again after a temporary failure."""

    def __call__(self, stage: Stage, work: Callable[[], T]) -> T: ...


def run_directly(stage: Stage, work: Callable[[], T]) -> T:
    """Run a stage without showing it to anybody."""
    return work()


class Stages:
    """Runs the stages of a document and counts the seconds of each, failed ones included."""

    def __init__(self, run: RunStage = run_directly) -> None:
        self._run = run
        self.seconds: dict[str, float] = {}

    def run(self, stage: Stage, work: Callable[[], T]) -> T:
        start = time.monotonic()
        try:
            return self._run(stage, work)
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.monotonic() - start, 3)
