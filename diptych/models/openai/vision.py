"""OpenAI's vision models, and those of any server that speaks its Responses or Chat API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import openai
from pydantic import ValidationError

from diptych.endpoints import OpenAI
from diptych.models.failures import ResponseLost, Server, forward_text
from diptych.models.meter import Meter
from diptych.models.openai.batches import VisionBatchApi
from diptych.models.openai.client import FILTERED, openai_client, openai_errors, reported_error, send
from diptych.models.openai.messages import MessageFormat, correction_request, final_reply, validated_reply
from diptych.models.openai.tokens import HIGH_SIDE, LOW_SIDE, max_usage
from diptych.models.vision import BatchApi, Reply, TextPart, VisionRequest
from diptych.prices import Usage
from diptych.settings import Settings

OnText = Callable[[str], None]
_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def load_model(model: str, settings: Settings, meter: Meter) -> OpenAIModel:
    """The model of that name at the endpoint in `settings.openai`."""
    return OpenAIModel(model, settings.openai, meter)


class OpenAIModel:
    """A `VisionModel`. The key is read at the first request."""

    max_side, low_side = HIGH_SIDE, LOW_SIDE
    native_citations = False

    def __init__(self, model: str, endpoint: OpenAI, meter: Meter) -> None:
        self.name, self.model = f"openai:{model}", model
        self._endpoint, self._meter = endpoint, meter
        self._format = MessageFormat(model, endpoint)
        self.batch_api: BatchApi | None = VisionBatchApi(self._format)

    def max_usage(self, request: VisionRequest) -> Usage:
        """See `VisionModel`. Does not include the second request that an invalid answer may need."""
        return max_usage(self.model, request)

    def ask(self, request: VisionRequest, on_text: OnText | None = None) -> Reply:
        """See `VisionModel`. An answer that does not match the schema is sent back once for correction."""
        answer = self._answer(self._format.body(request), self.max_usage(request), on_text)
        try:
            return validated_reply(answer, request)
        except ValidationError as error:
            turns = ("assistant", answer.text), ("user", correction_request(error))
        longer = replace(request, parts=(*request.parts, *(TextPart(text) for _, text in turns)))
        second = self._answer(self._format.body(request, *turns), self.max_usage(longer), None)
        return final_reply(replace(second, usage=answer.usage + second.usage), request)

    def _answer(self, body: dict[str, Any], most: Usage, on_text: OnText | None) -> Reply:
        """Send one request, with retries, and count its usage."""

        def attempt(client: openai.OpenAI, timeout: openai.Timeout) -> Reply:
            try:
                if on_text is not None:
                    return self._stream(client, body, timeout, on_text, most)
                response = client.post(self._format.path, body=body, cast_to=object, options={"timeout": timeout})
                return self._format.parse(response)
            except openai.APIStatusError as error:
                if error.code not in FILTERED:
                    raise
            return Reply("", None, Usage(requests=1), "filtered by the provider")

        openai_client(self._endpoint)  # raises without a key, before anything is reserved
        with self._meter.reserve(self.name, most):
            answer = send(self.name, self._endpoint, attempt, most.input_tokens + most.output_tokens)
            answer = answer.charged_up_to(most)
            self._meter.spend(self.name, answer.usage, counted=answer.counted)
        return answer

    def _stream(
        self, client: openai.OpenAI, body: dict[str, Any], timeout: openai.Timeout, on_text: OnText, most: Usage
    ) -> Reply:
        """An answer that stops after its first text is charged as one whose tokens were not counted."""
        server = self._format.server
        is_chat = self._endpoint.api == "chat"
        # The Chat API reports the usage of a stream only when asked to.
        extra = {"stream_options": {"include_usage": True}} if is_chat else {}
        stream = client.post(
            self._format.path,
            body={**body, "stream": True, **extra},
            cast_to=object,
            options={"timeout": timeout},
            stream=True,
            stream_cls=openai.Stream[object],
        )
        with forward_text(on_text) as forward, openai_errors(server), closing(stream):
            kind = stream.response.headers.get("content-type", "")
            if "json" in kind:  # from a server that does not stream
                stream.response.read()
                answer = self._format.parse(stream.response.json())
                forward(answer.text)
                return answer
            if "event-stream" not in kind:
                raise server.not_json()
            events = self._until_deadline(stream, timeout)
            try:
                response = _collect_chat(events, forward) if is_chat else _collect_response(server, events, forward)
                if response is None:
                    raise ResponseLost(f"{server} stopped the stream before its end", transient=True)
                return self._format.parse(response)
            except BaseException:
                if forward.started:
                    self._meter.spend(self.name, most, counted=False)
                raise

    def _until_deadline(self, stream: openai.Stream[object], timeout: openai.Timeout) -> Iterator[dict[str, Any]]:
        """The events until the deadline; the SDK's own time limit restarts with each event."""
        deadline = time.monotonic() + (timeout.read or 0)
        for event in stream:
            if time.monotonic() > deadline:
                raise ResponseLost(f"{self._format.server} did not answer in time", transient=True)
            if isinstance(event, dict):
                yield event


def _collect_response(server: Server, events: Iterable[dict[str, Any]], on_text: OnText) -> dict[str, Any] | None:
    """The response in the last event; None if the stream ends before that."""
    for event in events:
        kind, delta = event.get("type"), event.get("delta")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            on_text(delta)
        elif kind == "error":
            raise reported_error(event.get("code"), event.get("message"), server)
        elif kind in _LAST_EVENTS and isinstance(event.get("response"), dict):
            response: dict[str, Any] = event["response"]
            return response
    return None


def _collect_chat(events: Iterable[dict[str, Any]], on_text: OnText) -> dict[str, Any] | None:
    """The response that the Chat API returns without streaming, assembled; None if the stream ends early."""
    message: dict[str, str] = {"content": "", "refusal": ""}
    finish_reason, usage = None, None
    for event in events:
        usage = event.get("usage") or usage
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta")
        for field in message:
            if isinstance(delta, dict) and isinstance(text := delta.get(field), str) and text:
                message[field] += text
                if field == "content":
                    on_text(text)
        finish_reason = choice.get("finish_reason") or finish_reason
    if not finish_reason:
        return None
    return {"choices": [{"message": message, "finish_reason": finish_reason}], "usage": usage}
