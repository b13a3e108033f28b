"""One request to vLLM's pooling API, which returns a vector for every token. The response is checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import openai

from diptych.endpoints import Endpoint
from diptych.models.failures import Server
from diptych.models.openai.client import openai_server, send, unexpected_shape
from diptych.models.openai.embedding_request import tokens_used
from diptych.vectors import Vectors, unit_rows


def request_vectors(
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
        return _parse(response, shape, server), tokens_used(response)

    return send(name, endpoint, attempt, tokens)


def _parse(response: dict[str, Any], shape: tuple[int, int], server: Server) -> list[Vectors]:
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
