"""The client of Anthropic's SDK, directly, on Vertex AI or on Amazon Bedrock, and requests that fail in our words."""

from __future__ import annotations

import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from diptych.errors import SettingsError
from diptych.models.anthropic.errors import told
from diptych.models.request_queue import api_key, request_queue
from diptych.settings import Anthropic

if TYPE_CHECKING:
    import anthropic

    Client = anthropic.Anthropic | anthropic.AnthropicVertex | anthropic.AnthropicBedrock

T = TypeVar("T")
CONNECT = 10.0
"""Seconds for a connection to be made."""


class Connection:
    """One model's way to its endpoint. Thread-safe; the client is built at the first request, and closed with this."""

    def __init__(self, name: str, endpoint: Anthropic) -> None:
        """`name`: of the model, as the settings write it."""
        self._name, self._endpoint = name, endpoint
        self._lock = threading.Lock()
        self._built: tuple[Client, str] | None = None

    def called(self, request: Callable[[Client, anthropic.Timeout], T], seconds: float) -> T:
        """What a request gives, its failures told as ours."""
        client, secret = self._client()
        import anthropic

        with told(self._name, secret):
            return request(client, anthropic.Timeout(seconds, connect=min(CONNECT, seconds)))

    def patiently(self, request: Callable[[float], T], tokens: int = 0) -> T:
        """The same with retries, in line with all requests to this endpoint."""
        return request_queue(self._endpoint).call(request, tokens)

    def _client(self) -> tuple[Client, str]:
        with self._lock:
            if self._built is None:
                self._built = _client(self._endpoint)
                weakref.finalize(self, self._built[0].close)  # else its sockets are left to the garbage collector
            return self._built


def _client(endpoint: Anthropic) -> tuple[Client, str]:
    """The SDK's client, and the secret that must not be told. Retries are ours, so it makes none.

    Raises `SettingsError` for a package or region that is missing, `ModelError` for a key.
    """
    import anthropic

    if endpoint.platform == "direct":
        secret = api_key(endpoint)
        url = endpoint.base_url or os.environ.get("ANTHROPIC_BASE_URL")
        # The SDK sends the key as a bearer token only; gateways of before know it by the other header.
        headers = {"x-api-key": secret} if url else None
        url = url.rstrip("/").removesuffix("/v1") if url else None
        _address(url)
        return anthropic.Anthropic(api_key=secret, base_url=url, max_retries=0, default_headers=headers), secret
    _address(endpoint.base_url)
    # The key of the direct way is not sent to a cloud: a bearer token for one is named on purpose.
    named = endpoint.key not in ("", Anthropic.model_fields["key"].default)
    secret = api_key(endpoint) if named else ""
    token = secret or None
    if endpoint.platform == "vertex":
        _needs("google.auth", "vertex")
        region = endpoint.region or os.environ.get("CLOUD_ML_REGION", "")
        _given(region, "Vertex", "region", "CLOUD_ML_REGION")
        project = endpoint.project or os.environ.get("ANTHROPIC_VERTEX_PROJECT_ID", "")
        _given(project, "Vertex", "project", "ANTHROPIC_VERTEX_PROJECT_ID")
        return anthropic.AnthropicVertex(
            region=region, project_id=project, access_token=token, base_url=endpoint.base_url, max_retries=0
        ), secret
    _needs("boto3", "bedrock")
    region = endpoint.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    _given(region, "Bedrock", "region", "AWS_REGION")
    return anthropic.AnthropicBedrock(
        api_key=token, aws_region=region, base_url=endpoint.base_url, max_retries=0
    ), secret or os.environ.get("AWS_BEARER_TOKEN_BEDROCK", "")


def _address(url: str | None) -> None:
    if url and not (url.startswith(("http://", "https://")) and urlsplit(url).hostname):
        raise SettingsError(
            f"`anthropic.base_url` is `{url}`; an address begins with http:// or https:// and has a host"
        )


def _needs(module: str, extra: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise SettingsError(f"Claude on {extra.capitalize()} needs another package: pip install 'diptych[{extra}]'")


def _given(value: str, platform: str, name: str, variable: str) -> None:
    if not value:
        raise SettingsError(f"Claude on {platform} needs a {name}: set `anthropic.{name}` or {variable}")
