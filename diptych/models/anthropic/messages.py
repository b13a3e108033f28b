"""Vision requests in the form of Anthropic's Messages API, and its messages as replies. Nothing is sent."""

import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from diptych.errors import ProviderError, list_mistakes
from diptych.models.failures import Server
from diptych.models.vision import (
    CitableText,
    CitedSpan,
    ImagePart,
    Reply,
    RequestPart,
    TextPart,
    VisionRequest,
    sendable,
)
from diptych.prices import Usage

PATCH = 28
"""Side in pixels of the square of an image that is one token."""
LOW_SIDE = 18 * PATCH
"""Pixels of the longer side with the detail `low`, which the API does not have: at most 324 tokens for an image, about
as many as OpenAI charges for it. A larger side that is no multiple of `PATCH` would cost a row of patches more."""
MIN_BLOCK = 40
"""Characters of the shortest block that can be cited, so that `Fig. 3` is not split."""
THINKING_TOKENS = 4000
"""Allowance, in addition to the answer, for models whose thinking cannot be switched off."""
REQUEST_TOKENS = 300
"""What the API adds to a request by itself."""

_VERSION = re.compile(r"claude-(?:([a-z]+)-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_STOPS = re.compile(r"(?<=[.!?…;:])[\"'”’)\]]*\s+|\s*\n\s*|(?<=[。！？；])")


def parse_version(model: str) -> tuple[str, tuple[int, int]] | None:
    """(family, version) of a model of any platform: `us.anthropic.claude-haiku-5-5` -> ("haiku", (5, 5))."""
    found = _VERSION.search(model)
    return (found[1] or "", (int(found[2]), int(found[3] or 0))) if found else None


def image_limits(model: str) -> tuple[int, int]:
    """(pixels of the longer side, tokens) to which the API scales images down; unknown models have the larger limits.

    Source: https://platform.claude.com/docs/en/build-with-claude/vision ("Evaluate image size") and the migration
    guide of Claude Sonnet 5.5, read on 2026-11-21.
    """
    known = parse_version(model)
    return (1568, 1568) if known and known[1] < (4, 7) else (2576, 4784)


def request_body(model: str, request: VisionRequest) -> dict[str, Any]:
    """The request body. The API rejects structured output together with citations, so a schema switches those off.

    The API has no `detail`; callers send smaller images instead.
    """
    import anthropic

    blocks = [block for part in request.parts for block in _content_blocks(part, cite=request.schema is None)]
    extra, thinking_tokens = _thinking(model)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens + thinking_tokens,
        "messages": [{"role": "user", "content": blocks}],
        **extra,
    }
    if request.system:
        body["system"] = sendable(request.system)
    if request.schema is not None:
        schema = anthropic.transform_schema(request.schema)
        body["output_config"] = {**body.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
    return body


def _thinking(model: str) -> tuple[dict[str, Any], int]:
    """(body fields that switch the model's thinking off, tokens to allow where that is impossible).

    Thinking counts towards `max_tokens`, costs as much as the answer, and helps little with captions and answers from
    evidence. Models before 5 do not think unless asked to; later ones differ: see the page "Thinking" and the migration
    guides of Claude Haiku 5.5 and Sonnet 5.5 on platform.claude.com, read on 2026-11-21.
    """
    known = parse_version(model)
    if known is None or known[1] < (5, 0):
        return {}, 0
    if known in (("haiku", (5, 5)), ("sonnet", (5, 0))):
        return {"thinking": {"type": "disabled"}}, 0
    if known == ("sonnet", (5, 5)):
        return {"thinking": {"type": "between_tools"}}, 0
    return {"output_config": {"effort": "low"}}, THINKING_TOKENS


def _content_blocks(part: RequestPart, cite: bool) -> Iterator[dict[str, Any]]:
    if isinstance(part, TextPart):
        if part.text.strip():  # the API rejects blank texts
            yield {"type": "text", "text": sendable(part.text)}
    elif isinstance(part, ImagePart):
        yield {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": part.base64}}
    elif cite and part.text.strip():
        yield {
            "type": "search_result",
            "source": part.id,
            "title": sendable(part.title).strip() or part.id,
            "content": [{"type": "text", "text": block} for block in split_blocks(sendable(part.text))],
            "citations": {"enabled": True},
        }
    else:
        yield {"type": "text", "text": sendable(fenced_text(part))}


def fenced_text(part: CitableText) -> str:
    """A citable text as plain text, for requests without native citations."""
    data = json.dumps({"id": part.id, "title": part.title, "text": part.text}, ensure_ascii=False)
    escaped = data.replace("</", "<\\/")  # equal as JSON, but cannot close the fence
    return f"<evidence>{escaped}</evidence>"


def split_blocks(text: str) -> list[str]:
    """The text in blocks of sentences or lines; joined, they are the text without surrounding blanks.

    The API cites one or more whole blocks of a search result, never parts of one (see `cited_text`).
    """
    text, blocks, start = text.strip(), [], 0
    for stop in _STOPS.finditer(text):
        if stop.end() - start >= MIN_BLOCK and stop.end() < len(text):
            blocks.append(text[start : stop.end()])
            start = stop.end()
    return [*blocks, text[start:]] if text[start:] else blocks


def max_usage(model: str, request: VisionRequest) -> Usage:
    """The most that a request may use, its answer included."""
    texts = [request.system, json.dumps(request.schema.model_json_schema()) if request.schema else ""]
    texts += [
        part.text if isinstance(part, TextPart) else fenced_text(part)
        for part in request.parts
        if not isinstance(part, ImagePart)
    ]
    images = sum(image_tokens(model, part.data) for part in request.parts if isinstance(part, ImagePart))
    input_tokens = REQUEST_TOKENS + text_tokens("".join(texts)) + images
    return Usage(input_tokens, 0, request.max_tokens + _thinking(model)[1], 1)


def text_tokens(text: str) -> int:
    """Tokens of a text, never too few: two bytes each. English has about four bytes per token, Chinese about three."""
    return len(text.encode(errors="replace")) // 2


def image_tokens(model: str, data: bytes) -> int:
    """Tokens of an image, never too few: ⌈width / 28⌉ · ⌈height / 28⌉ after scaling down to the model's limits.

    Source: https://platform.claude.com/docs/en/build-with-claude/vision ("Evaluate image size"), read on 2026-11-21,
    which replaces the older rule, width · height / 750.
    """
    from PIL import Image

    max_side, max_tokens = image_limits(model)
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return max_tokens
    scale = min(1.0, max_side / max(width, height))
    return min(max_tokens, math.ceil(width * scale / PATCH) * math.ceil(height * scale / PATCH))


class _Parsed(BaseModel, from_attributes=True):
    """Parsed from JSON or from the SDK's objects."""


class _Citation(_Parsed):
    type: str = ""
    source: str | None = None
    cited_text: str | None = None


class _Block(_Parsed):
    type: str
    text: str | None = None
    citations: list[_Citation] | None = None


class _StopDetails(_Parsed):
    category: str | None = None
    explanation: str | None = None


class _MessageUsage(_Parsed):
    input_tokens: int | None = Field(None, ge=0)
    """Without those read from or written to the cache."""
    cache_creation_input_tokens: int | None = Field(None, ge=0)
    cache_read_input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)


class Message(_Parsed):
    """The fields of an API message that are used."""

    content: list[_Block]
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None
    usage: _MessageUsage = _MessageUsage()


def to_usage(usage: _MessageUsage, batched: bool = False) -> Usage:
    """The API counts uncached, written and read tokens separately; `Usage` sums them as input."""
    written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    input_tokens = (usage.input_tokens or 0) + written + read
    return Usage(input_tokens, read, usage.output_tokens or 0, 1, batched, written)


def parse_message(server: Server | str, message: object) -> Message:
    """A message of the API. Raises a transient `ProviderError` for anything else."""
    try:
        return Message.model_validate(message)
    except ValidationError as error:
        mistake = list_mistakes(error.errors())[0]
        raise ProviderError(
            f"{server} answered with JSON that is not a message of the Messages API ({mistake})", transient=True
        ) from None


def to_reply(message: Message, request: VisionRequest, batched: bool = False) -> Reply:
    """The reply to a request: a refusal, or an answer that matches the request's schema."""
    counted = to_usage(message.usage).input_tokens > 0 and message.usage.output_tokens is not None
    reply = _to_reply(message, request, batched)
    return replace(reply, malformed=bool(reply.refusal) and message.stop_reason != "refusal", counted=counted)


def _to_reply(message: Message, request: VisionRequest, batched: bool) -> Reply:
    blocks = [block for block in message.content if block.type == "text" and block.text]
    text, usage = "".join(block.text or "" for block in blocks), to_usage(message.usage, batched)
    if refusal := _refusal(message, request, text):
        return Reply(text, None, usage, refusal)
    if request.schema is not None:
        try:
            return Reply(text, request.schema.model_validate_json(text), usage)
        except ValidationError as error:
            mistake = list_mistakes(error.errors())[0][:120]
            return Reply(text, None, usage, f"the answer does not match the schema ({mistake})")
    if not any(isinstance(part, CitableText) for part in request.parts):
        return Reply(text, None, usage)
    return Reply(text, None, usage, "", tuple(CitedSpan(block.text or "", _quotes(block)) for block in blocks))


def _quotes(block: _Block) -> tuple[tuple[str, str], ...]:
    citations = [citation for citation in block.citations or [] if citation.type == "search_result_location"]
    return tuple((citation.source or "", (citation.cited_text or "").strip()) for citation in citations)


def _refusal(message: Message, request: VisionRequest, text: str) -> str:
    """Why there is no answer, or not a whole one; empty if there is."""
    if message.stop_reason == "refusal":
        details = message.stop_details or _StopDetails()
        why = " ".join((details.explanation or details.category or "").split())[:200]
        return f"the model refused{f': {why}' if why else ''}"
    if message.stop_reason == "max_tokens":
        return f"the answer was cut off after {request.max_tokens} tokens"
    if message.stop_reason == "model_context_window_exceeded":
        return "the answer was cut off because the request fills the model's context"
    return "" if text.strip() else "the answer is empty"
