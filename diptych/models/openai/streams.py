"""Streamed answers, assembled into the response that the same API returns without streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from diptych.models.failures import ResponseLost, Server
from diptych.models.openai.errors import reported_error

OnText = Callable[[str], None]
_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")


def streaming_body(api: str, body: dict[str, Any]) -> dict[str, Any]:
    """The request body for a stream. The Chat API reports the usage of a stream only when asked to."""
    extra = {"stream_options": {"include_usage": True}} if api == "chat" else {}
    return {**body, "stream": True, **extra}


def collect_stream(server: Server, api: str, events: Iterable[object], on_text: OnText) -> dict[str, Any]:
    """The response assembled from decoded events; `on_text` receives its text as it arrives.

    Raises `ProviderError` when the stream ends before the answer does.
    """
    known = (event for event in events if isinstance(event, dict))
    response = _collect_chat(known, on_text) if api == "chat" else _collect_response(server, known, on_text)
    if response is None:
        raise ResponseLost(f"{server} stopped the stream before its end", transient=True)
    return response


def _collect_response(server: Server, events: Iterable[dict[str, Any]], on_text: OnText) -> dict[str, Any] | None:
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
