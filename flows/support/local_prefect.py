"""Flows run by a command itself: quiet, without a worker, and without telemetry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from diptych.errors import DiptychError, SettingsError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State
    from prefect.futures import PrefectFuture

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

    try:
        yield
    except DiptychError:
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


def run_result(run: State[Any] | PrefectFuture[Any]) -> Any:
    """The data of a flow or task run, also of a failed one. Raises the exception of a run that ended with one."""
    result = run.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result
