"""Routes that answer like Anthropic's Messages API: direct, Vertex AI and Bedrock; JSON and streams; batches.

    with served(anthropic_routes()) as vendor: ...
    with served(anthropic_routes(caption=lambda body: {"summary": "A bar chart."})) as vendor: ...

A request with a schema is answered with the same object of that schema each time; `caption` gets the request's body (a
dict) and returns fields to replace. A free question is answered by citing the first block of each search result.
Requests that the real API rejects are rejected: no key, structured output together with citations, sampling
parameters, empty texts, objects that allow more properties, an invalid `custom_id`.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.http_server import Answer, Request, Route

Body = dict[str, Any]
Block = dict[str, Any]

USAGE = {
    "input_tokens": 90,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 4,
    "output_tokens": 20,
}
"""Of every answer: 100 tokens in (4 of them cached), 20 out."""

_BATCHES = "/v1/messages/batches"
_VERTEX = re.compile(r"/projects/([^/]+)/locations/([^/]+)/publishers/anthropic/models/([^/:]+):(raw|streamRaw)Predict")
_BEDROCK = re.compile(r"/model/([^/]+)/(invoke|invoke-with-response-stream)")


def anthropic_routes(
    caption: Callable[[Body], Body] | None = None,
    says: Callable[[Body], list[Block]] | None = None,
    message: Callable[[Body], Body] | None = None,
    fate: Callable[[str], str] = lambda custom_id: "succeeded",
    polls: int = 0,
) -> Route:
    """The route for `served`.

    `caption`: body -> fields of the structured answer; `says`: body -> content blocks of a free answer; `message`:
    body -> fields of the message itself, such as {"stop_reason": "refusal"}; `fate`: custom_id -> outcome of a batch
    item (succeeded, errored, canceled, expired); `polls`: number of polls before a batch has ended.
    """

    def answered(body: Body) -> Body:
        schema = body.get("output_config", {}).get("format", {}).get("schema")
        if schema is not None:
            content = [{"type": "text", "text": json.dumps(example(schema) | (caption(body) if caption else {}))}]
        else:
            content = says(body) if says else _cite(body)
        return _message(body["model"], content) | (message(body) if message else {})

    batches = _BatchRoutes(answered, fate, polls)

    def route(request: Request) -> Answer | None:
        path = urlsplit(request.path).path
        if path.startswith(_BATCHES):
            return _unauthorized(request) or batches.answer(request, path)
        found = _body(request, path)
        if found is None:
            return None
        body, frame = found
        if refusal := _unauthorized(request) or _refused(body):
            return refusal
        if frame is None:
            return Answer(200, answered(body))
        kind = "application/vnd.amazon.eventstream" if frame is _aws_event else "text/event-stream"
        return Answer(200, b"".join(map(frame, _events(answered(body)))), {"content-type": kind})

    return route


def _message(model: str, content: list[Block]) -> Body:
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content}
    return whole | {"stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE}


Frame = Callable[[Body], bytes]


def _body(request: Request, path: str) -> tuple[Body, Frame | None] | None:
    """(body as for the direct API, encoder of stream events or None without streaming); None: another path."""
    if request.method != "POST":
        return None
    if path == "/v1/messages":
        body = request.json
        return body, _sse if body.get("stream") else None
    if vertex := _VERTEX.search(path):
        return request.json | {"model": vertex[3]}, _sse if vertex[4] == "streamRaw" else None
    if bedrock := _BEDROCK.fullmatch(path):
        return request.json | {"model": unquote(bedrock[1])}, _aws_event if "stream" in bedrock[2] else None
    return None


def _unauthorized(request: Request) -> Answer | None:
    if request.headers.get("x-api-key") or request.headers.get("authorization"):
        return None
    return error(401, "authentication_error", "x-api-key header is required")


def error(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    """An error in the API's format."""
    return Answer(
        status, {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}, headers or {}
    )


def _refused(body: Body) -> Answer | None:
    """The error for a request that the real API rejects; None if it is valid."""
    blocks = [block for message in body["messages"] for block in message["content"]]
    citable = [bool(block.get("citations", {}).get("enabled")) for block in blocks if block["type"] == "search_result"]
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    texts += [text["text"] for block in blocks if block["type"] == "search_result" for text in block["content"]]
    schema = body.get("output_config", {}).get("format", {}).get("schema")
    wrong = {
        "max_tokens: field required": not body.get("max_tokens"),
        "temperature: not supported": bool(body.keys() & {"temperature", "top_p", "top_k"}),
        "output_config.format: not supported with citations": schema is not None and any(citable),
        "citations: must be enabled on all or on none": any(citable) and not all(citable),
        "text content blocks must contain non-whitespace text": not all(text.strip() for text in texts),
        "output_config.format: additionalProperties must be false": schema is not None and _open(schema),
    }
    for message, holds in wrong.items():
        if holds:
            return error(400, "invalid_request_error", message)
    return None


def _open(schema: Any) -> bool:
    """Whether an object in the schema allows additional properties."""
    if isinstance(schema, list):
        return any(map(_open, schema))
    if not isinstance(schema, dict):
        return False
    return (schema.get("type") == "object" and schema.get("additionalProperties") is not False) or any(
        map(_open, schema.values())
    )


def example(schema: Body, name: str = "text", definitions: Body | None = None) -> Any:
    """Data that matches the schema: a text is the name of its field, a list has one item, a number is 1."""
    definitions = definitions or schema.get("$defs", {})
    if "$ref" in schema:
        return example(definitions[schema["$ref"].rsplit("/", 1)[1]], name, definitions)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for either in ("anyOf", "allOf"):
        if either in schema:
            return example(schema[either][0], name, definitions)
    if schema["type"] == "object":
        return {field: example(kind, field, definitions) for field, kind in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        return [example(schema["items"], name, definitions)] if "items" in schema else []
    return {"string": name, "integer": 1, "number": 1.0, "boolean": True, "null": None}[schema["type"]]


def _cite(body: Body) -> list[Block]:
    """One sentence per search result, citing its first block."""
    results = [block for message in body["messages"] for block in message["content"]]
    results = [block for block in results if block["type"] == "search_result"]
    if not results:
        return [{"type": "text", "text": "An answer in words."}]
    blocks: list[Block] = [{"type": "text", "text": "This is known."}]
    for index, result in enumerate(results):
        citation = {
            "type": "search_result_location",
            "source": result["source"],
            "title": result["title"],
            "cited_text": result["content"][0]["text"],
            "search_result_index": index,
            "start_block_index": 0,
            "end_block_index": 1,
        }
        blocks.append({"type": "text", "text": f" It stands in {result['title']}.", "citations": [citation]})
    return blocks


def _events(message: Body) -> Iterator[Body]:
    """The events of a stream that tells this message, text word by word."""
    yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        start = block | {"text": "", "citations": []} if block["type"] == "text" else block
        yield {"type": "content_block_start", "index": index, "content_block": start}
        deltas: list[Body] = [
            {"type": "text_delta", "text": word} for word in re.findall(r"\s*\S+\s*$|\s*\S+", block.get("text", ""))
        ]
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or []]
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {name: message.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": end, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _sse(event: Body) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _aws_event(event: Body) -> bytes:
    """A frame of the AWS event stream: lengths, their sum, headers, payload, the sum of all (both CRC-32)."""
    payload = json.dumps({"bytes": binascii.b2a_base64(json.dumps(event).encode(), newline=False).decode()}).encode()
    headers = b""
    for name, value in {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}.items():
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    frame = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return frame + struct.pack(">I", binascii.crc32(frame))


class _BatchRoutes:
    """Creates, describes and returns batches."""

    def __init__(self, answered: Callable[[Body], Body], fate: Callable[[str], str], polls: int) -> None:
        self._answered, self._fate, self._polls = answered, fate, polls
        self._batches: dict[str, list[Body]] = {}
        self._left: dict[str, int] = {}

    def answer(self, request: Request, path: str) -> Answer:
        if request.method == "POST":
            return self._create(request)
        name, _, results = path.removeprefix(f"{_BATCHES}/").partition("/")
        if name not in self._batches:
            return error(404, "not_found_error", f"no batch {name}")
        if results and self._left[name] > 0:
            return error(404, "not_found_error", "the batch has not ended")
        if results:
            # In another order than the requests, as in the API.
            lines = [json.dumps(self._line(item)) for item in reversed(self._batches[name])]
            return Answer(200, "\n".join(lines) + "\n", {"content-type": "application/x-jsonl"})
        ended = self._left[name] <= 0
        self._left[name] -= 1
        return Answer(200, self._state(name, ended, request.headers["host"]))

    def _create(self, request: Request) -> Answer:
        items = request.json["requests"]
        ids = [item["custom_id"] for item in items]
        if len(set(ids)) < len(ids) or not all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in ids):
            return error(400, "invalid_request_error", "requests: custom_id has a wrong form or comes twice")
        name = f"msgbatch_{len(self._batches) + 1}"
        self._batches[name], self._left[name] = items, self._polls
        return Answer(200, self._state(name, False, request.headers["host"]))

    def _state(self, name: str, ended: bool, host: str) -> Body:
        items = self._batches[name]
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for item in items:
            # Until the batch has ended, all items count as processing.
            counts[self._fate(item["custom_id"]) if ended else "processing"] += 1
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": "2026-11-21T00:00:00Z",
            "expires_at": "2026-11-22T00:00:00Z",
            "results_url": f"http://{host}{_BATCHES}/{name}/results" if ended else None,
        }

    def _line(self, item: Body) -> Body:
        fate = self._fate(item["custom_id"])
        result: Body = {"type": fate}
        if refusal := _refused(item["params"]):
            result = {"type": "errored", "error": refusal.body}
        elif fate == "succeeded":
            result["message"] = self._answered(item["params"])
        elif fate == "errored":
            result["error"] = error(500, "api_error", "Internal server error").body
        return {"custom_id": item["custom_id"], "result": result}
