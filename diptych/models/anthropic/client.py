"""Anthropic's SDK clients for direct access, Vertex AI and Amazon Bedrock; requests through their queue; errors."""

from __future__ import annotations

import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from diptych.endpoints import Anthropic, api_key
from diptych.errors import ModelError, ProviderError, SettingsError
from diptych.models.failures import UNPAID, Failure, Server, provider_errors, response_message, status_failure
from diptych.models.request_queue import request_queue

if TYPE_CHECKING:
    import anthropic

    Client = anthropic.Anthropic | anthropic.AnthropicVertex | anthropic.AnthropicBedrock

T = TypeVar("T")
CONNECT_SECONDS = 10.0
CLOUD_PACKAGES = {"vertex": "google.auth", "bedrock": "boto3"}
"""Cloud platform that offers Claude -> the package it needs."""
_STREAM_ERRORS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    # Bedrock's
    "validationException": 400,
    "throttlingException": 429,
    "modelTimeoutException": 504,
    "serviceUnavailableException": 503,
}
"""Type of an error inside a stream, which follows the status 200 -> the status it would have had."""


class Connection:
    """One model's connection to its endpoint. Thread-safe. The client is created at the first request."""

    def __init__(self, name: str, endpoint: Anthropic) -> None:
        """`name`: of the model, as the settings write it."""
        self._name, self._endpoint = name, endpoint
        self._lock = threading.Lock()
        self._created: tuple[Client, str] | None = None

    def send(self, request: Callable[[Client, Server, anthropic.Timeout], T], tokens: int = 0) -> T:
        """Return what `request` returns, with retries; see `RequestQueue.call`.

        Raises `ProviderError`, and `ModelError` without credentials.
        """

        def attempt(seconds: float) -> T:
            client, secret = self._client()
            import anthropic

            host = urlsplit(str(client.base_url)).hostname or "the server"
            endpoint = self._endpoint
            variable = endpoint.key or "(none)"
            server = Server(self._name, host, endpoint.section, endpoint.address_setting, variable, secret)
            with anthropic_errors(server):
                return request(client, server, anthropic.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)))

        return request_queue(self._endpoint).call(attempt, tokens)

    def _client(self) -> tuple[Client, str]:
        with self._lock:
            if self._created is None:
                self._created = _create_client(self._endpoint)
                weakref.finalize(self, self._created[0].close)  # else its sockets are left to the garbage collector
            return self._created


def _create_client(endpoint: Anthropic) -> tuple[Client, str]:
    """(the SDK's client without retries of its own, the secret that no message may contain).

    Raises `SettingsError` for a missing package or region, `ModelError` for a missing key.
    """
    import anthropic

    if endpoint.platform == "direct":
        secret = api_key(endpoint)
        url = endpoint.address
        # The SDK sends the key as a bearer token only; older gateways read the other header.
        headers = {"x-api-key": secret} if url else None
        url = url.rstrip("/").removesuffix("/v1") if url else None
        return anthropic.Anthropic(api_key=secret, base_url=url, max_retries=0, default_headers=headers), secret
    # The key for direct access is never sent to a cloud: only a variable named for it holds a bearer token.
    if not has_cloud_package(endpoint.platform):
        extra = endpoint.platform
        raise SettingsError(f"Claude on {extra.capitalize()} needs another package: pip install 'diptych[{extra}]'")
    has_token = endpoint.key not in ("", Anthropic.model_fields["key"].default)
    secret = api_key(endpoint) if has_token else ""
    if endpoint.platform == "vertex":
        region = _setting(endpoint.region, "Vertex", "region", "CLOUD_ML_REGION")
        project = _setting(endpoint.project, "Vertex", "project", "ANTHROPIC_VERTEX_PROJECT_ID")
        return anthropic.AnthropicVertex(
            region=region, project_id=project, access_token=secret or None, base_url=endpoint.address, max_retries=0
        ), secret
    region = _setting(endpoint.region, "Bedrock", "region", "AWS_REGION", "AWS_DEFAULT_REGION")
    return anthropic.AnthropicBedrock(
        api_key=secret or None, aws_region=region, base_url=endpoint.address, max_retries=0
    ), secret or os.environ.get("AWS_BEARER_TOKEN_BEDROCK", "")


def has_cloud_package(platform: str) -> bool:
    try:
        return importlib.util.find_spec(CLOUD_PACKAGES[platform]) is not None
    except ModuleNotFoundError:  # of the parent package
        return False


def _setting(value: str, platform: str, name: str, *variables: str) -> str:
    """The setting, else the first of the environment variables that is set."""
    found = value or next(filter(None, map(os.environ.get, variables)), "")
    if not found:
        raise SettingsError(f"Claude on {platform} needs a {name}: set `anthropic.{name}` or {variables[0]}")
    return found


def anthropic_errors(server: Server) -> AbstractContextManager[None]:
    """Raise the SDK's failures as `ProviderError`, and missing credentials as `ModelError`."""
    import anthropic

    return provider_errors(anthropic, server, _status_meaning, lambda error: _other_error(error, server))


def _status_meaning(error: anthropic.APIStatusError) -> tuple[int, Failure]:
    status = error.status_code if error.status_code >= 400 else _STREAM_ERRORS.get(str(error.type), 500)
    code = error.error_code or ""
    if code.endswith("spend_limit_reached") or code == "organization_on_hold":
        return status, UNPAID  # some of these arrive as 400 or 429, but waiting does not help
    return status, UNPAID if "credit balance" in response_message(error.body) else status_failure(status)


def _other_error(error: Exception, server: Server) -> ModelError | None:
    import anthropic

    reason = server.clean(error) or type(error).__name__
    if isinstance(error, anthropic.AnthropicError):
        return ProviderError(f"{server.name}: {reason}", about="account")
    phrases = ("authentication method", "could not resolve")  # of the SDK, for direct access and for both clouds
    from_sdk = isinstance(error, (TypeError, ValueError, RuntimeError)) and any(
        phrase in str(error).lower() for phrase in phrases
    )
    if not from_sdk and type(error).__module__.partition(".")[0] not in ("google", "botocore", "boto3"):
        return None
    if getattr(error, "retryable", False):  # from Google's library when its token server does not answer
        return ProviderError(f"{server.name}: the credentials cannot be renewed ({reason})", transient=True)
    return ModelError(f"{server.name}: no working credentials ({reason})")
