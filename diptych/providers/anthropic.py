"""Claude, directly, on Vertex AI or on Amazon Bedrock: one of the homes of Anthropic's SDK."""

from __future__ import annotations

import importlib.util
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from diptych.errors import ProviderError, SettingsError
from diptych.paid.costs import Meter
from diptych.paid.prices import Usage
from diptych.providers import Ask, Batches, Reply
from diptych.providers.anthropic_batches import ClaudeBatches
from diptych.providers.anthropic_errors import Lost, parsed, told
from diptych.providers.anthropic_messages import Answer, answer, most, params, replied, sharpness, used
from diptych.providers.calls import key, line
from diptych.settings import Anthropic, Settings

if TYPE_CHECKING:
    import anthropic

    Client = anthropic.Anthropic | anthropic.AnthropicVertex | anthropic.AnthropicBedrock

T = TypeVar("T")
MANY_PICTURES = 2000
"""Longest side in pixels that a request with more than 20 pictures allows (documentation, page "Vision")."""
CONNECT = 10.0
"""Seconds for a connection to be made."""


def load(model: str, settings: Settings, meter: Meter) -> Claude:
    """The model of that name at the endpoint that `settings.anthropic` names.

    Vertex and Bedrock use the credentials of their cloud, as its other tools do; a bearer token instead of them is used
    when `anthropic.key` names a variable of its own for it.
    """
    return Claude(model, settings.anthropic, meter)


class Claude:
    """A `VisionModel`. At its first request the client is built: then key, region and packages are looked for."""

    cites = True

    def __init__(self, model: str, endpoint: Anthropic, meter: Meter) -> None:
        self.name, self.model = f"anthropic:{model}", model
        self.pixels = min(sharpness(model)[0], MANY_PICTURES)
        self.batches: Batches | None = ClaudeBatches(self) if endpoint.platform == "direct" else None
        self._endpoint, self._meter = endpoint, meter
        self._lock = threading.Lock()
        self._built: tuple[Client, str] | None = None

    def ask(self, ask: Ask, on_text: Callable[[str], None] | None = None) -> Reply:
        """See `VisionModel`. An answer that breaks off after some of it was told is not asked for again."""
        estimate = self.most(ask)
        with self._meter.reserved(self.name, estimate):
            body = params(self.model, ask)
            tokens = estimate.input_tokens + estimate.output_tokens

            def once(seconds: float) -> Answer | ProviderError:
                return self._whole(body, seconds) if on_text is None else self._streamed(body, seconds, on_text)

            answered = self.patiently(once, tokens)
            if isinstance(answered, ProviderError):
                raise answered
            reply = replied(answered, ask)
            self._meter.spend(self.name, reply.usage)
        return reply

    def most(self, ask: Ask) -> Usage:
        """See `VisionModel`."""
        return most(self.model, ask)

    def called(self, request: Callable[[Client, anthropic.Timeout], T], seconds: float) -> T:
        """What a request gives, its failures told as ours."""
        client, secret = self._client()
        import anthropic

        with told(self.name, secret):
            return request(client, anthropic.Timeout(seconds, connect=min(CONNECT, seconds)))

    def patiently(self, request: Callable[[float], T], tokens: int = 0) -> T:
        """The same with retries, in line with all requests to this endpoint."""
        return line(self._endpoint).call(request, tokens)

    def _whole(self, body: dict[str, Any], seconds: float) -> Answer:
        def request(client: Client, timeout: anthropic.Timeout) -> bytes:
            return client.messages.with_raw_response.create(**body, timeout=timeout).read()

        return answer(self.name, parsed(self.name, self.called(request, seconds)))

    def _streamed(self, body: dict[str, Any], seconds: float, on_text: Callable[[str], None]) -> Answer | ProviderError:
        """The answer, its text told as it comes. An error after the first words is given back: then nobody retries."""
        began, deadline = False, time.monotonic() + seconds

        def request(client: Client, timeout: anthropic.Timeout) -> Answer:
            nonlocal began
            with client.messages.stream(**body, timeout=timeout) as stream:
                try:
                    for event in _events(self.name, stream):
                        if event.type == "text" and event.text:
                            began = True
                            on_text(event.text)
                        if time.monotonic() > deadline:
                            raise Lost(f"{self.name}: the answer took longer than {seconds:.0f} s", transient=True)
                except BaseException:
                    self._spend_part(stream)
                    raise
                return answer(self.name, _snapshot(stream))

        try:
            return self.called(request, seconds)
        except ProviderError as error:
            if not began:
                raise
            return Lost(f"{error}; the answer broke off, ask again", transient=error.transient, about=error.about)

    def _spend_part(self, stream: anthropic.MessageStream[None]) -> None:
        """What came of a stream is paid for, also when it breaks off."""
        try:
            part = answer(self.name, _snapshot(stream))
        except ProviderError:
            return  # it did not begin, or as nothing known
        self._meter.spend(self.name, used(part.usage))

    def _client(self) -> tuple[Client, str]:
        with self._lock:
            if self._built is None:
                self._built = _client(self._endpoint)
                weakref.finalize(self, self._built[0].close)  # else its sockets are left to the garbage collector
            return self._built


def _events(name: str, stream: anthropic.MessageStream[None]) -> Iterator[Any]:
    """The events of a stream, up to the one that ends it. Raises `Lost` when there is none, or one cannot be read."""
    kind = ""
    try:
        for event in stream:
            kind = event.type
            yield event
    except (AttributeError, IndexError, KeyError, TypeError):
        raise Lost(f"{name}: the stream has events that cannot be read", transient=True) from None
    if kind != "message_stop":
        what = "breaks off" if kind else "is empty, or is none; if it stays so, see `anthropic.base_url`"
        raise Lost(f"{name}: the stream {what}", transient=True)


def _snapshot(stream: anthropic.MessageStream[None]) -> object:
    """What came so far; None when it did not begin."""
    try:
        return stream.current_message_snapshot
    except AssertionError:
        return None


def _client(endpoint: Anthropic) -> tuple[Client, str]:
    """The SDK's client, and the secret that must not be told. Retries are ours, so it makes none.

    Raises `SettingsError` for a package or region that is missing, `ModelError` for a key.
    """
    import anthropic

    if endpoint.platform == "direct":
        secret = key(endpoint)
        url = endpoint.base_url or os.environ.get("ANTHROPIC_BASE_URL")
        # The SDK sends the key as a bearer token only; gateways of before know it by the other header.
        headers = {"x-api-key": secret} if url else None
        url = url.rstrip("/").removesuffix("/v1") if url else None
        _address(url)
        return anthropic.Anthropic(api_key=secret, base_url=url, max_retries=0, default_headers=headers), secret
    _address(endpoint.base_url)
    # The key of the direct way is not sent to a cloud: a bearer token for one is named on purpose.
    named = endpoint.key not in ("", Anthropic.model_fields["key"].default)
    secret = key(endpoint) if named else ""
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
