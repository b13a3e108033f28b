"""Requests to the test server's vision model, and its possible answers; the same for both APIs of OpenAI."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a vision model, through either API."""

    model: str
    system: str
    texts: tuple[str, ...]
    """Of all turns, in order."""
    images: tuple[bytes, ...]
    details: tuple[str, ...]
    schema: Mapping[str, Any] | None
    max_tokens: int | None
    stream: bool
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The model refuses."""

    text: str = "I cannot help with that."


@dataclass(frozen=True, slots=True)
class Cut:
    """Stopped at the token limit."""

    text: str


@dataclass(frozen=True, slots=True)
class Filtered:
    """Stopped by the content filter."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A response of status 200 that reports a failure (Responses only)."""

    code: str = "server_error"
    message: str = "The model produced an error."


def example(schema: Mapping[str, Any], seed: str, root: Mapping[str, Any] | None = None) -> Any:
    """Data that matches a schema and depends only on the seed."""
    root = root or schema
    if "$ref" in schema:
        return example(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], seed, root)
    for word in ("anyOf", "allOf", "oneOf"):
        if word in schema:
            return example(schema[word][0], seed, root)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            return {name: example(part, f"{seed} {name}", root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example(schema["items"], f"{seed} {i}", root) for i in range(schema.get("minItems", 1))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
    return f"words {hashlib.sha256(seed.encode()).hexdigest()[:8]}"


def made_up(asked: Asked) -> Any:
    """The default answer."""
    digest = hashlib.sha256(b"\0".join([*(text.encode() for text in asked.texts), *asked.images])).hexdigest()
    return example(asked.schema, digest) if asked.schema else f"words {digest[:8]}"


def hashed(item: Any, dimensions: int) -> list[float]:
    """A vector that depends only on the input; not of unit length."""
    seed = json.dumps(item, sort_keys=True).encode()
    blocks = b"".join(hashlib.sha256(seed + bytes([i % 256, i // 256])).digest() for i in range(dimensions // 16 + 1))
    return [number / 32768 for number in struct.unpack(f"<{dimensions}h", blocks[: 2 * dimensions])]


def _pixels(url: str) -> bytes:
    return base64.b64decode(url.split(",", 1)[1], validate=True)


def read_responses(body: Mapping[str, Any]) -> Asked:
    parts = [part for turn in body["input"] for part in turn["content"]]
    images = [part for part in parts if part["type"] == "input_image"]
    form = body.get("text", {}).get("format") or {}
    return Asked(
        body["model"],
        body.get("instructions", ""),
        tuple(part["text"] for part in parts if part["type"] in ("input_text", "output_text")),
        tuple(_pixels(part["image_url"]) for part in images),
        tuple(part["detail"] for part in images),
        form.get("schema"),
        body.get("max_output_tokens"),
        bool(body.get("stream")),
        body,
    )


def read_chat(body: Mapping[str, Any]) -> Asked:
    turns: dict[str, list[Any]] = {"system": [], "rest": []}
    for turn in body["messages"]:
        content = turn["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        turns["system" if turn["role"] in ("system", "developer") else "rest"] += parts
    images = [part["image_url"] for part in turns["rest"] if part["type"] == "image_url"]
    form = body.get("response_format") or {}
    return Asked(
        body["model"],
        "\n".join(part["text"] for part in turns["system"]),
        tuple(part["text"] for part in turns["rest"] if part["type"] == "text"),
        tuple(_pixels(image["url"]) for image in images),
        tuple(image["detail"] for image in images),
        form.get("json_schema", {}).get("schema"),
        body.get("max_completion_tokens") or body.get("max_tokens"),
        bool(body.get("stream")),
        body,
    )


def tokens(asked: Asked, text: str) -> tuple[int, int]:
    """(input, output) tokens: four characters of text are one token, an image is a hundred."""
    words = len(asked.system) + sum(map(len, asked.texts))
    return words // 4 + 100 * len(asked.images), len(text) // 4 + 1


def pieces(text: str) -> list[str]:
    """The text in pieces of three characters, as it is streamed."""
    return [text[i : i + 3] for i in range(0, len(text), 3)]
