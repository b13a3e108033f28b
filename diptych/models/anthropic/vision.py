"""Claude, directly, on Vertex AI or on Amazon Bedrock: what it is asked, whole or as a stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from diptych.errors import ProviderError
from diptych.models.anthropic.batches import ClaudeBatches
from diptych.models.anthropic.client import Connection
from diptych.models.anthropic.errors import Lost, parsed
from diptych.models.anthropic.messages import Answer, answer, most, params, replied, sharpness, used
from diptych.models.meter import Meter
from diptych.models.vision import BatchApi, Reply, VisionRequest
from diptych.prices import Usage
from diptych.settings import Anthropic, Settings

if TYPE_CHECKING:
    import anthropic

    from diptych.models.anthropic.client import Client

MANY_PICTURES = 2000
"""Longest side in pixels that a request with more than 20 pictures allows (documentation, page "Vision")."""


def load(model: str, settings: Settings, meter: Meter) -> Claude:
    """The model of that name at the endpoint that `settings.anthropic` names.

    Vertex and Bedrock use the credentials of their cloud, as its other tools do; a bearer token instead of them is used
    when `anthropic.key` names a variable of its own for it.
    """
    return Claude(model, settings.anthropic, meter)


class Claude:
    """A `VisionModel`. At its first request the client is built: then key, region and packages are looked for."""

    native_citations = True

    def __init__(self, model: str, endpoint: Anthropic, meter: Meter) -> None:
        self.name, self.model = f"anthropic:{model}", model
        self.max_side = min(sharpness(model)[0], MANY_PICTURES)
        self._connection, self._meter = Connection(self.name, endpoint), meter
        direct = endpoint.platform == "direct"
        self.batch_api: BatchApi | None = ClaudeBatches(self.name, model, self._connection) if direct else None

    def ask(self, ask: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """See `VisionModel`. An answer that breaks off after some of it was told is not asked for again."""
        estimate = self.max_usage(ask)
        with self._meter.reserve(self.name, estimate):
            body = params(self.model, ask)
            tokens = estimate.input_tokens + estimate.output_tokens

            def once(seconds: float) -> Answer | ProviderError:
                return self._whole(body, seconds) if on_text is None else self._streamed(body, seconds, on_text)

            answered = self._connection.patiently(once, tokens)
            if isinstance(answered, ProviderError):
                raise answered
            reply = replied(answered, ask)
            self._meter.spend(self.name, reply.usage)
        return reply

    def max_usage(self, ask: VisionRequest) -> Usage:
        """See `VisionModel`."""
        return most(self.model, ask)

    def _whole(self, body: dict[str, Any], seconds: float) -> Answer:
        def request(client: Client, timeout: anthropic.Timeout) -> bytes:
            return client.messages.with_raw_response.create(**body, timeout=timeout).read()

        return answer(self.name, parsed(self.name, self._connection.called(request, seconds)))

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
            return self._connection.called(request, seconds)
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
