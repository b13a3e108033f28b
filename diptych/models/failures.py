"""Failures of both providers' SDKs as `ProviderError`: one sentence each, and whether a retry may help.

Nothing of an SDK's exception is kept, not even as a cause: it quotes what the server says, which may include the key.
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

import httpx2

from diptych.endpoints import NO_KEY
from diptych.errors import ModelError, ProviderError
from diptych.models.request_queue import NotRepeatable

MAX_MESSAGE = 200
"""Characters of a server's message that are shown."""
_KEYS = re.compile(r"\bsk-ant-[\w*.…-]+|\b(?:sk|pk|key|Bearer)[-_ ][\w*.…-]{6,}", re.ASCII)
"""Text that looks like a key, whole or in part."""
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,
)


class ResponseLost(ProviderError):
    """No usable response: the request may have been carried out, and charged, all the same."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a response's status means."""

    what: str
    """Follows the server's name; `{section}`, `{address}` and `{variable}` are those of `Server`."""
    transient: bool = False
    """Whether another attempt may succeed."""
    about: Literal["item", "account"] = "item"
    """As in `ProviderError`."""


UNPAID = Failure("requires payment: the quota or credit is used up; see the account's billing page", about="account")
_FAILURES = {
    401: Failure("rejected the API key in the environment variable {variable}", about="account"),
    402: UNPAID,
    403: Failure("denies access to this account or from this place", about="account"),
    404: Failure("has no such model or address; check the model's name and {address}", about="account"),
    405: Failure("does not support this request; check {address}", about="account"),
    408: Failure("timed out waiting for the request", True),
    409: Failure("reported a conflict", True),
    413: Failure("found the request too large; send fewer or smaller pictures"),
    429: Failure("reached its limit of requests or tokens", True, "account"),
    499: Failure("cancelled the request", True),
    501: Failure("does not support this request; check {address}", about="account"),
    503: Failure("is not available", True),
    504: Failure("timed out", True),
    529: Failure("is overloaded", True),
}


def status_failure(status: int) -> Failure:
    """What an HTTP status of 400 or more means."""
    other = Failure("has an internal error", True) if status >= 500 else Failure("rejected the request")
    return _FAILURES.get(status, other)


@dataclass(frozen=True, slots=True)
class Server:
    """The server behind a model, as messages name it."""

    name: str
    """Of the model, as the settings write it."""
    host: str
    section: str
    """Of the settings."""
    address: str
    """The setting or variable with its address."""
    variable: str
    """Environment variable of the key."""
    secret: str = field(repr=False)
    """The key, which no message may contain."""

    def __str__(self) -> str:
        return f"{self.name}: {self.host}"

    def clean(self, message: object) -> str:
        """What the server says, on one line of at most `MAX_MESSAGE` characters, without keys."""
        text = " ".join(str(message).split())
        if self.secret not in ("", NO_KEY):
            text = text.replace(self.secret, "[key]")
        text = "".join(letter for letter in _KEYS.sub("[key]", text) if letter.isprintable())
        return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"

    def parse_json(self, data: bytes) -> Any:
        """The JSON of a response with status 200. Raises `ResponseLost`, most often for the web page of a gateway."""
        try:
            return json.loads(data)
        except ValueError:
            raise self.not_json(data) from None

    def not_json(self, data: bytes = b"<") -> ResponseLost:
        if data.lstrip()[:1] in (b"{", b"["):
            return ResponseLost(f"{self} answered with broken JSON", transient=True)
        return ResponseLost(
            f"{self} answered with a web page or text instead of JSON; check {self.address}",
            transient=True,
            about="account",
        )


@contextmanager
def provider_errors(
    sdk: ModuleType,
    server: Server,
    status_meaning: Callable[[Any], tuple[int, Failure]],
    other_error: Callable[[Exception], ModelError | None],
) -> Iterator[None]:
    """Raise the failures of an SDK as `ModelError`. The exceptions of both SDKs have the same names.

    `status_meaning`: `APIStatusError` -> its status and meaning; `other_error`: translates what only this SDK raises.
    """
    try:
        yield
        return
    except sdk.APIStatusError as error:
        translated: ModelError = _status_error(error, server, *status_meaning(error))
    except (sdk.APIConnectionError, httpx2.HTTPError, httpx2.InvalidURL) as error:
        translated = _connection_error(error, server)
    except json.JSONDecodeError:
        translated = ResponseLost(f"{server} answered with broken JSON", transient=True)
    except Exception as error:
        if (other := other_error(error)) is None:
            raise
        translated = other
    raise translated from None


def _status_error(error: Any, server: Server, status: int, failure: Failure) -> ProviderError:
    what = failure.what.format(section=server.section, address=server.address, variable=server.variable)
    message = server.clean(response_message(error.body))
    return ProviderError(
        f"{server} {what} ({status}{': ' + message if message else ''})",
        transient=failure.transient,
        retry_after=retry_after(error.response.headers) if failure.transient else None,
        about=failure.about,
    )


def _connection_error(error: Exception, server: Server) -> ProviderError:
    cause = error.__cause__ or error
    reason = server.clean(cause) or type(cause).__name__
    if isinstance(cause, _UNSENT):
        hint = f"check the network and {server.address}"
        return ProviderError(f"{server} cannot be reached ({reason}); {hint}", transient=True, about="account")
    if isinstance(cause, httpx2.TimeoutException):
        return ResponseLost(f"{server} did not answer in time", transient=True)
    return ResponseLost(f"{server} closed the connection ({reason})", transient=True)


def response_message(body: object) -> str:
    """The message in the body of an error response; empty if there is none or it is a web page."""
    if isinstance(body, Mapping):
        inner = body.get("error")
        fields = inner if isinstance(inner, Mapping) else body
        return str(fields.get("message") or fields.get("detail") or fields.get("error") or "")
    return body if isinstance(body, str) and "<" not in body else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110)."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    try:
        return max(email.utils.mktime_tz(date) - time.time(), 0.0) if date else None
    except (ValueError, OverflowError):
        return None


class Forward:
    """Passes text on to a listener."""

    started = False
    """Whether any text has arrived."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text

    def __call__(self, text: str) -> None:
        self.started = True
        self._on_text(text)


@contextmanager
def forward_text(on_text: Callable[[str], None]) -> Iterator[Forward]:
    """Yield what passes text on to `on_text`. An error after its first text is not retried, which would repeat it."""
    forward = Forward(on_text)
    try:
        yield forward
    except ProviderError as error:
        if not forward.started:
            raise
        raise NotRepeatable(
            f"{error}; the answer stopped in the middle, ask again", transient=error.transient, about=error.about
        ) from None
