"""One request to a rerank API. OpenAI has none, but its client sends to any address.

Cohere, Jina and vLLM return `results`, Voyage `data`; entries have the same fields. Nothing optional is sent: the
number of results is `top_n` or `top_k`, and without it all are returned. Jina, Voyage and vLLM count tokens in `usage`,
Cohere charges the units of search in `meta`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import openai

from diptych.endpoints import Endpoint
from diptych.models.failures import Server
from diptych.models.openai.client import openai_server, send, unexpected_shape
from diptych.models.openai.embedding_request import tokens_used


@dataclass(frozen=True, slots=True)
class RerankRequest:
    name: str
    """Of the model, as the settings write it."""
    model: str
    query: str
    texts: Sequence[str]
    endpoint: Endpoint


def request_scores(request: RerankRequest, tokens: int) -> tuple[list[float], int | None, int]:
    """(a score per text, tokens as the server counts them, requests that it charges). `tokens`: upper estimate.

    Raises `ProviderError`, and `ModelError` without a key.
    """
    body = {"model": request.model, "query": request.query, "documents": list(request.texts)}

    def attempt(client: openai.OpenAI, timeout: openai.Timeout) -> tuple[list[float], int | None, int]:
        response: Any = client.post("/rerank", body=body, cast_to=object, options={"timeout": timeout})
        server = openai_server(request.name, request.endpoint)
        if not isinstance(response, dict):
            raise server.not_json()
        return _parse_scores(response, len(request.texts), server), tokens_used(response), _charged_units(response)

    return send(request.name, request.endpoint, attempt, tokens)


def _parse_scores(response: dict[str, Any], count: int, server: Server) -> list[float]:
    entries = response.get("results", response.get("data"))
    try:
        scores = {int(entry["index"]): float(entry["relevance_score"]) for entry in entries or ()}
    except (TypeError, KeyError, ValueError):
        scores = {}
    if sorted(scores) != list(range(count)) or not all(map(math.isfinite, scores.values())):
        raise unexpected_shape(f"list of {count} scores", server)
    return [scores[index] for index in range(count)]


def _charged_units(response: dict[str, Any]) -> int:
    meta = response.get("meta")
    billed = meta.get("billed_units") if isinstance(meta, dict) else None
    units = billed.get("search_units") if isinstance(billed, dict) else None
    return int(units) if isinstance(units, int | float) and units > 0 else 1
