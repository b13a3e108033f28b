"""Embeddings through OpenAI's API, at OpenAI or at any server that speaks it.

Requests keep the endpoint's limits and the budget. Vectors are passed on as soon as their request is answered, so that
they can be stored and are never paid for twice. The SDK is imported at the first request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from diptych.errors import ProviderError
from diptych.models.concurrency import run_concurrently
from diptych.models.meter import Meter
from diptych.models.openai.embedding_inputs import EmbeddingInput, ImageInput, WireInput
from diptych.models.request_queue import call_in_halves
from diptych.prices import Usage
from diptych.settings import Endpoint
from diptych.vectors import Vectors

MAX_INPUTS, MAX_TOKENS = 2048, 300_000
"""Per request (OpenAI's reference of `POST /embeddings`)."""
OTHER_MAX_TEXTS, OTHER_MAX_IMAGES = 32, 8
"""Per request to other servers: what the smallest of them accept by default."""

OnVectors: TypeAlias = Callable[[Sequence[int], Vectors], None]
"""Receives positions among the inputs and one row of the vectors for each."""
NumberedInput: TypeAlias = tuple[int, EmbeddingInput]
"""(position among the inputs, input)."""


class EmbeddingClient:
    """One model at one endpoint. Thread-safe. Needs no key and sends nothing before the first `embed`."""

    def __init__(
        self, name: str, model: str, size: int, endpoint: Endpoint, meter: Meter, *, shortened: bool = True
    ) -> None:
        """`name`: for usage and messages; `size`: dimensions; `shortened`: requests state the dimensions."""
        self.name, self.model, self.size = name, model, size
        self._endpoint, self._meter = endpoint, meter
        self._shortened = shortened

    def embed(self, inputs: Sequence[EmbeddingInput], on_vectors: OnVectors) -> None:
        """Embed all inputs: vectors of unit length, float32; zeros for an image that cannot be opened.

        `on_vectors` is called as each request is answered, from several threads. If an input is refused, all others are
        embedded before `ProviderError` names it. Errors that concern all inputs are raised after the requests under
        way: `ProviderError`, `ModelError` without a key, `BudgetReached`.
        """
        if not inputs:
            return
        from diptych.models.openai.errors import is_openai  # loads the SDK

        portions = _split(inputs, is_openai(self._endpoint))

        def embed_portion(portion: Sequence[NumberedInput]) -> list[tuple[EmbeddingInput, ProviderError]]:
            results = call_in_halves(portion, lambda part: self._embed_part(part, on_vectors))
            return [(item, result) for (_, item), result in zip(portion, results, strict=True) if result]

        results = run_concurrently(portions, embed_portion, self._endpoint.at_once, "diptych-embed")
        refused = [one for result in results for one in result]
        if refused:
            raise _refusal(self.name, refused)

    def _embed_part(self, part: Sequence[NumberedInput], on_vectors: OnVectors) -> list[ProviderError | None]:
        """Embed with one request. Returns an error for each input whose vector is unusable."""
        results = self._vectors_or_first_half(part)
        good = [(row, result) for (row, _), result in zip(part, results, strict=True) if isinstance(result, np.ndarray)]
        if good:
            on_vectors([row for row, _ in good], np.stack([vector for _, vector in good]))
        return [result if isinstance(result, ProviderError) else None for result in results]

    def _vectors_or_first_half(self, part: Sequence[NumberedInput]) -> list[Vectors | ProviderError]:
        """Vectors; a text that is refused alone is shortened, because few servers say how much they read."""
        try:
            return self._vectors([item for _, item in part])
        except ProviderError as error:
            shorter = part[0][1].shorter() if len(part) == 1 else None
            if shorter is None or error.transient or error.about == "account":
                raise
            return self._vectors_or_first_half([(part[0][0], shorter)])

    def _vectors(self, inputs: Sequence[EmbeddingInput]) -> list[Vectors | ProviderError]:
        wired = [item.wire() for item in inputs]
        sent = [one for one in wired if one is not None]
        tokens = sum(item.tokens for item, one in zip(inputs, wired, strict=True) if one is not None)
        vectors = iter(self._sized_vectors(sent, tokens) if sent else [])
        return [np.zeros(self.size, np.float32) if one is None else next(vectors) for one in wired]

    def _sized_vectors(self, inputs: list[WireInput], tokens: int) -> list[Vectors | ProviderError]:
        """Vectors of the right size. Some models refuse requests that state dimensions; those are sent without."""
        from diptych.models.openai.embedding_request import WrongVectorSize  # loads the SDK

        shortened = self._shortened
        try:
            return self._request(inputs, tokens, shortened)
        except WrongVectorSize:
            raise
        except ProviderError as error:
            if error.transient or not shortened or "dimension" not in str(error).lower():
                raise
        vectors = self._request(inputs, tokens, False)
        self._shortened = False
        return vectors

    def _request(self, inputs: list[WireInput], tokens: int, shortened: bool) -> list[Vectors | ProviderError]:
        from diptych.models.openai.embedding_request import EmbeddingRequest, request_vectors

        def count(used: int | None) -> None:
            self._meter.spend(self.name, Usage(input_tokens=tokens if used is None else used, requests=1))

        request = EmbeddingRequest(self.name, self.model, inputs, self.size, shortened, self._endpoint)
        with self._meter.reserve(self.name, Usage(input_tokens=tokens, requests=1)):
            return request_vectors(request, tokens, count)


def _split(inputs: Sequence[EmbeddingInput], openai: bool) -> list[list[NumberedInput]]:
    """The inputs in portions of one request each."""
    portions: list[list[NumberedInput]] = []
    tokens = 0
    for row in enumerate(inputs):
        limit = OTHER_MAX_IMAGES if isinstance(row[1], ImageInput) else OTHER_MAX_TEXTS
        if openai:
            limit = MAX_INPUTS
        if not portions or len(portions[-1]) >= limit or tokens + row[1].tokens > MAX_TOKENS:
            portions.append([])
            tokens = 0
        portions[-1].append(row)
        tokens += row[1].tokens
    return portions


def _refusal(name: str, refused: Sequence[tuple[EmbeddingInput, ProviderError]]) -> ProviderError:
    item, error = refused[0]
    more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    reason = str(error).removeprefix(f"{name}: ")
    return ProviderError(
        f"{name}: {item}{more} cannot be encoded: {reason}; remove it from the document or choose another encoder"
    )
