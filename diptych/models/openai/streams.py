"""Answers that come piece by piece, put together to what the same API gives in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from diptych.errors import ProviderError
from diptych.models.openai.errors import host, said
from diptych.settings import OpenAI

Tell = Callable[[str], None]
_ENDS = ("response.completed", "response.incomplete", "response.failed")


def asked(endpoint: OpenAI, body: dict[str, Any]) -> dict[str, Any]:
    """The request for a stream instead of one piece; a stream of Chat tells its usage only when asked."""
    extra = {"stream_options": {"include_usage": True}} if endpoint.api == "chat" else {}
    return {**body, "stream": True, **extra}


def collected(name: str, endpoint: OpenAI, events: Iterable[object], tell: Tell) -> dict[str, Any]:
    """The response that the decoded events make; `tell` gets its text as it comes.

    Raises `ProviderError` when the stream ends before the answer does.
    """
    known = (event for event in events if isinstance(event, dict))
    whole = _responses(name, endpoint, known, tell) if endpoint.api == "responses" else _chat(known, tell)
    if whole is None:
        raise ProviderError(f"{name}: {host(endpoint)} broke off within its answer", transient=True)
    return whole


def _responses(name: str, endpoint: OpenAI, events: Iterable[dict[str, Any]], tell: Tell) -> dict[str, Any] | None:
    for event in events:
        kind, delta = event.get("type"), event.get("delta")
        if kind == "response.output_text.delta" and isinstance(delta, str):
            tell(delta)
        elif kind == "error":
            raise said(event.get("code"), event.get("message"), name, endpoint)
        elif kind in _ENDS and isinstance(event.get("response"), dict):
            whole: dict[str, Any] = event["response"]
            return whole
    return None


def _chat(events: Iterable[dict[str, Any]], tell: Tell) -> dict[str, Any] | None:
    message: dict[str, str] = {"content": "", "refusal": ""}
    end, usage = None, None
    for event in events:
        usage = event.get("usage") or usage
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta")
        for word in message:
            if isinstance(delta, dict) and isinstance(piece := delta.get(word), str) and piece:
                message[word] += piece
                if word == "content":
                    tell(piece)
        end = choice.get("finish_reason") or end
    return {"choices": [{"message": message, "finish_reason": end}], "usage": usage} if end else None
