"""What OpenAI's SDK raises, in one sentence each: is it worth another try, and is it about the item or the account.

Failures leave nothing of the SDK's errors behind, not even as a cause: those quote what a server says, and a server may
quote the key.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

import httpx2
import openai

from diptych.errors import ProviderError
from diptych.models.failures import Kind, bounded, retry_after
from diptych.settings import Endpoint

FILTERED = frozenset(
    {
        "content_policy_violation",
        "content_filter",
        "image_content_policy_violation",
        "invalid_prompt",
        "bio_policy",
        "misalignment_policy_violation",
    }
)
"""Codes of a refusal that comes as an error."""
_BROKE = frozenset(
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "account_deactivated",
    }
)
_REQUEST = frozenset(
    {
        "model_not_found",
        "unsupported_parameter",
        "unknown_parameter",
        "unsupported_value",
        "invalid_json_schema",
        "missing_required_parameter",
        "invalid_api_key",
    }
)
"""Codes of what is wrong with every request, not with its content."""
_PASSING = frozenset(
    {
        "server_error",
        "rate_limit_exceeded",
        "vector_store_timeout",
        "overloaded",
        "timeout",
    }
)
"""Codes inside an answer or a stream of status 200 that another try may mend."""
_SECRETS = re.compile(r"\b(?:sk|pk|key|Bearer)[-_ ][\w*.…-]{6,}", re.ASCII)


_KINDS = {
    400: Kind("does not accept the request"),
    402: Kind("wants the account to be paid first", about="account"),
    403: Kind("does not allow this to the account or from here", about="account"),
    404: Kind("knows no such model or address; see the model's name and the setting `base_url`", about="account"),
    405: Kind("does not offer this; see the setting `base_url`", about="account"),
    408: Kind("waited too long for the request", True),
    409: Kind("has a conflict", True),
    413: Kind("finds the request too large"),
    422: Kind("does not accept the request"),
    429: Kind("has reached its limit of requests or tokens", True, "account"),
    501: Kind("cannot do this; see the setting `base_url`", about="account"),
}


def is_openai(endpoint: Endpoint) -> bool:
    """Whether requests go to OpenAI itself, not to another server that speaks its API."""
    return host(endpoint).endswith("openai.com")


def host(endpoint: Endpoint) -> str:
    """How messages name the server."""
    return (urlsplit(endpoint.base_url).hostname if endpoint.base_url else None) or "api.openai.com"


def cleaned(text: object, endpoint: Endpoint) -> str:
    """What a server says, in one bounded line without anything that looks like a key."""
    words = " ".join(str(text).split())
    secret = os.environ.get(endpoint.key, "").strip() if endpoint.key else ""
    if secret:
        words = words.replace(secret, "[key]")
    words = _SECRETS.sub("[key]", words)
    words = "".join(letter for letter in words if letter.isprintable())
    return bounded(words)


@contextmanager
def translated(name: str, endpoint: Endpoint) -> Iterator[None]:
    """What the SDK raises inside the block comes out as `ProviderError`.

    `name`: of the model, as the settings write it.
    """
    try:
        yield
        return
    except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, json.JSONDecodeError) as error:
        failure = translation(error, name, endpoint)
    raise failure from None  # what the SDK raised quotes the server, which may quote the key


def translation(error: Exception, name: str, endpoint: Endpoint) -> ProviderError:
    """One clear sentence for whatever the SDK raised. The key is in none of them."""
    who = f"{name}: {host(endpoint)}"
    match error:
        case openai.APITimeoutError() | httpx2.TimeoutException():
            return ProviderError(f"{who} did not answer in time", transient=True)
        case openai.APIStatusError():
            return _status(error, who, endpoint)
        case openai.APIConnectionError() | httpx2.HTTPError():
            return _connection(error, who, endpoint)
        case json.JSONDecodeError():
            return ProviderError(f"{who} answered with broken JSON", transient=True)
        case openai.APIResponseValidationError():
            return not_json(name, endpoint)
        case openai.APIError():
            return said(error.code, error.message, name, endpoint)
    return ProviderError(f"{name}: {cleaned(error, endpoint)}", about="account")


def said(code: object, message: object, name: str, endpoint: Endpoint) -> ProviderError:
    """An error that came inside an answer or a stream of status 200."""
    return ProviderError(
        f"{name}: {host(endpoint)} failed: {cleaned(message or code or 'it does not say why', endpoint)}",
        transient=code in _PASSING or code is None,
        about="account" if code in _BROKE | _REQUEST | {"rate_limit_exceeded"} else "item",
    )


def not_json(name: str, endpoint: Endpoint) -> ProviderError:
    """A web page, or another text, came with status 200; a gateway's, most often."""
    return ProviderError(
        f"{name}: {host(endpoint)} answered with a web page or a text instead of JSON; see the setting `base_url`",
        transient=True,
        about="account",
    )


def unlike(what: str, name: str, endpoint: Endpoint) -> ProviderError:
    """JSON came that is not of the API's shape."""
    return ProviderError(
        f"{name}: {host(endpoint)} answered with JSON that is no {what}; see the settings `base_url` and `openai.api`",
        about="account",
    )


def _connection(error: Exception, who: str, endpoint: Endpoint) -> ProviderError:
    cause = error.__cause__ or error
    words = cleaned(cause, endpoint) or type(cause).__name__
    if isinstance(cause, httpx2.ConnectError | httpx2.UnsupportedProtocol):
        hint = "; see the setting `base_url`" if endpoint.base_url else ""
        return ProviderError(f"{who} cannot be reached ({words}){hint}", transient=True, about="account")
    return ProviderError(f"{who} broke off the connection ({words})", transient=True)


def _status(error: openai.APIStatusError, who: str, endpoint: Endpoint) -> ProviderError:
    status = error.status_code
    if status == 401:
        variable = f"of the environment variable {endpoint.key}" if endpoint.key else "it was given"
        return ProviderError(f"{who} does not accept the key {variable} (401)", about="account")
    if error.code in _BROKE:
        return ProviderError(
            f"{who} answers no more: the account's quota or credit is used up; see its billing page ({status})",
            about="account",
        )
    message = _message(error, endpoint)
    other = Kind("has trouble", True) if status >= 500 else Kind("does not accept the request")
    kind = _KINDS.get(status, other)
    about: Literal["item", "account"] = "account" if error.code in _REQUEST or error.param == "model" else kind.about
    return ProviderError(
        f"{who} {kind.what} ({status}{': ' + message if message else ''})",
        transient=kind.transient,
        retry_after=retry_after(error.response.headers) if kind.transient else None,
        about=about,
    )


def _message(error: openai.APIStatusError, endpoint: Endpoint) -> str:
    """What the server says; nothing when it is a web page."""
    body = error.body
    if isinstance(body, Mapping):
        return cleaned(body.get("message") or body.get("detail") or body.get("error") or "", endpoint)
    return "" if not isinstance(body, str) or "<" in body else cleaned(body, endpoint)
