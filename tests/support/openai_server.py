"""Routes that answer like OpenAI: Responses, Chat, embeddings, files and batches.

routes = openai_routes(answer=lambda asked: {"text": f"{len(asked.images)} pictures"}, key="sk-test")
with served(routes) as vendor:                       # base_url: f"{vendor.url}/v1"
    ...
    routes.batches_end = False                       # batches keep running until it is True again
    routes.batch_faults["item-2"] = 429              # this item fails with that status, the others do not
    routes.batch_status = "expired"                  # and the items in `batch_faults` were not sent

`answer` gets an `Asked`, the same for both APIs, and returns a text, data for JSON, `Refused`, `Cut`, `Filtered` or
`Broken`. By default it fills in the requested schema with words that depend only on the question. `vector` gets one
input of an embeddings request and the number of dimensions.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import Answer, Request
from tests.support.openai_batch_server import BatchRoutes, problem
from tests.support.openai_requests import (
    Asked,
    Broken,
    Cut,
    Filtered,
    Refused,
    hashed,
    made_up,
    pieces,
    read_chat,
    read_responses,
    tokens,
)

LIMIT = 2048
"""Inputs of one embeddings request."""


def events(lines: list[Any], *, named: bool) -> Answer:
    """A stream. Responses has named events; Chat ends with [DONE]."""
    if named:
        text = "".join(f"event: {line['type']}\ndata: {json.dumps(line)}\n\n" for line in lines)
    else:
        text = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return Answer(200, text, {"content-type": "text/event-stream"})


@dataclass
class OpenAIRoutes(BatchRoutes):
    """The routes. Thread-safe."""

    answer: Callable[[Asked], Any] = made_up
    vector: Callable[[Any, int], list[float]] = hashed
    dimensions: int = 8
    """Of vectors, if the request does not state them."""
    cached: int = 0
    """Input tokens reported as read from the cache."""
    counts: bool = True
    """Whether answers of models report their usage."""
    asked: list[Asked] = field(default_factory=list)
    """Every request to a model, in order, including those in batches."""

    def __call__(self, request: Request) -> Answer | None:
        path = request.path.removeprefix("/v1")
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return problem(401, "Incorrect API key provided: sk-te**********cret.", "invalid_api_key")
        with self._lock:
            match request.method, path.strip("/").split("/"):
                case "POST", ["responses"]:
                    return self._responses(request.json)
                case "POST", ["chat", "completions"]:
                    return self._chat(request.json)
                case "POST", ["embeddings"]:
                    return self._embeddings(request.json)
            return self.batch_route(request)

    def _outcome(self, asked: Asked) -> tuple[str, str, Any]:
        """(completed | refused | cut | filtered | broken, text, value returned by `answer`)."""
        self.asked.append(asked)
        given = self.answer(asked)
        match given:
            case Refused(text):
                return "refused", text, given
            case Cut(text):
                return "cut", text, given
            case Filtered(text):
                return "filtered", text, given
            case Broken():
                return "broken", "", given
            case str():
                return "completed", given, given
        return "completed", json.dumps(given), given

    def _responses(self, body: Mapping[str, Any]) -> Answer:
        asked = read_responses(body)
        how, text, given = self._outcome(asked)
        number = next(self._numbers)
        part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        if how == "refused":
            part = {"type": "refusal", "refusal": text}
        item: dict[str, Any] = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        spent, written = tokens(asked, text)
        whole = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 1,
            "model": asked.model,
            "status": {"cut": "incomplete", "filtered": "incomplete", "broken": "failed"}.get(how, "completed"),
            "incomplete_details": {
                "cut": {"reason": "max_output_tokens"},
                "filtered": {"reason": "content_filter"},
            }.get(how),
            "error": {"code": given.code, "message": given.message} if isinstance(given, Broken) else None,
            "output": [item] if text else [],
        }
        if self.counts:
            whole["usage"] = {
                "input_tokens": spent,
                "input_tokens_details": {"cached_tokens": self.cached, "cache_write_tokens": 0},
                "output_tokens": written,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": spent + written,
            }
        return self._streamed(whole, item, text) if asked.stream else Answer(200, whole)

    def _streamed(self, whole: dict[str, Any], item: dict[str, Any], text: str) -> Answer:
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        kind = "refusal" if item["content"][0]["type"] == "refusal" else "output_text"
        lines: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            *({"type": f"response.{kind}.delta", "delta": piece, **place} for piece in pieces(text)),
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": f"response.{whole['status']}", "response": whole},
        ]
        return events([{**line, "sequence_number": i} for i, line in enumerate(lines)], named=True)

    def _chat(self, body: Mapping[str, Any]) -> Answer:
        asked = read_chat(body)
        how, text, _ = self._outcome(asked)
        spent, written = tokens(asked, text)
        reason = {"cut": "length", "filtered": "content_filter"}.get(how, "stop")
        usage = {
            "prompt_tokens": spent,
            "completion_tokens": written,
            "total_tokens": spent + written,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }
        frame: dict[str, Any] = {"id": f"chatcmpl-{next(self._numbers)}", "created": 1, "model": asked.model}
        word = "refusal" if how == "refused" else "content"
        if asked.stream:
            frame["object"] = "chat.completion.chunk"
            deltas: list[tuple[dict[str, Any], str | None]] = [({"role": "assistant", "content": ""}, None)]
            deltas += [*(({word: piece}, None) for piece in pieces(text)), ({}, reason)]
            chunks = [
                {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas
            ]
            if self.counts and body.get("stream_options", {}).get("include_usage"):
                chunks.append({**frame, "choices": [], "usage": usage})
            return events(chunks, named=False)
        message = {"role": "assistant", "content": None, "refusal": None, word: text}
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        counts = {"usage": usage} if self.counts else {}
        return Answer(200, {**frame, "object": "chat.completion", "choices": [choice], **counts})

    def _embeddings(self, body: Mapping[str, Any]) -> Answer:
        inputs = body["input"]
        items = inputs if isinstance(inputs, list) else [inputs]
        if not items or len(items) > LIMIT or any(item == "" for item in items):
            return problem(400, "Invalid 'input': an array of 1 to 2048 strings that are not empty.")
        rows: list[Any] = [self.vector(item, body.get("dimensions") or self.dimensions) for item in items]
        if body.get("encoding_format") == "base64":
            rows = [base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode() for row in rows]
        spent = sum(len(json.dumps(item)) // 4 + 1 for item in items)
        return Answer(
            200,
            {
                "object": "list",
                "model": body["model"],
                "data": [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)],
                "usage": {"prompt_tokens": spent, "total_tokens": spent},
            },
        )


def openai_routes(
    answer: Callable[[Asked], Any] = made_up,
    vector: Callable[[Any, int], list[float]] = hashed,
    dimensions: int = 8,
    key: str = "",
) -> OpenAIRoutes:
    """Routes for `served`; see `OpenAIRoutes` for more to script."""
    return OpenAIRoutes(answer=answer, vector=vector, dimensions=dimensions, key=key)
