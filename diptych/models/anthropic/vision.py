"""Claude, directly, on Vertex AI or on Amazon Bedrock, with and without streaming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any

from diptych.endpoints import Anthropic
from diptych.errors import ProviderError
from diptych.models.anthropic.batches import MessageBatchApi
from diptych.models.anthropic.client import Connection, anthropic_errors
from diptych.models.anthropic.messages import (
    LOW_SIDE,
    Message,
    image_limits,
    max_usage,
    parse_message,
    request_body,
    text_tokens,
    to_reply,
    to_usage,
)
from diptych.models.failures import ResponseLost, Server, forward_text
from diptych.models.meter import Meter
from diptych.models.vision import BatchApi, Reply, VisionRequest
from diptych.prices import Usage
from diptych.settings import Settings

if TYPE_CHECKING:
    import anthropic

    from diptych.models.anthropic.client import Client

MAX_SIDE_OF_MANY = 2000
"""Pixels of the longer side in a request with more than 20 images (documentation, page "Vision")."""


def load_model(model: str, settings: Settings, meter: Meter) -> Claude:
    """The model of that name at the endpoint in `settings.anthropic`.

    Vertex AI and Bedrock use the credentials of their cloud, or a bearer token if `anthropic.key` names a variable for
    it.
    """
    return Claude(model, settings.anthropic, meter)


class Claude:
    """A `VisionModel`. Key, region and packages are checked at the first request."""

    native_citations = True
    low_side = LOW_SIDE

    def __init__(self, model: str, endpoint: Anthropic, meter: Meter) -> None:
        self.name, self.model = f"anthropic:{model}", model
        self.max_side = min(image_limits(model)[0], MAX_SIDE_OF_MANY)
        self._connection, self._meter = Connection(self.name, endpoint), meter
        is_direct = endpoint.platform == "direct"
        self.batch_api: BatchApi | None = MessageBatchApi(self.name, model, self._connection) if is_direct else None

    def ask(self, request: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """See `VisionModel`. A stream that stops after its first text is not retried."""
        estimate, attempts = self.max_usage(request), count()
        with ExitStack() as reserved:
            reserved.enter_context(self._meter.reserve(self.name, estimate))
            body = request_body(self.model, request)

            def attempt(client: Client, server: Server, timeout: anthropic.Timeout) -> Message:
                if next(attempts):  # what had arrived of a stream that stopped is charged, and this comes on top
                    reserved.close()
                    reserved.enter_context(self._meter.reserve(self.name, estimate))
                if on_text is not None:
                    return self._stream(client, server, body, timeout, on_text)
                data = client.messages.with_raw_response.create(**body, timeout=timeout).read()
                return parse_message(server, server.parse_json(data))

            message = self._connection.send(attempt, estimate.input_tokens + estimate.output_tokens)
            reply = to_reply(message, request).charged_up_to(estimate)
            self._meter.spend(self.name, reply.usage, counted=reply.counted)
        return reply

    def max_usage(self, request: VisionRequest) -> Usage:
        return max_usage(self.model, request)

    def _stream(
        self,
        client: Client,
        server: Server,
        body: dict[str, Any],
        timeout: anthropic.Timeout,
        on_text: Callable[[str], None],
    ) -> Message:
        deadline = time.monotonic() + (timeout.read or 0)
        with (
            forward_text(on_text) as forward,
            anthropic_errors(server),
            client.messages.stream(**body, timeout=timeout) as stream,
        ):
            try:
                for event in _events(server, stream):
                    if event.type == "text" and event.text:
                        forward(event.text)
                    if time.monotonic() > deadline:
                        raise ResponseLost(f"{server} did not answer in time", transient=True)
            except BaseException:
                self._spend_partial(server, stream)
                raise
            return parse_message(server, _snapshot(stream))

    def _spend_partial(self, server: Server, stream: anthropic.MessageStream[None]) -> None:
        """Count what arrived of a stream, which is charged even if the stream stops.

        The API counts the tokens of an answer in its last event but one.
        """
        try:
            partial = parse_message(server, _snapshot(stream))
        except ProviderError:
            return  # it never started, or nothing of it can be read
        usage, written = to_usage(partial.usage), "".join(block.text or "" for block in partial.content)
        self._meter.spend(self.name, replace(usage, output_tokens=max(usage.output_tokens, text_tokens(written))))


def _events(server: Server, stream: anthropic.MessageStream[None]) -> Iterator[Any]:
    """The events up to the last one. Raises `ResponseLost` if that is missing or an event cannot be read."""
    kind = ""
    try:
        for event in stream:
            kind = event.type
            yield event
    except (AttributeError, IndexError, KeyError, TypeError):
        raise ResponseLost(f"{server} sent events that cannot be read", transient=True) from None
    if kind != "message_stop":
        what = "stopped the stream before its end" if kind else f"sent an empty stream; check {server.address}"
        raise ResponseLost(f"{server} {what}", transient=True)


def _snapshot(stream: anthropic.MessageStream[None]) -> object:
    """The message so far; None before its start."""
    try:
        return stream.current_message_snapshot
    except AssertionError:
        return None
