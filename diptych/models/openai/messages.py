"""Asks in the form of OpenAI's two APIs, Responses and Chat, and their answers read: plain data in, plain data out.

Answers are read from the decoded JSON itself, live, streamed or out of a batch, because the SDK's own objects take
whatever comes for granted.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from diptych.models.openai.errors import FILTERED, not_json, said, unlike
from diptych.models.openai.tokens import output, thinks
from diptych.models.vision import CitableText, ImagePart, Reply, TextPart, VisionRequest
from diptych.prices import Usage
from diptych.settings import OpenAI

Api = Literal["responses", "chat"]
PATHS: dict[Api, str] = {"responses": "/responses", "chat": "/chat/completions"}
_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*)\n\s*```\s*$", re.DOTALL)
_TAG = re.compile(r"<(?=/?evidence)", re.IGNORECASE)
_UNSUPPORTED = ("default", "minLength", "maxLength", "examples", "title")
"""Words of a schema that strict mode refuses, or that cost tokens for nothing; we check them ourselves."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, before it is checked against a schema."""

    text: str
    usage: Usage
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the APIs, as one endpoint wants it."""

    model: str
    endpoint: OpenAI

    @property
    def name(self) -> str:
        """As the settings write it."""
        return f"openai:{self.model}"

    @property
    def path(self) -> str:
        return PATHS[self.endpoint.api]

    def body(self, ask: VisionRequest, *turns: tuple[str, str]) -> dict[str, Any]:
        """The request; `turns`: (role, text) of what follows the question."""
        return self._responses(ask, turns) if self.endpoint.api == "responses" else self._chat(ask, turns)

    def read(self, data: object) -> Answer:
        """The answer in a decoded response. Raises `ProviderError` when it is none."""
        if not isinstance(data, dict):
            raise not_json(self.name, self.endpoint)
        return self._read_response(data) if self.endpoint.api == "responses" else self._read_chat(data)

    def _responses(self, ask: VisionRequest, turns: Iterable[tuple[str, str]]) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for part in parts(ask):
            if isinstance(part, ImagePart):
                content.append({"type": "input_image", "image_url": data_url(part), "detail": ask.detail})
            else:
                content.append({"type": "input_text", "text": part})
        said = {"assistant": "output_text", "user": "input_text"}
        asked: list[dict[str, Any]] = [{"role": "user", "content": content}]
        asked += [{"role": role, "content": [{"type": said[role], "text": text}]} for role, text in turns]
        body: dict[str, Any] = {
            "model": self.model,
            "instructions": ask.system,
            "input": asked,
            "max_output_tokens": output(self.model, ask),
            "store": False,
        }
        if ask.schema is not None:
            form = {"type": "json_schema", "name": ask.schema.__name__, "schema": strict(ask.schema), "strict": True}
            body["text"] = {"format": form}
        if thinks(self.model):
            body["reasoning"] = {"effort": "low"}
        return body

    def _chat(self, ask: VisionRequest, turns: Iterable[tuple[str, str]]) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for part in parts(ask):
            if isinstance(part, ImagePart):
                content.append({"type": "image_url", "image_url": {"url": data_url(part), "detail": ask.detail}})
            else:
                content.append({"type": "text", "text": part})
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": ask.system},
            {"role": "user", "content": content},
            *({"role": role, "content": text} for role, text in turns),
        ]
        # OpenAI's own models refuse the old name of the limit, many local servers do not know the new one.
        limit = "max_tokens" if self.endpoint.base_url else "max_completion_tokens"
        body: dict[str, Any] = {"model": self.model, "messages": messages, limit: output(self.model, ask)}
        if ask.schema is not None:
            form = {"name": ask.schema.__name__, "schema": strict(ask.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if thinks(self.model):
            body["reasoning_effort"] = "low"
        return body

    def _read_response(self, data: dict[str, Any]) -> Answer:
        error = data.get("error")
        if isinstance(error, dict):
            if error.get("code") in FILTERED:
                return Answer("", _response_usage(data), "filtered by the provider")
            raise said(error.get("code"), error.get("message"), self.name, self.endpoint)
        items = data.get("output")
        if not isinstance(items, list):
            raise unlike("response", self.name, self.endpoint)
        content = [
            part
            for item in items
            if isinstance(item, dict) and item.get("type") == "message"
            for part in item.get("content") or []
            if isinstance(part, dict)
        ]
        text = "".join(str(part.get("text") or "") for part in content if part.get("type") == "output_text")
        refusals = [str(part.get("refusal") or "") for part in content if part.get("type") == "refusal"]
        reason = (data.get("incomplete_details") or {}).get("reason")
        return Answer(text, _response_usage(data), _refusal(text, refusals, reason or data.get("status")))

    def _read_chat(self, data: dict[str, Any]) -> Answer:
        error = data.get("error")
        if isinstance(error, dict):
            raise said(error.get("code"), error.get("message"), self.name, self.endpoint)
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise unlike("chat completion", self.name, self.endpoint)
        text = str(message.get("content") or "")
        refusals = [str(message["refusal"])] if message.get("refusal") else []
        return Answer(text, _chat_usage(data), _refusal(text, refusals, choice.get("finish_reason")))


def checked(answer: Answer, ask: VisionRequest) -> Reply:
    """The reply to an ask; `data` is there when it has a schema and the answer is of its shape.

    Raises pydantic's `ValidationError` when it is not.
    """
    reply = Reply(answer.text, usage=answer.usage, refusal=answer.refusal)
    if answer.refusal or ask.schema is None:
        return reply
    fence = _FENCE.match(answer.text)
    return replace(reply, data=ask.schema.model_validate_json(fence.group(1) if fence else answer.text))


def misshapen(answer: Answer) -> Reply:
    """The reply to an ask whose answer is not of its schema, for good."""
    return Reply(answer.text, usage=answer.usage, refusal="not of the shape asked for")


def mistakes(error: ValidationError) -> str:
    """What is wrong with an answer, for the model to mend it."""
    found = [f"{'.'.join(map(str, part['loc'])) or 'the whole'}: {part['msg']}" for part in error.errors()[:5]]
    return "That is not of the shape asked for. Answer again, with the JSON only. Mistakes: " + "; ".join(found)


def parts(ask: VisionRequest) -> Iterable[str | ImagePart]:
    """Texts and pictures in order; evidence as numbered blocks that its own words cannot close."""
    number = 0
    for part in ask.parts:
        match part:
            case TextPart(text):
                yield text
            case CitableText(name, title, text):
                number += 1
                marks = f'number="{number}" id="{html.escape(name)}" title="{html.escape(title)}"'
                yield f"<evidence {marks}>\n{_TAG.sub('< ', text)}\n</evidence>"
            case ImagePart():
                yield part


def data_url(pixels: ImagePart) -> str:
    return f"data:{pixels.media_type};base64,{base64.b64encode(pixels.data).decode()}"


def strict(schema: type[BaseModel]) -> dict[str, Any]:
    """A JSON schema that OpenAI's strict mode takes: all fields required, no others, no words that it does not know."""
    made = _strict(schema.model_json_schema())
    assert isinstance(made, dict)
    return made


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # nothing may stand beside it
    made: dict[str, Any] = {}
    for word, value in node.items():
        if word in ("properties", "$defs"):  # what stands in these are names, not words of the schema
            made[word] = {name: _strict(part) for name, part in value.items()}
        elif word not in _UNSUPPORTED:
            made[word] = value if word in ("enum", "const", "required") else _strict(value)
    if made.get("type") == "object":
        made["additionalProperties"] = False
        made["required"] = list(made.get("properties", {}))
    return made


def _refusal(text: str, refusals: list[str], end: object) -> str:
    """Why an answer is none; empty when it is one. `end`: what the API gives as the reason for its end."""
    if refusals:
        return " ".join(["refused:", *" ".join(refusals).split()])[:300]
    if end == "content_filter":
        return "filtered by the provider"
    if end in ("max_output_tokens", "length", "incomplete"):
        return "cut off: longer than the tokens it may use"
    return "" if text.strip() else "empty"


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _counts(usage: object, read: str, details: str, written: str) -> Usage:
    known = usage if isinstance(usage, dict) else {}
    found = known.get(details)
    inner = found if isinstance(found, dict) else {}
    spent = _number(known.get(read))
    cached = min(_number(inner.get("cached_tokens")), spent)
    stored = min(_number(inner.get("cache_write_tokens")), spent - cached)
    return Usage(spent, cached, _number(known.get(written)), 1, written_tokens=stored)


def _response_usage(data: dict[str, Any]) -> Usage:
    return _counts(data.get("usage"), "input_tokens", "input_tokens_details", "output_tokens")


def _chat_usage(data: dict[str, Any]) -> Usage:
    return _counts(data.get("usage"), "prompt_tokens", "prompt_tokens_details", "completion_tokens")
