"""OpenAI's vision models, and those of any server that speaks its Responses or Chat API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import openai
from pydantic import ValidationError

from diptych.errors import ProviderError
from diptych.models.meter import Meter
from diptych.models.openai.batches import AskBatches
from diptych.models.openai.client import client, patiently, timeout
from diptych.models.openai.errors import FILTERED, host, is_openai, not_json, translated
from diptych.models.openai.messages import Answer, Form, checked, misshapen, mistakes
from diptych.models.openai.streams import Tell, asked, collected
from diptych.models.openai.tokens import most
from diptych.models.vision import BatchApi, Reply, TextPart, VisionRequest
from diptych.prices import Usage
from diptych.settings import OpenAI, Settings

__all__ = ["client", "is_openai", "load", "patiently", "timeout", "translated"]


def load(model: str, settings: Settings, meter: Meter) -> OpenAIModel:
    """The model of that name at the endpoint that `settings.openai` names."""
    return OpenAIModel(model, settings.openai, meter)


class OpenAIModel:
    """A `VisionModel`. No key is looked for before its first request."""

    max_side = 2048
    """What `high` makes pictures smaller to (the guide "Images and vision", section "Model sizing behavior")."""
    native_citations = False

    def __init__(self, model: str, endpoint: OpenAI, meter: Meter) -> None:
        self.name, self.model = f"openai:{model}", model
        self._endpoint, self._meter = endpoint, meter
        self._form = Form(model, endpoint)
        self.batch_api: BatchApi | None = AskBatches(self._form)

    def max_usage(self, ask: VisionRequest) -> Usage:
        """See `VisionModel`; without the second request that an answer of the wrong shape may take."""
        return most(self.model, ask)

    def ask(self, ask: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """See `VisionModel`. An answer of the wrong shape is sent back once; what then comes is final."""
        answer = self._answer(self._form.body(ask), self.max_usage(ask), on_text)
        try:
            return checked(answer, ask)
        except ValidationError as error:
            turns = ("assistant", answer.text), ("user", mistakes(error))
        longer = replace(ask, parts=(*ask.parts, *(TextPart(text) for _, text in turns)))
        second = self._answer(self._form.body(ask, *turns), self.max_usage(longer), None)
        second = replace(second, usage=answer.usage + second.usage)
        try:
            return checked(second, ask)
        except ValidationError:
            return misshapen(second)

    def _answer(self, body: dict[str, Any], most: Usage, tell: Tell | None) -> Answer:
        """One paid request, with patience; what it used is counted."""

        def attempt(sdk: openai.OpenAI, limit: openai.Timeout) -> Answer | ProviderError:
            try:
                return self._whole(sdk, body, limit) if tell is None else self._streamed(sdk, body, limit, tell)
            except openai.APIStatusError as error:
                if error.code not in FILTERED:
                    raise
            return Answer("", Usage(requests=1), "filtered by the provider")

        client(self._endpoint)  # without a key nothing is reserved
        with self._meter.reserve(self.name, most):
            answer = patiently(self.name, self._endpoint, attempt, most.input_tokens + most.output_tokens)
            if isinstance(answer, ProviderError):
                raise answer
            self._meter.spend(self.name, answer.usage)
        return answer

    def _whole(self, sdk: openai.OpenAI, body: dict[str, Any], limit: openai.Timeout) -> Answer:
        return self._form.read(sdk.post(self._form.path, body=body, cast_to=object, options={"timeout": limit}))

    def _streamed(
        self, sdk: openai.OpenAI, body: dict[str, Any], limit: openai.Timeout, tell: Tell
    ) -> Answer | ProviderError:
        """The answer, or the failure of one of which a part was told: a second try would tell it twice."""
        told: list[str] = []

        def keep(text: str) -> None:
            told.append(text)
            tell(text)

        try:
            with translated(self.name, self._endpoint):
                return self._form.read(self._events(sdk, body, limit, keep))
        except ProviderError as error:
            if not told:
                raise
            return error

    def _events(self, sdk: openai.OpenAI, body: dict[str, Any], limit: openai.Timeout, tell: Tell) -> object:
        stream = sdk.post(
            self._form.path,
            body=asked(self._endpoint, body),
            cast_to=object,
            options={"timeout": limit},
            stream=True,
            stream_cls=openai.Stream[object],
        )
        with closing(stream):
            kind = stream.response.headers.get("content-type", "")
            if "json" in kind:  # a server that does not stream
                stream.response.read()
                whole = stream.response.json()
                tell(self._form.read(whole).text)
                return whole
            if "event-stream" not in kind:
                raise not_json(self.name, self._endpoint)
            return collected(self.name, self._endpoint, self._in_time(stream, limit), tell)

    def _in_time(self, stream: openai.Stream[object], limit: openai.Timeout) -> Iterator[object]:
        """The events, until the deadline: the SDK's own limit starts anew with each of them."""
        end = time.monotonic() + (limit.read or 0)
        for event in stream:
            if time.monotonic() > end:
                raise ProviderError(f"{self.name}: {host(self._endpoint)} did not answer in time", transient=True)
            yield event
