"""The Prefect tasks that ingest documents: one per document or batch, and one below it for each stage of a document."""

from collections.abc import Callable
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Any, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import CancelledRun
from prefect.states import Completed, Failed
from prefect.tasks import Task, exponential_backoff

from diptych import Diptych, Outcome
from diptych.errors import DiptychError, WorkerLost
from diptych.pipeline.stages import STAGES, RunStage, Stage, run_directly
from diptych.printable import printable_line
from extractors.types import Source
from flows.output.ingest_report import IngestReport, outcome_line
from flows.output.progress import current_listener
from flows.runs.local_prefect import run_result
from flows.runs.run_states import cancelled_state, failed_state
from flows.runs.shared_store import RunStore

RETRIES, FIRST_RETRY_SECONDS = 2, 2
"""Of a stage. The pauses are short because a cancelled run waits for them."""
LOG_LEVELS = {"complete": INFO, "partial": WARNING, "failed": ERROR, "unchanged": DEBUG, "waiting": WARNING}

T = TypeVar("T")


@task(name="ingest documents", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def ingest_documents(label: str, sources: list[Source], run: RunStore, retry: bool, show_stages: bool) -> State[Any]:
    """Ingest documents one by one. One that fails does not stop the others."""

    def on_outcome(outcome: Outcome) -> None:
        if len(sources) > 1 and has_own_task(outcome):
            return
        level = INFO if outcome.acknowledged else LOG_LEVELS[outcome.status]
        get_run_logger().log(level, "%s", printable_line(outcome_line(outcome)))
        current_listener().on_outcome(outcome)  # which ends the task if the run was suspended

    with run.opened() as diptych:
        run_stage = stages_as_tasks(label, diptych) if show_stages and len(sources) == 1 else run_directly
        try:
            outcomes = diptych.maintenance.ingest_group(
                run.work_order(sources), on_outcome, retry=retry, run_stage=run_stage
            )
        except DiptychError as error:
            return _error_state(error, diptych)
        except CancelledRun:  # of a stage
            return cancelled_state()
    report = IngestReport(outcomes)
    if report.status == "failed" and len(sources) == 1:
        return failed_state(outcomes[0].error, outcomes)
    return Completed(
        name="Completed" if report.status == "complete" else "Partial", message=report.summary, data=outcomes
    )


def has_own_task(outcome: Outcome) -> bool:
    """Whether a document gets a task of its own after it was ingested together with others."""
    return outcome.status == "failed" and not outcome.acknowledged


def may_pass_soon(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a stage is tried again at once: its worker process was killed from outside, or did not start.

    Other temporary failures were already retried where they occurred: requests to models by their queue, and those to
    a Qdrant server by the store. What remains, such as a missing password, is tried again by the next run.
    """
    return isinstance(state.data, WorkerLost)


@task(
    task_run_name="{stage} {label}",
    retries=RETRIES,
    retry_delay_seconds=exponential_backoff(FIRST_RETRY_SECONDS),
    retry_jitter_factor=0.5,
    retry_condition_fn=may_pass_soon,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def run_as_task(stage: Stage, label: str, work: Callable[[], State[Any]]) -> State[Any]:
    """One stage of a document, below its task."""
    return work()


STAGE_TASKS = {stage: run_as_task.with_options(name=stage) for stage in STAGES}


def stages_as_tasks(label: str, diptych: Diptych) -> RunStage:
    """Show each stage of a document in the timeline of the run."""

    def run_stage(stage: Stage, work: Callable[[], T]) -> T:
        def attempt() -> State[Any]:
            try:
                return Completed(data=work())
            except DiptychError as error:
                return _error_state(error, diptych)

        state = STAGE_TASKS[stage](stage, label, attempt, return_state=True)
        if state.is_cancelled():
            raise CancelledRun(state.message)
        result: T = run_result(state)
        return result

    return run_stage


def _error_state(error: DiptychError, diptych: Diptych) -> State[Any]:
    """After a failure, which is the run's own doing if it closed the store. `run_result` raises the error."""
    return cancelled_state() if diptych.closed else Failed(message=str(error), data=error)
