"""Anthropic's SDK clients, for direct access, Vertex AI and Amazon Bedrock, and requests through their queue."""

from __future__ import annotations

import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from diptych.errors import SettingsError
from diptych.models.anthropic.errors import anthropic_errors
from diptych.models.api_keys import api_key
from diptych.models.failures import Server
from diptych.models.request_queue import request_queue
from diptych.settings import Anthropic

if TYPE_CHECKING:
    import anthropic

    Client = anthropic.Anthropic | anthropic.AnthropicVertex | anthropic.AnthropicBedrock

T = TypeVar("T")
CONNECT_SECONDS = 10.0


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
            server = Server(self._name, host, "anthropic", self._endpoint.key or "(none)", secret)
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
        url = endpoint.base_url or os.environ.get("ANTHROPIC_BASE_URL")
        # The SDK sends the key as a bearer token only; older gateways read the other header.
        headers = {"x-api-key": secret} if url else None
        url = url.rstrip("/").removesuffix("/v1") if url else None
        _check_url(url)
        return anthropic.Anthropic(api_key=secret, base_url=url, max_retries=0, default_headers=headers), secret
    _check_url(endpoint.base_url)
    # The key for direct access is never sent to a cloud: only a variable named for it holds a bearer token.
    has_token = endpoint.key not in ("", Anthropic.model_fields["key"].default)
    secret = api_key(endpoint) if has_token else ""
    if endpoint.platform == "vertex":
        _check_package("google.auth", "vertex")
        region = _setting(endpoint.region, "Vertex", "region", "CLOUD_ML_REGION")
        project = _setting(endpoint.project, "Vertex", "project", "ANTHROPIC_VERTEX_PROJECT_ID")
        return anthropic.AnthropicVertex(
            region=region, project_id=project, access_token=secret or None, base_url=endpoint.base_url, max_retries=0
        ), secret
    _check_package("boto3", "bedrock")
    region = _setting(endpoint.region, "Bedrock", "region", "AWS_REGION", "AWS_DEFAULT_REGION")
    return anthropic.AnthropicBedrock(
        api_key=secret or None, aws_region=region, base_url=endpoint.base_url, max_retries=0
    ), secret or os.environ.get("AWS_BEARER_TOKEN_BEDROCK", "")


def _check_url(url: str | None) -> None:
    if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
        raise SettingsError(f"`anthropic.base_url` is `{url}`; it must begin with http:// or https:// and have a host")


def _check_package(module: str, extra: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise SettingsError(f"Claude on {extra.capitalize()} needs another package: pip install 'diptych[{extra}]'")


def _setting(value: str, platform: str, name: str, *variables: str) -> str:
    """The setting, else the first of the environment variables that is set."""
    found = value or next(filter(None, map(os.environ.get, variables)), "")
    if not found:
        raise SettingsError(f"Claude on {platform} needs a {name}: set `anthropic.{name}` or {variables[0]}")
    return found
