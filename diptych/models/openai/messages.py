"""Vision requests in the form of OpenAI's two APIs, Responses and Chat, and their responses parsed. Nothing is sent.

Responses are parsed from decoded JSON, whether they come at once, streamed or from a batch, because the SDK's objects
are not validated.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from diptych.endpoints import OpenAI
from diptych.models.failures import Server
from diptych.models.openai.client import FILTERED, is_openai, openai_server, reported_error, unexpected_shape
from diptych.models.openai.tokens import is_reasoning, max_output_tokens
from diptych.models.vision import CitableText, Detail, ImagePart, Reply, TextPart, VisionRequest, sendable
from diptych.prices import Usage

Turns = Iterable[tuple[str, str]]
CUT_OFF, EMPTY = "cut off at the token limit", "the answer is empty"
_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
"""What a reasoning model wrote before its answer, if its server does not take it out."""
_FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n\s*```", re.DOTALL)
_TAG = re.compile(r"<(?=/?evidence)", re.IGNORECASE)
_UNSUPPORTED = ("default", "minLength", "maxLength", "examples", "title")
"""Keywords that strict mode rejects or that only cost tokens. Pydantic checks them in the answer."""


@dataclass(frozen=True, slots=True)
class MessageFormat:
    """Requests and responses of one model, in the API that its endpoint speaks."""

    model: str
    endpoint: OpenAI

    @property
    def name(self) -> str:
        """As the settings write it."""
        return f"openai:{self.model}"

    @property
    def server(self) -> Server:
        return openai_server(self.name, self.endpoint)

    @property
    def path(self) -> str:
        return "/responses" if self.endpoint.api == "responses" else "/chat/completions"

    def body(self, request: VisionRequest, *turns: tuple[str, str]) -> dict[str, Any]:
        """The request body. `turns`: (role, text) of the conversation after the question."""
        content = [self._content(part, request.detail) for part in content_parts(request)]
        build = self._responses_body if self.endpoint.api == "responses" else self._chat_body
        return {"model": self.model, **build(request, content, turns)}

    def parse(self, data: object) -> Reply:
        """The answer in a decoded response, not validated yet. Raises `ProviderError` when there is none."""
        if not isinstance(data, dict):
            raise self.server.not_json()
        return self._parse_response(data) if self.endpoint.api == "responses" else self._parse_chat(data)

    def _content(self, part: str | ImagePart, detail: Detail) -> dict[str, Any]:
        is_chat = self.endpoint.api == "chat"
        if isinstance(part, str):
            return {"type": "text" if is_chat else "input_text", "text": sendable(part)}
        if is_chat:
            return {"type": "image_url", "image_url": {"url": part.data_address, "detail": detail}}
        return {"type": "input_image", "image_url": part.data_address, "detail": detail}

    def _responses_body(self, request: VisionRequest, content: list[dict[str, Any]], turns: Turns) -> dict[str, Any]:
        text_type = {"assistant": "output_text", "user": "input_text"}
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        messages += [{"role": role, "content": [{"type": text_type[role], "text": text}]} for role, text in turns]
        body: dict[str, Any] = {
            "instructions": request.system,
            "input": messages,
            "max_output_tokens": max_output_tokens(self.model, request),
            "store": False,
        }
        if request.schema is not None:
            body["text"] = {"format": {"type": "json_schema", **_schema_format(request.schema)}}
        if is_reasoning(self.model):
            body["reasoning"] = {"effort": "low"}
        return body

    def _chat_body(self, request: VisionRequest, content: list[dict[str, Any]], turns: Turns) -> dict[str, Any]:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": content},
            *({"role": role, "content": text} for role, text in turns),
        ]
        # OpenAI's models reject the old name of the limit; many local servers do not know the new one.
        limit = "max_completion_tokens" if is_openai(self.endpoint) else "max_tokens"
        body: dict[str, Any] = {"messages": messages, limit: max_output_tokens(self.model, request)}
        if request.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": _schema_format(request.schema)}
        if is_reasoning(self.model):
            body["reasoning_effort"] = "low"
        return body

    def _parse_response(self, data: dict[str, Any]) -> Reply:
        error = data.get("error")
        if isinstance(error, dict):
            if error.get("code") in FILTERED:
                return _reply("", data, "filtered by the provider")
            raise reported_error(error.get("code"), error.get("message"), self.server)
        items = data.get("output")
        if not isinstance(items, list):
            raise unexpected_shape("response", self.server)
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
        return _reply(text, data, _refusal(text, refusals, reason or data.get("status")))

    def _parse_chat(self, data: dict[str, Any]) -> Reply:
        error = data.get("error")
        if isinstance(error, dict):
            raise reported_error(error.get("code"), error.get("message"), self.server)
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(message, dict):
            raise unexpected_shape("chat completion", self.server)
        text = str(message.get("content") or "")
        refusals = [str(message["refusal"])] if message.get("refusal") else []
        return _reply(text, data, _refusal(text, refusals, choice.get("finish_reason")))


def validated_reply(answer: Reply, request: VisionRequest) -> Reply:
    """The answer with its data if the request has a schema. Raises pydantic's `ValidationError` if it is invalid."""
    if answer.refusal or request.schema is None:
        return answer
    text = _THOUGHTS.sub("", answer.text).strip()
    fence = None if text.startswith("{") else _FENCE.search(text)
    return replace(answer, data=request.schema.model_validate_json(fence.group(1) if fence else text))


def final_reply(answer: Reply, request: VisionRequest) -> Reply:
    """The answer with its data; a refusal if it does not match the schema."""
    try:
        return validated_reply(answer, request)
    except ValidationError:
        return replace(answer, refusal="the answer does not match the schema", malformed=True)


def correction_request(error: ValidationError) -> str:
    """A message that asks the model to correct its answer."""
    mistakes = [f"{'.'.join(map(str, part['loc'])) or 'the whole'}: {part['msg']}" for part in error.errors()[:5]]
    return "Your answer does not match the schema. Answer again, with the JSON only. Mistakes: " + "; ".join(mistakes)


def content_parts(request: VisionRequest) -> Iterable[str | ImagePart]:
    """Texts and images in order; citable texts as numbered blocks that their own words cannot close."""
    number = 0
    for part in request.parts:
        match part:
            case TextPart(text):
                yield text
            case CitableText(name, title, text):
                number += 1
                marks = f'number="{number}" id="{html.escape(name)}" title="{html.escape(title)}"'
                yield f"<evidence {marks}>\n{_TAG.sub('< ', text)}\n</evidence>"
            case ImagePart():
                yield part


def _schema_format(schema: type[BaseModel]) -> dict[str, Any]:
    return {"name": schema.__name__, "schema": strict_schema(schema), "strict": True}


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """A JSON schema for OpenAI's strict mode: all fields required, no other fields, no unsupported keywords."""
    strict: dict[str, Any] = _strict_node(schema.model_json_schema())
    return strict


def _strict_node(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict_node(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # strict mode allows nothing beside it
    strict: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword in ("properties", "$defs"):  # their keys are names, not keywords
            strict[keyword] = {name: _strict_node(part) for name, part in value.items()}
        elif keyword not in _UNSUPPORTED:
            strict[keyword] = value if keyword in ("enum", "const", "required") else _strict_node(value)
    if strict.get("type") == "object":
        strict["additionalProperties"] = False
        strict["required"] = list(strict.get("properties", {}))
    return strict


def _refusal(text: str, refusals: list[str], end: object) -> str:
    """Why there is no answer; empty if there is one. `end`: the API's reason for the end of the text."""
    if refusals:
        return " ".join(["refused:", *" ".join(refusals).split()])[:300]
    if end == "content_filter":
        return "filtered by the provider"
    if end in ("max_output_tokens", "length", "incomplete"):
        return CUT_OFF
    return "" if text.strip() else EMPTY


def _reply(text: str, data: dict[str, Any], refusal: str) -> Reply:
    """A reply with the usage in a response of either API; 0 for counts that are missing or wrong."""

    def count(counts: object, *names: str) -> int | None:
        values = [counts.get(name) for name in names] if isinstance(counts, dict) else []
        return next((value for value in values if isinstance(value, int) and value >= 0), None)

    usage = data["usage"] if isinstance(data.get("usage"), dict) else {}
    details = usage.get("input_tokens_details") or usage.get("prompt_tokens_details")
    input_tokens = count(usage, "input_tokens", "prompt_tokens") or 0
    output_tokens = count(usage, "output_tokens", "completion_tokens")
    cached = min(count(details, "cached_tokens") or 0, input_tokens)
    written = min(count(details, "cache_write_tokens") or 0, input_tokens - cached)
    used = Usage(input_tokens, cached, output_tokens or 0, 1, written_tokens=written)
    # Every request has input, so a server that reports 0 does not count it.
    counted = input_tokens > 0 and output_tokens is not None
    return Reply(text, None, used, refusal, malformed=refusal in (CUT_OFF, EMPTY), counted=counted)
