"""What went wrong on a Qdrant server, and whether trying again may help."""

import json
import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from diptych.errors import StoreError
from diptych.settings import API_KEY_VARIABLE

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.25, 8.0
T = TypeVar("T")
DISK_IS_FULL = ("No space left on device", "Disk usage is at")
"""In responses of a server that has no space left, or as little as its strict mode allows."""
WRITES_DROPPED = (
    "the server confirmed a write, but what was written cannot be read back. Check the server, its disk and any "
    "proxy in front of it, and run again"
)
KEY = re.compile(r"""(?i)\b(api[-_]?key|authorization)(\W{1,3}(?:bearer )?)[^\s;,"'}]+""")
"""In responses that repeat the request."""


def retried(call: Callable[[], T], name: str, seconds: float) -> T:
    """The result of a request about the collection `name`, retried while the failure is temporary and time is left."""
    deadline, pause = time.monotonic() + seconds, FIRST_PAUSE_SECONDS
    while True:
        try:
            return call()
        except (ApiException, ResourceExhaustedResponse, ValueError, AssertionError, RecursionError) as error:
            wait = max(pause * random.uniform(0.75, 1.25), getattr(error, "retry_after_s", 0))
            if not is_temporary(error) or time.monotonic() + wait > deadline:
                raise StoreError(f"{name}: {explain_failure(error)}") from error
        time.sleep(wait)
        pause = min(2 * pause, MAX_PAUSE_SECONDS)


def is_temporary(error: Exception) -> bool:
    """Whether a later request may succeed: after time-outs, lost connections, 429 and 5xx.

    Not while the disk is full, and not after this process has closed its own connection.
    """
    if isinstance(error, UnexpectedResponse):
        code = error.status_code or 0
        return (code in (408, 429) or code >= 500) and not _is_disk_full(_reason(error))
    if isinstance(error, ResponseHandlingException):
        return not isinstance(error.source, RuntimeError)
    return isinstance(error, ResourceExhaustedResponse)


def is_missing(error: StoreError) -> bool:
    """Whether a request failed because its collection does not exist."""
    # 404 from a server, ValueError from the client's own engine in memory.
    return isinstance(error.__cause__, ValueError) or getattr(error.__cause__, "status_code", 0) == 404


def explain_failure(error: Exception) -> str:
    """In one sentence, and what to do."""
    if isinstance(error, UnexpectedResponse):
        return _explain_response(error.status_code or 0, _reason(error))
    if isinstance(error, ResponseHandlingException) and "timed out" in str(error):
        return "the server did not answer in time. Run again when it is less busy, or raise DIPTYCH_SERVER_SECONDS"
    # Of its version, the client raises what the parser does.
    unread = AssertionError | RecursionError | json.JSONDecodeError | ValidationError
    if isinstance(error, unread) or isinstance(getattr(error, "source", None), ValueError):
        return "the server's answer cannot be read. Check that --store is the URL of a Qdrant server"
    if isinstance(error, ResponseHandlingException):
        return f"the server cannot be reached ({error}). Check that it is running and that --store is its URL"
    return str(error).replace("\n", " ")[:300]


def _explain_response(code: int, reason: str) -> str:
    if code == 401 and "Must provide" in reason:
        return f"the server requires a key (HTTP {code}). Set {API_KEY_VARIABLE}"
    if code in (401, 403):
        return f"the server rejects the key (HTTP {code}). Set {API_KEY_VARIABLE} to one that may read and write"
    if unindexed := re.search(r'Index required but not found for "(.+?)" of', reason):
        name = unindexed[1].removeprefix("fields.")
        return f"the server's strict mode refuses this filter: {name} has no index for values of that type"
    if "Vector dimension error" in reason:
        return (
            f"its vectors have another size ({reason}), so another program or another encoder made it. Delete it, or "
            f"set another prefix with DIPTYCH_COLLECTIONS"
        )
    if _is_disk_full(reason):
        return "the server's disk is full, nothing stored is lost. Free some space there and run again"
    return f"the server refuses a request (HTTP {code}): {reason}"


def _is_disk_full(reason: str) -> bool:
    return any(words in reason for words in DISK_IS_FULL)


def _reason(response: UnexpectedResponse) -> str:
    """The server's own words; the body may also be a page of something in between, such as a load balancer."""
    text = response.content.decode("utf-8", "replace")
    try:
        text = str(json.loads(text)["status"]["error"])
    except (ValueError, KeyError, TypeError):
        if not text or "<" in text:
            return response.reason_phrase
    return KEY.sub(r"\1\2[key]", text.replace("\n", " "))[:300]
