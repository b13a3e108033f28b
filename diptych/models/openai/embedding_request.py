"""One request to an embeddings or a pooling API, which returns a vector for every token. Responses are checked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import openai

from diptych.endpoints import Endpoint
from diptych.errors import ProviderError
from diptych.models.failures import Server
from diptych.models.openai.client import is_openai, openai_server, reported_error, send, unexpected_shape
from diptych.vectors import Vectors, unit_rows


class WrongVectorSize(ProviderError):
    """The vectors have other dimensions than expected."""


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    name: str
    """Of the model, as the settings write it."""
    model: str
    inputs: Sequence[str | dict[str, str]]
    size: int
    """Dimensions that the vectors must have."""
    shortened: bool
    """Whether the request states the dimensions, because they are not the model's own."""
    endpoint: Endpoint

    @property
    def server(self) -> Server:
        return openai_server(self.name, self.endpoint)


def request_vectors(
    request: EmbeddingRequest, tokens: int, on_usage: Callable[[int | None], None]
) -> list[Vectors | ProviderError]:
    """Vectors of unit length in the order of the inputs; an error for an input whose vector is unusable.

    `tokens`: upper estimate. `on_usage` receives the tokens of every response, None if the server does not count them.
    Raises `ProviderError`, and `ModelError` without a key.
    """

    def attempt(client: openai.OpenAI, timeout: openai.Timeout) -> list[Vectors | ProviderError]:
        # base64 takes half the bytes of `float`, but few other servers support it.
        encoding: Any = "base64" if is_openai(request.endpoint) else "float"
        # Not parsed by the SDK, which fails on web pages and fills in missing fields.
        raw = client.embeddings.with_raw_response.create(
            input=cast("list[str]", request.inputs),  # typed for texts only; other inputs are sent as they are
            model=request.model,
            dimensions=request.size if request.shortened else openai.omit,
            encoding_format=encoding,
            timeout=timeout,
        ).content
        response = request.server.parse_json(raw)
        on_usage(tokens_used(response))
        return parse_vectors(response, request)

    return send(request.name, request.endpoint, attempt, tokens)


def tokens_used(response: object) -> int | None:
    """Tokens as the server counts them; None if it does not."""
    usage = response.get("usage") if isinstance(response, dict) else None
    for name in ("prompt_tokens", "total_tokens"):
        number = usage.get(name) if isinstance(usage, dict) else None
        if isinstance(number, int) and number > 0:  # every request has input, so 0 is no count
            return number
    return None


def parse_vectors(response: object, request: EmbeddingRequest) -> list[Vectors | ProviderError]:
    """The vectors of a response, as in `request_vectors`.

    Raises `ProviderError` if the response has another shape, number, order or size of vectors.
    """
    fields = response if isinstance(response, dict) else {}
    error, items = fields.get("error"), fields.get("data")
    if error and items is None:  # gateways report errors with status 200
        known = error if isinstance(error, dict) else {"message": error}
        raise reported_error(known.get("code"), known.get("message"), request.server)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise unexpected_shape("list of embeddings", request.server)
    vectors = [_parse_vector(item.get("embedding")) for item in _in_order(items, request)]
    for vector in vectors:
        if vector is not None and vector.size not in (0, request.size):
            raise WrongVectorSize(
                f"{request.server} returned vectors of {vector.size} numbers instead of {request.size}; set "
                f"`{request.server.section}.dimensions` to {vector.size}, or choose another model",
                about="account",
            )
    return [_normalised(vector, request) for vector in vectors]


def _in_order(items: list[dict[str, Any]], request: EmbeddingRequest) -> list[dict[str, Any]]:
    """The items in the order of the inputs; servers that number none of them send them in that order."""
    count = len(request.inputs)
    if len(items) != count:
        raise ProviderError(f"{request.server} returned {len(items)} vectors for {count} inputs")
    indexes = [item.get("index") for item in items]
    if all(index is None for index in indexes):
        return items
    numbers = [index for index in indexes if type(index) is int]
    if sorted(numbers) != list(range(count)):
        raise ProviderError(
            f"{request.server} numbers its vectors wrongly, so they cannot be matched to the inputs; try another "
            f"server or version",
            about="account",
        )
    return [items[place] for place in np.argsort(numbers)]


def _parse_vector(embedding: object) -> Vectors | None:
    """A list of numbers, or float32 as base64; None if it is neither."""
    try:
        if isinstance(embedding, str):
            return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
        with np.errstate(over="ignore"):  # overflow becomes infinity, which is refused later
            vector = np.asarray(embedding, np.float64).astype(np.float32)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        return None
    return vector if vector.ndim == 1 else None


def _normalised(vector: Vectors | None, request: EmbeddingRequest) -> Vectors | ProviderError:
    if vector is None or vector.size != request.size:
        return ProviderError(f"{request.server} returned no vector for it")
    if not np.isfinite(vector).all():
        return ProviderError(f"{request.server} returned a vector with NaN or infinite numbers")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not length:
        return ProviderError(f"{request.server} returned a vector of zeros")
    return np.asarray(vector / length, np.float32)


def request_token_vectors(
    name: str, endpoint: Endpoint, body: Mapping[str, Any], shape: tuple[int, int], tokens: int
) -> tuple[list[Vectors], int | None]:
    """(for each input, vectors of unit length, shape (tokens, size); tokens as the server counts them).

    `shape`: number of inputs, dimensions. Raises `ProviderError`, and `ModelError` without a key.
    """

    def attempt(client: openai.OpenAI, timeout: openai.Timeout) -> tuple[list[Vectors], int | None]:
        response: Any = client.post("/pooling", body=dict(body), cast_to=object, options={"timeout": timeout})
        server = openai_server(name, endpoint)
        if not isinstance(response, dict):
            raise server.not_json()
        return _parse_token_vectors(response, shape, server), tokens_used(response)

    return send(name, endpoint, attempt, tokens)


def _parse_token_vectors(response: dict[str, Any], shape: tuple[int, int], server: Server) -> list[Vectors]:
    count, size = shape
    try:
        entries = sorted(response["data"], key=lambda entry: entry.get("index", 0))
        found = [np.asarray(entry["data"], np.float32) for entry in entries]
    except (TypeError, KeyError, ValueError, AttributeError):
        found = []
    if len(found) != count or any(one.ndim != 2 or one.shape[1] != size or not one.size for one in found):
        raise unexpected_shape(f"list of {count} inputs with vectors of {size} numbers for every token", server)
    if not all(np.isfinite(one).all() for one in found):
        raise unexpected_shape("list of finite vectors", server)
    return list(map(unit_rows, found))
