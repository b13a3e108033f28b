"""OpenAI's SDK client, one per endpoint; requests through its queue; errors of servers that speak its API."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

import openai

from diptych.endpoints import Endpoint, api_key
from diptych.errors import ModelError, ProviderError
from diptych.models.failures import UNPAID, Failure, Server, provider_errors, status_failure
from diptych.models.request_queue import request_queue

T = TypeVar("T")
ADDRESS = "https://api.openai.com/v1"
CONNECT_SECONDS = 10.0
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
"""Codes of a refusal that arrives as an error."""
_UNPAID = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"})
_BAD_REQUEST = frozenset(
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
"""Codes of mistakes that every request has, whatever its content."""
_TRANSIENT = frozenset({"server_error", "rate_limit_exceeded", "vector_store_timeout", "overloaded", "timeout"})
"""Codes inside a response of status 200 after which another attempt may succeed."""


def openai_client(endpoint: Endpoint) -> openai.OpenAI:
    """The SDK's client for an endpoint, one per process, without retries of its own.

    Raises `ModelError` when there is no key.
    """
    return _client(endpoint.address or ADDRESS, api_key(endpoint))


@functools.cache
def _client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=address, max_retries=0)


def send(name: str, endpoint: Endpoint, request: Callable[[openai.OpenAI, openai.Timeout], T], tokens: int = 0) -> T:
    """Return what `request` returns, with retries; see `RequestQueue.call`. Raises `ProviderError`.

    `name`: of the model, as the settings write it.
    """
    client, server = openai_client(endpoint), openai_server(name, endpoint)

    def attempt(seconds: float) -> T:
        with openai_errors(server):
            return request(client, openai.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)))

    return request_queue(endpoint).call(attempt, tokens)


def is_openai(endpoint: Endpoint) -> bool:
    """Whether requests go to OpenAI itself, not to another server that speaks its API."""
    return _is_openai_host(host(endpoint))


def _is_openai_host(host: str) -> bool:
    return f".{host}".endswith(".openai.com")


def host(endpoint: Endpoint) -> str:
    return urlsplit(endpoint.address or ADDRESS).hostname or ""


def openai_server(name: str, endpoint: Endpoint) -> Server:
    """The server of a model for messages. `name`: of the model, as the settings write it."""
    return Server(
        name, host(endpoint), endpoint.section, endpoint.address_setting, endpoint.key or "(none)", endpoint.secret
    )


def openai_errors(server: Server) -> AbstractContextManager[None]:
    """Raise the SDK's failures as `ProviderError`."""
    return provider_errors(openai, server, _status_meaning, lambda error: _other_error(error, server))


def _status_meaning(error: openai.APIStatusError) -> tuple[int, Failure]:
    failure = UNPAID if error.code in _UNPAID else status_failure(error.status_code)
    path, server = error.request.url.path, error.request.url.host
    if error.status_code in (404, 405, 501) and path.endswith("/responses") and not _is_openai_host(server):
        failure = replace(failure, what=failure.what + '; if it speaks only the Chat API, set `{section}.api = "chat"`')
    if error.code in _BAD_REQUEST or error.param == "model":
        failure = replace(failure, about="account")
    return error.status_code, failure


def _other_error(error: Exception, server: Server) -> ModelError | None:
    if isinstance(error, openai.APIError):
        return reported_error(error.code, error.message, server)
    if isinstance(error, openai.OpenAIError):
        return ProviderError(f"{server.name}: {server.clean(error)}", about="account")
    return None


def reported_error(code: object, message: object, server: Server) -> ProviderError:
    """An error inside a response or a stream of status 200."""
    return ProviderError(
        f"{server} failed: {server.clean(message or code or 'no reason given')}",
        transient=code in _TRANSIENT or code is None,
        about="account" if code in _UNPAID | _BAD_REQUEST | {"rate_limit_exceeded"} else "item",
    )


def unexpected_shape(expected: str, server: Server) -> ProviderError:
    """JSON that does not have the API's shape."""
    api = f" and `{server.section}.api`" if server.section.startswith("openai") else ""
    return ProviderError(
        f"{server} answered with JSON that is not a {expected}; check {server.address}{api}",
        about="account",
    )
