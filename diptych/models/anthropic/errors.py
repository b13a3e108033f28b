"""What Anthropic's SDK raises, in one sentence each: is it worth another try, and is it about the item or the account.

Failures leave nothing of the SDK's errors behind, not even as a cause: those quote what a server says, and a server may
quote the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from diptych.errors import ModelError, ProviderError
from diptych.models.failures import Kind, bounded, retry_after

if TYPE_CHECKING:
    import anthropic

_KEYS = re.compile(r"\bsk-ant-[\w*.…-]+")
"""What looks like a key, whole or in part."""


class Lost(ProviderError):
    """The request went out and no whole answer came back: it may have been carried out, and paid, all the same."""


_KINDS = {
    400: Kind("the request is not accepted"),
    401: Kind("the key is not accepted; see the variable that `anthropic.key` names", about="account"),
    402: Kind("the account has to be paid first; see its billing page", about="account"),
    403: Kind("this is not allowed to the account or from here", about="account"),
    404: Kind("no such model or address; see the model's name and `anthropic.base_url`", about="account"),
    408: Kind("the server waited too long for the request", True),
    409: Kind("the server has a conflict", True),
    413: Kind("the request is too large; send fewer or smaller pictures"),
    422: Kind("the request is not accepted"),
    429: Kind("the limit of requests or tokens is reached", True),
    499: Kind("the request was broken off", True),
    501: Kind("the server cannot do this; see `anthropic.base_url`", about="account"),
    503: Kind("the server is not available", True),
    504: Kind("the server took too long", True),
    529: Kind("the provider is overloaded", True),
}
_STREAMED = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    # Bedrock's own
    "validationException": 400,
    "throttlingException": 429,
    "modelTimeoutException": 504,
    "serviceUnavailableException": 503,
}
"""Errors inside a stream come after the status 200, so that only their type tells what they are."""


@contextmanager
def told(name: str, secret: str) -> Iterator[None]:
    """What fails inside the block comes out as `ProviderError`, or `ModelError` when there are no credentials.

    `name`: of the model, as the settings write it; `secret`: is told to nobody.
    """
    import anthropic
    import httpx2

    try:
        yield
        return
    except anthropic.APIStatusError as error:
        failure: ModelError = _status(name, error, secret)
    except anthropic.APITimeoutError as error:
        failure = _lost(name, "it did not answer in time", error.__cause__)
    except anthropic.APIConnectionError as error:
        failure = _lost(name, _said(error.__cause__ or error, secret), error.__cause__)
    except httpx2.HTTPError as error:  # while the answer is read
        failure = _lost(name, _said(error, secret), error)
    except json.JSONDecodeError:
        failure = Lost(f"{name}: the answer is broken JSON", transient=True)
    except anthropic.AnthropicError as error:
        failure = ProviderError(f"{name}: {_said(error, secret)}", about="account")
    except Exception as error:
        if not _credentials(error):
            raise
        if getattr(error, "retryable", False):  # Google's, when its own server does not answer
            failure = ProviderError(
                f"{name}: the credentials cannot be renewed ({_said(error, secret)})", transient=True
            )
        else:
            failure = ModelError(f"{name}: there are no credentials that work ({_said(error, secret)})")
    raise failure from None


def _credentials(error: Exception) -> bool:
    """Whether the SDK, or a cloud's library under it, found nothing to sign requests with."""
    if type(error).__module__.partition(".")[0] in ("google", "botocore", "boto3"):
        return True
    words = ("authentication method", "could not resolve")  # of the SDK, for direct access and for both clouds
    return isinstance(error, (TypeError, ValueError, RuntimeError)) and any(
        word in str(error).lower() for word in words
    )


def _lost(name: str, what: str, cause: BaseException | None) -> ProviderError:
    import httpx2

    unsent = isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout))
    if unsent:
        return ProviderError(
            f"{name}: the server cannot be reached ({what}); see the network and `anthropic.base_url`", transient=True
        )
    return Lost(f"{name}: the connection was lost ({what})", transient=True)


def _status(name: str, error: anthropic.APIStatusError, secret: str) -> ProviderError:
    said, code = _said(error, secret), error.error_code or ""
    status = error.status_code
    if status < 400:
        status = _STREAMED.get(str(error.type), 500)
    kind = _KINDS.get(status) or (Kind("the server has a fault", True) if status >= 500 else _KINDS[400])
    if code.endswith("spend_limit_reached") or code == "organization_on_hold" or "credit balance" in said:
        # Some come as 400 or 429, and waiting does not help.
        kind = _KINDS[402]
    asked = retry_after(error.response.headers) if kind.transient else None
    return ProviderError(
        f"{name}: {kind.what} ({status}: {said})", transient=kind.transient, retry_after=asked, about=kind.about
    )


def _said(error: BaseException, secret: str) -> str:
    """The server's own words, short, on one line and without the key."""
    body = getattr(error, "body", None)
    inner = body.get("error") if isinstance(body, Mapping) else None
    words = inner.get("message") if isinstance(inner, Mapping) else None
    if words is None and isinstance(body, Mapping):
        words = body.get("message")  # Bedrock
    if words is None and hasattr(error, "status_code"):
        words = "no reason given"  # its text is the whole body, such as a page of HTML
    text = " ".join(str(words or error or type(error).__name__).split())
    if len(secret) >= 8:
        text = text.replace(secret, "***")
    text = _KEYS.sub("***", text)
    return bounded(text)


def parsed(name: str, data: bytes) -> object:
    """The JSON of an answer with status 200. Raises `ProviderError`, transient: gateways send pages of their own."""
    try:
        return json.loads(data)
    except ValueError:
        raise ProviderError(
            f"{name}: the server answers with {_nature(data)}; if it stays so, see `anthropic.base_url`", transient=True
        ) from None


def _nature(data: bytes) -> str:
    start = data.lstrip()[:15].lower()
    return "a page of HTML" if start.startswith((b"<!doctype", b"<html")) else "broken JSON"
