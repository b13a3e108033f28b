"""Asks as Anthropic's Messages API takes them, and its answers as replies. Pure: no request is made here."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from diptych.errors import ProviderError
from diptych.models.vision import CitableText, CitedSpan, ImagePart, Reply, RequestPart, TextPart, VisionRequest
from diptych.prices import Usage

PATCH = 28
"""Side in pixels of the square that is one token of a picture."""
SHORTEST = 40
"""Characters of the shortest stretch of evidence that can be cited, so that `Fig. 3` is not cut in two."""
ROOM_TO_THINK = 4000
"""Tokens, beside those of the answer, for models that cannot be kept from thinking before they answer."""

_VERSION = re.compile(r"claude-(?:([a-z]+)-)?(\d+)(?:[-.](\d{1,2}))?(?!\d)")
_STOPS = re.compile(r"(?<=[.!?…;:])[\"'”’)\]]*\s+|\s*\n\s*|(?<=[。！？；])")


def version(model: str) -> tuple[str, tuple[int, int]] | None:
    """(family, version) of a model of any platform: `us.anthropic.claude-haiku-5-5` -> ("haiku", (5, 5))."""
    found = _VERSION.search(model)
    return (found[1] or "", (int(found[2]), int(found[3] or 0))) if found else None


def sharpness(model: str) -> tuple[int, int]:
    """(longest side in pixels, most tokens) of a picture as the model sees it; larger ones are made smaller there.

    Source: https://platform.claude.com/docs/en/build-with-claude/vision ("Evaluate image size") and the migration
    guide of Claude Sonnet 5.5, read on 2026-11-21. Models that are not known count as sharp-sighted.
    """
    known = version(model)
    return (1568, 1568) if known and known[1] < (4, 7) else (2576, 4784)


def params(model: str, ask: VisionRequest) -> dict[str, Any]:
    """The body of the request for an ask. Structured output and citations exclude each other, so never both.

    The API knows no `detail`: who asks for less sends smaller pictures.
    """
    import anthropic

    citing = ask.schema is None
    blocks = [block for part in ask.parts for block in _block(part, citing)]
    extra, room = _thinking(model)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": ask.max_tokens + room,
        "messages": [{"role": "user", "content": blocks}],
        **extra,
    }
    if ask.system:
        body["system"] = _sendable(ask.system)
    if ask.schema is not None:
        schema = anthropic.transform_schema(ask.schema)
        body["output_config"] = {**body.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}
    return body


def _thinking(model: str) -> tuple[dict[str, Any], int]:
    """What keeps the model from thinking before it answers, and the room it takes where nothing can.

    Thoughts count towards `max_tokens` and cost like answers; a caption or an answer from evidence gains little by
    them. Models before 5 do not think unless asked to. Since then each has its own way: see the page "Thinking" and
    the migration guides of Claude Haiku 5.5 and Sonnet 5.5 on platform.claude.com, read on 2026-11-21.
    """
    known = version(model)
    if known is None or known[1] < (5, 0):
        return {}, 0
    if known in (("haiku", (5, 5)), ("sonnet", (5, 0))):
        return {"thinking": {"type": "disabled"}}, 0
    if known == ("sonnet", (5, 5)):
        return {"thinking": {"type": "between_tools"}}, 0
    return {"output_config": {"effort": "low"}}, ROOM_TO_THINK


def _block(part: RequestPart, citing: bool) -> Iterator[dict[str, Any]]:
    if isinstance(part, TextPart):
        if part.text.strip():  # the API refuses blank ones
            yield {"type": "text", "text": _sendable(part.text)}
    elif isinstance(part, ImagePart):
        data = base64.b64encode(part.data).decode()
        yield {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": data}}
    elif citing and part.text.strip():
        yield {
            "type": "search_result",
            "source": part.id,
            "title": _sendable(part.title).strip() or part.id,
            "content": [{"type": "text", "text": piece} for piece in stretches(_sendable(part.text))],
            "citations": {"enabled": True},
        }
    else:
        yield {"type": "text", "text": _sendable(written(part))}


def _sendable(text: str) -> str:
    """Without halves of surrogate pairs, which broken documents hold and no request can."""
    return text.encode(errors="replace").decode()


def written(evidence: CitableText) -> str:
    """Evidence as a text, where it is not sent as something to cite."""
    data = json.dumps({"id": evidence.id, "title": evidence.title, "text": evidence.text}, ensure_ascii=False)
    fenced = data.replace("</", "<\\/")  # the same to JSON, and no document closes the fence
    return f"<evidence>{fenced}</evidence>"


def stretches(text: str) -> list[str]:
    """The text in sentences or lines; joined they are the text without the blanks around it.

    What is cited is one or more whole blocks of a search result, never a part of one: see `cited_text` in the API.
    """
    text, pieces, start = text.strip(), [], 0
    for stop in _STOPS.finditer(text):
        if stop.end() - start >= SHORTEST and stop.end() < len(text):
            pieces.append(text[start : stop.end()])
            start = stop.end()
    return [*pieces, text[start:]] if text[start:] else pieces


def most(model: str, ask: VisionRequest) -> Usage:
    """An upper estimate of what the ask uses.

    A token for every two bytes of text, which is more than English (about four bytes) or Chinese (about three) take;
    300 for what the API adds by itself; a picture's tokens by `picture_tokens`.
    """
    texts = [ask.system, json.dumps(ask.schema.model_json_schema()) if ask.schema else ""]
    texts += [
        part.text if isinstance(part, TextPart) else written(part)
        for part in ask.parts
        if not isinstance(part, ImagePart)
    ]
    words = sum(len(text.encode(errors="replace")) for text in texts) // 2
    seen = sum(picture_tokens(model, part.data) for part in ask.parts if isinstance(part, ImagePart))
    return Usage(300 + words + seen, 0, ask.max_tokens + _thinking(model)[1], 1)


def picture_tokens(model: str, data: bytes) -> int:
    """Tokens of a picture, never too few: ⌈width / 28⌉ · ⌈height / 28⌉ after it was made small enough for the model.

    Source: https://platform.claude.com/docs/en/build-with-claude/vision ("Evaluate image size"), read on 2026-11-21,
    which replaces the older rule of width · height / 750.
    """
    from PIL import Image

    longest, cap = sharpness(model)
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return cap
    scale = min(1.0, longest / max(width, height))
    return min(cap, math.ceil(width * scale / PATCH) * math.ceil(height * scale / PATCH))


class _Read(BaseModel, from_attributes=True):
    """Of JSON, or of the SDK's objects."""


class _Citation(_Read):
    type: str = ""
    source: str | None = None
    cited_text: str | None = None


class _Block(_Read):
    type: str
    text: str | None = None
    citations: list[_Citation] | None = None


class _Details(_Read):
    category: str | None = None
    explanation: str | None = None


class _Usage(_Read):
    input_tokens: int | None = Field(None, ge=0)
    """Those that no cache had to do with."""
    cache_creation_input_tokens: int | None = Field(None, ge=0)
    cache_read_input_tokens: int | None = Field(None, ge=0)
    output_tokens: int | None = Field(None, ge=0)


class Answer(_Read):
    """What is read of a message of the API; the rest is let go."""

    content: list[_Block]
    stop_reason: str | None = None
    stop_details: _Details | None = None
    usage: _Usage = _Usage()


def used(usage: _Usage, batched: bool = False) -> Usage:
    """The API counts fresh, written and read tokens apart; here the input is all of them."""
    written, read = usage.cache_creation_input_tokens or 0, usage.cache_read_input_tokens or 0
    whole = (usage.input_tokens or 0) + written + read
    return Usage(whole, read, usage.output_tokens or 0, 1, batched, written)


def answer(name: str, message: object) -> Answer:
    """A message of the API, checked; `name`: of the model. Raises `ProviderError`, transient, when it is not one."""
    try:
        return Answer.model_validate(message)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "message"
        raise ProviderError(
            f"{name}: what came is no answer of the Messages API (`{where}`: {first['msg']})", transient=True
        ) from None


def replied(answer: Answer, ask: VisionRequest, batched: bool = False) -> Reply:
    """The reply to an ask, with its refusal or with its answer, checked by the ask's schema."""
    blocks = [block for block in answer.content if block.type == "text" and block.text]
    text, usage = "".join(block.text or "" for block in blocks), used(answer.usage, batched)
    if refusal := _refusal(answer, ask, text):
        return Reply(text, None, usage, refusal)
    if ask.schema is not None:
        try:
            return Reply(text, ask.schema.model_validate_json(text), usage)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "answer"
            return Reply(
                text, None, usage, f"the answer is not of the form asked for (`{where[:80]}`: {first['type']})"
            )
    if not any(isinstance(part, CitableText) for part in ask.parts):
        return Reply(text, None, usage)
    return Reply(text, None, usage, "", tuple(CitedSpan(block.text or "", _quotes(block)) for block in blocks))


def _quotes(block: _Block) -> tuple[tuple[str, str], ...]:
    found = [citation for citation in block.citations or [] if citation.type == "search_result_location"]
    return tuple((citation.source or "", (citation.cited_text or "").strip()) for citation in found)


def _refusal(answer: Answer, ask: VisionRequest, text: str) -> str:
    """Why there is no answer, or not a whole one; empty: there is."""
    if answer.stop_reason == "refusal":
        details = answer.stop_details or _Details()
        why = " ".join((details.explanation or details.category or "").split())[:200]
        return f"the model refused{f': {why}' if why else ''}"
    if answer.stop_reason == "max_tokens":
        return f"the answer was cut off after {ask.max_tokens} tokens"
    if answer.stop_reason == "model_context_window_exceeded":
        return "the answer was cut off: question and evidence fill the model's context"
    return "" if text.strip() else "the answer is empty"
