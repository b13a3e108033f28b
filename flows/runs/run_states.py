"""How runs end, are named and tagged, and what they log: sentences, without reprs, or tracebacks of known failures.

Prefect logs the exception of every failed run with its traceback, and the state that a task returned with everything in
it. The state and our own lines already say what happened, so these records are shortened or dropped.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar, cast

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.exceptions import FailedRun
from prefect.states import Cancelled, Failed

from diptych.errors import DiptychError
from diptych.object_store import hide_credentials
from diptych.printable import one_line
from flows.runs.local_prefect import RunFailed

F = TypeVar("F", bound=Callable[..., Any])
MAX_NAME = 80
"""Characters of a run's name, which the UI shows on one line."""
REPEATED = {
    "prefect.engine": ("Execution of flow run",),
    "prefect.flow_runs": ("Engine execution exited",),
    "prefect.task_runs": ("Task run failed with state", "Finished in state"),
}
"""Logger -> beginnings of records that only repeat the message of a state."""


def failed_state(message: str, data: Any) -> State[Any]:
    """The final state Failed of a run that has a result all the same; `run_result` returns it."""
    return Failed(message=message, data=RunFailed(message, data))


def ends_with_sentence(flow: F) -> F:
    """Let a flow that raises a known error end as Failed with its message, without the words that Prefect puts before.

    Calling the flow in Python still raises the error.
    """
    if iscoroutinefunction(flow):

        @wraps(flow)
        async def run_async(*arguments: Any, **named: Any) -> Any:
            try:
                return await flow(*arguments, **named)
            except DiptychError as error:
                return _failed_with(error)

        return cast(F, run_async)

    @wraps(flow)
    def run(*arguments: Any, **named: Any) -> Any:
        try:
            return flow(*arguments, **named)
        except DiptychError as error:
            return _failed_with(error)

    return cast(F, run)


def _failed_with(error: DiptychError) -> State[Any]:
    get_run_logger().error("%s", one_line(str(error), 1000))
    return Failed(message=str(error), data=error)


def cancelled_state() -> State[Any]:
    return Cancelled(message="stopped together with its flow run; the next run continues here")


def current_run() -> FlowRun | None:
    """The enclosing flow run; None outside of one."""
    context = FlowRunContext.get()
    return context.flow_run if context else None


def stop_if_suspended() -> None:
    """Raise Prefect's `Pause`, which ends the process until the run is resumed, if somebody suspended the flow run.

    Prefect itself looks only when a task begins, and a task may have many documents.
    """
    if context := FlowRunContext.get():
        context.flow_run_suspension_request.raise_if_requested()


def report_stopped(rest: str, is_part: bool = False) -> None:
    """Set the current flow run to Cancelled if somebody cancels it, and log what it leaves to the next run.

    `is_part`: it was stopped together with the run above it, which will start another when it goes on.

    Its worker does so only after the process has ended and the flow was loaded once more, and puts a message of its
    own in the place of this one.
    """
    if run := current_run():
        get_run_logger().warning("%s", rest)
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(run.id).state
            if is_part or (state and state.is_cancelling()):
                client.set_flow_run_state(run.id, Cancelled(message=rest), force=True)


def wait_for_server() -> None:
    """Return when the server answers. The client of the run retries for minutes; a new client would fail at once."""
    context = FlowRunContext.get()
    if context and context.flow_run and isinstance(context.client, SyncPrefectClient):
        context.client.read_flow_run(context.flow_run.id)


def describe_paths(paths: Sequence[str]) -> str:
    """`reports/`, or `reports/ and 2 more`, for the name of a run."""
    first = Path(paths[0])
    name = (first.name or first.absolute().name) + "/" * first.is_dir()
    return name if len(paths) == 1 else f"{name} and {len(paths) - 1} more"


def name_run(name: str, store: str) -> None:
    """Name the current flow run after what it does, and tag it with its store; does nothing outside of a run."""
    if run := current_run():
        tags = sorted({*run.tags, "diptych", f"store: {store_name(store)}"})
        with get_client(sync_client=True) as client:
            client.update_flow_run(run.id, name=one_line(name, MAX_NAME), tags=tags)


def store_name(store: str) -> str:
    """The name of a store's folder, or its URL without secrets."""
    return one_line(hide_credentials(store) if "://" in store else Path(store).absolute().name, MAX_NAME)


class SentencesOnly(logging.Filter):
    """Shortens or drops what Prefect logs about known failures; bugs keep their traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error, message = record.exc_info[1] if record.exc_info else None, str(record.msg)
        if isinstance(error, DiptychError | FailedRun | None) and message.startswith(REPEATED[record.name]):
            return False
        if "Retry %s/%s will start" in message and isinstance(record.args, tuple):
            record.msg, record.args = "attempt %s of %s failed; the next one starts %s", record.args[-3:]
        elif isinstance(error, DiptychError | FailedRun):
            record.msg, record.args, record.exc_info = one_line(str(error), 1000), (), None
        return True


for _logger in REPEATED:
    logging.getLogger(_logger).addFilter(SentencesOnly())
