"""The embeddings request of OpenAI's SDK. Nothing of an answer is believed: how many vectors come, in which order, how
long, of which numbers.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import openai

from diptych.errors import ProviderError
from diptych.models.openai.client import patiently
from diptych.models.openai.embedding_inputs import Input
from diptych.models.openai.errors import host, is_openai, not_json, said, unlike
from diptych.settings import Endpoint
from diptych.vectors import Vectors


class OtherSize(ProviderError):
    """Vectors came that have other dimensions than was expected."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for at once."""

    name: str
    """Of the model, as the settings write it."""
    model: str
    inputs: Sequence[Input]
    size: int
    """Dimensions that the vectors have to have."""
    shortened: bool
    """Whether the model has to be told so."""


def answered(
    request: Request, endpoint: Endpoint, tokens: int, used: Callable[[int | None], None]
) -> list[Vectors | ProviderError]:
    """The vectors, in the order of the inputs, of unit length; an error for an input whose vector is useless.

    `tokens`: at most. `used` is told of every answer how many tokens it cost; None: the server does not say.
    Raises `ProviderError`, and `ModelError` without a key.
    """

    def attempt(sdk: openai.OpenAI, limit: openai.Timeout) -> list[Vectors | ProviderError]:
        # Half the bytes of `float`, but few other servers know it.
        form: Any = "base64" if is_openai(endpoint) else "float"
        # Read by ourselves: the SDK stumbles over pages of HTML and fills in what a server leaves out.
        raw = sdk.embeddings.with_raw_response.create(
            input=cast("list[str]", request.inputs),  # it knows only texts, and sends the rest as it is
            model=request.model,
            dimensions=request.size if request.shortened else openai.omit,
            encoding_format=form,
            timeout=limit,
        ).content
        if raw.lstrip()[:1] not in (b"{", b"["):
            raise not_json(request.name, endpoint)
        answer = json.loads(raw)
        used(tokens_used(answer))
        return checked(answer, request, endpoint)

    return patiently(request.name, endpoint, attempt, tokens)


def tokens_used(answer: object) -> int | None:
    """As the server counts them; None: it does not."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    for name in ("prompt_tokens", "total_tokens"):
        number = usage.get(name) if isinstance(usage, dict) else None
        if isinstance(number, int) and number >= 0:
            return number
    return None


def checked(answer: object, request: Request, endpoint: Endpoint) -> list[Vectors | ProviderError]:
    """The vectors of an answer, as `answered` gives them.

    Raises `ProviderError` for an answer of another form, number, order or size.
    """
    data = _in_order(_data(answer, request, endpoint), request, endpoint)
    vectors = [_numbers(one.get("embedding")) for one in data]
    who = f"{request.name}: {host(endpoint)}"
    for vector in vectors:
        if vector is not None and vector.size not in (0, request.size):
            section = type(endpoint).__name__.lower()
            raise OtherSize(
                f"{who} gives vectors of {vector.size} numbers instead of {request.size}; set "
                f"`{section}.dimensions` to {vector.size}, or name another model",
                about="account",
            )
    return [_unit(vector, request.size, who) for vector in vectors]


def _data(answer: object, request: Request, endpoint: Endpoint) -> list[dict[str, Any]]:
    fields = answer if isinstance(answer, dict) else {}
    error, data = fields.get("error"), fields.get("data")
    if error and data is None:  # gateways tell errors with status 200
        known = error if isinstance(error, dict) else {"message": error}
        raise said(known.get("code"), known.get("message"), request.name, endpoint)
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise unlike("list of embeddings", request.name, endpoint)
    return data


def _in_order(data: list[dict[str, Any]], request: Request, endpoint: Endpoint) -> list[dict[str, Any]]:
    count = len(request.inputs)
    if len(data) != count:
        raise ProviderError(
            f"{request.name}: {host(endpoint)} answered with {len(data)} vectors to a request of {count}"
        )
    places = [one.get("index") for one in data]
    if all(place is None for place in places):
        return data  # a server that numbers none gives them in order
    numbers = [place for place in places if type(place) is int]
    if sorted(numbers) != list(range(count)):
        raise ProviderError(
            f"{request.name}: {host(endpoint)} numbers its vectors wrongly, so that nobody knows which is whose; "
            f"another server or another version of it may do better",
            about="account",
        )
    return [data[place] for place in np.argsort(numbers)]


def _numbers(embedding: object) -> Vectors | None:
    """A list of numbers, or float32 as base64. None: neither."""
    try:
        if isinstance(embedding, str):
            return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
        with np.errstate(over="ignore"):  # it becomes infinite, which is looked for
            vector = np.asarray(embedding, np.float64).astype(np.float32)
    except (binascii.Error, ValueError, TypeError, OverflowError):
        return None
    return vector if vector.ndim == 1 else None


def _unit(vector: Vectors | None, size: int, who: str) -> Vectors | ProviderError:
    if vector is None or vector.size != size:
        return ProviderError(f"{who} gives no vector for it")
    if not np.isfinite(vector).all():
        return ProviderError(f"{who} gives a vector with numbers that are none (NaN or infinite)")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not length:
        return ProviderError(f"{who} gives a vector of zeros")
    return np.asarray(vector / length, np.float32)
