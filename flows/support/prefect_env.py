"""Prefect as a guest of the command line: quiet, patient with its own start, telling nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from diptych.errors import DiptychError, SettingsError

DEFAULTS = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",  # failures are told by the command itself, once and without a traceback
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a first start takes 14 s, its own limit is 20
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}


@contextmanager
def guest() -> Iterator[None]:
    """Prefect is imported and used within this block only. What the user has set stays.

    Raises `SettingsError` when the server that PREFECT_API_URL names does not answer.
    """
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)  # Prefect reads them when it is imported
    from httpx import HTTPError
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL

    try:
        yield
    except DiptychError:
        raise
    except (HTTPError, PrefectException, RuntimeError) as error:
        where = PREFECT_API_URL.value()
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if where:
            raise SettingsError(
                f"the Prefect server at {where} cannot be used ({reason}); "
                "start it with `prefect server start`, or unset PREFECT_API_URL to do without one"
            ) from error
        raise SettingsError(f"Prefect's temporary server did not start: {reason}") from error
