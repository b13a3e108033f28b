"""Flows run by a command itself: quiet, without a worker, and without telemetry."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import iscoroutine
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from diptych.errors import DiptychError, SettingsError
from extractors.temporary_folder import TemporaryFolder
from flows.output.progress import ProgressListener, listening
from flows.output.terminal import print_message

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import State
    from prefect.futures import PrefectFuture


class RunFailed(DiptychError):
    """A run that ended as Failed with a report. Calling its flow in Python raises this."""

    def __init__(self, message: str, data: Any = None) -> None:
        """`data`: what the run returns; None: nothing."""
        super().__init__(message, data)  # both, so that it can be pickled
        self.data = data

    def __str__(self) -> str:
        return str(self.args[0])


DEFAULTS = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # the command reports failures itself, once and without a traceback
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a first start takes 14 s; Prefect's limit is 20
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
"""Environment of a local run; variables that the user has set take precedence."""
MAX_PARAMETERS = 400_000
"""Characters of the parameters of a recorded run; Prefect's limit is 512 KiB."""


@contextmanager
def local_prefect() -> Iterator[None]:
    """Run flows in this block, recorded by the configured Prefect server or a temporary one.

    Prefect must not be imported before, because it reads its environment on import. Raises `SettingsError` if the
    server does not answer.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    from httpx import HTTPError
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL

    # Outside of Prefect's levels: it says for how many events the command waits at its end.
    logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)
    # Ctrl-C may arrive after Prefect has made a coroutine and before it awaits it.
    warnings.filterwarnings("ignore", "coroutine 'get_state_result' was never awaited", RuntimeWarning)
    try:
        if not PREFECT_API_URL.value():
            _start_temporary_server()
        yield
    except (DiptychError, OSError):
        raise
    except (HTTPError, PrefectException, RuntimeError) as error:
        url = PREFECT_API_URL.value()
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if url:
            raise SettingsError(
                f"the Prefect server at {url} cannot be used ({reason}); start it with `prefect server start`, or "
                "unset PREFECT_API_URL to run without one"
            ) from error
        raise SettingsError(f"Prefect's temporary server did not start: {reason}") from error


def _start_temporary_server() -> None:
    """Start the server that Prefect would start itself, and ends with this process, but which Ctrl-C does not reach.

    Otherwise it would be gone before the run could be recorded as interrupted.
    """
    from prefect.server.api.server import SubprocessASGIServer

    failures: list[Exception] = []

    def start() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited by the server
        try:
            SubprocessASGIServer().start()
        except Exception as error:
            failures.append(error)

    starting = Thread(target=start, daemon=True)
    starting.start()
    starting.join()
    for error in failures:
        raise error


class ResultListener(ProgressListener):
    """Hands the results of recorded runs to the command, and shows their notes."""

    def __init__(self, on_result: Callable[[Any], None]) -> None:
        self._on_result = on_result

    def on_result(self, result: Any) -> None:
        self._on_result(result)

    def on_note(self, line: str) -> None:
        print_message(line)


@contextmanager
def recorded_runs(on_result: Callable[[Any], None]) -> Iterator[None]:
    """`local_prefect`, with `on_result` called with what the flow runs of the block find."""
    with local_prefect(), listening(ResultListener(on_result)):
        yield


def run_recorded(flow: Flow[..., Any], **parameters: Any) -> Any:
    """The data of a run of a flow in this process. Raises what the flow raises, and `KeyboardInterrupt` if it was
    cancelled.

    Raises `SettingsError` for parameters that contain a password, or are too large for Prefect to store.
    """
    for name, value in parameters.items():
        if any(has_password(text) for text in (value if isinstance(value, list) else [value])):
            raise SettingsError(f"{name}: the address contains a password, which Prefect would store; leave it out")
    if len(str(parameters)) > MAX_PARAMETERS:
        raise SettingsError("the arguments are too long to be recorded by Prefect; name a folder instead of its files")
    run: Any = flow(**parameters, return_state=True)
    if iscoroutine(run):
        import asyncio

        return asyncio.run(_awaited_result(run))
    if run.is_cancelled():
        print_message(run.message or "")
        raise KeyboardInterrupt
    return run_result(run)


async def _awaited_result(run: Any) -> Any:
    result = await (await run).aresult(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def has_password(value: object) -> bool:
    """Whether a parameter is an address with a password or another secret; that of an SFTP server has a user."""
    from diptych.places.web import secret_parameter

    if not isinstance(value, str) or "://" not in value:
        return False
    parts = urlsplit(value)
    user = parts.netloc.rpartition("@")[0]
    return ":" in user or (parts.scheme in ("http", "https") and bool(user or secret_parameter(value)))


@contextmanager
def image_parameter(image: Path | str | bytes | None) -> Iterator[str | None]:
    """An image as the parameter of a flow run in this block: its path or its URL. Bytes become a temporary file."""
    if not isinstance(image, bytes):
        yield str(image) if image else None
        return
    with TemporaryFolder() as folder:
        path = folder / "image.png"  # an extractor of images reads all kinds of them, whatever the suffix
        path.write_bytes(image)
        yield str(path)


def run_result(run: State[Any] | PrefectFuture[Any]) -> Any:
    """The data of a flow or task run, also of a failed one. Raises the exception of a run that ended with one."""
    result = run.result(raise_on_failure=False)
    if isinstance(result, RunFailed) and result.data is not None:
        return result.data
    if isinstance(result, BaseException):
        raise result
    return result
