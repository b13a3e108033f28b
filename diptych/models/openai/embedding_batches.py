"""Vectors of texts through OpenAI's batch API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diptych.errors import ProviderError
from diptych.models.openai.embedding_inputs import TextInput
from diptych.prices import Usage
from diptych.settings import OpenAI
from diptych.vectors import Vectors

if TYPE_CHECKING:
    from diptych.models.openai.batches import BatchFiles, BatchResult


@dataclass(frozen=True, slots=True)
class BatchEmbedding:
    """The vector of one text."""

    vector: Vectors
    """Of unit length, shape (size,), float32."""
    usage: Usage


class EmbeddingBatchApi:
    """Batches of texts to embed, in the manner of `BatchApi`. Callers count the usage.

    The SDK is imported and the key read at the first request.
    """

    max_requests = 10_000
    """OpenAI allows 50,000, but their vectors of 3,072 numbers would be a gigabyte to download."""
    max_bytes = 200_000_000

    def __init__(self, name: str, model: str, size: int, endpoint: OpenAI, *, shortened: bool = True) -> None:
        """`name`: as the settings write it; `size`: dimensions; `shortened`: requests state the dimensions."""
        self.name, self.model, self.vector_size = name, model, size
        self._endpoint, self._shortened = endpoint, shortened

    def size(self, id: str, text: str) -> int:
        """Bytes that a text adds to a batch."""
        return len(self._request_line(id, text))

    def max_usage(self, text: str) -> Usage:
        """An upper estimate for a text."""
        return Usage(TextInput(text).tokens, requests=1, batched=True)

    def submit(self, texts: Sequence[tuple[str, str]]) -> str:
        """Create a batch of (id, text) and return its id. Ids as in `BatchItem`."""
        return self._files().submit(self._request_line(id, text) for id, text in texts)

    def progress(self, batch: str) -> tuple[bool, int, int]:
        return self._files().progress(batch)

    def fetch(self, batch: str, ours: Callable[[str], bool] = lambda id: True) -> dict[str, BatchEmbedding | str]:
        """Id -> vector, or one sentence on why this text has none and may be retried. Some ids may be missing."""
        return {result.id: self._embedding(result) for result in self._files().results(batch) if ours(result.id)}

    def _files(self) -> BatchFiles:
        from diptych.models.openai.batches import BatchFiles  # loads the SDK

        return BatchFiles(self.name, self._endpoint, "/v1/embeddings")

    def _request_line(self, id: str, text: str) -> bytes:
        body: dict[str, Any] = {"model": self.model, "input": TextInput(text).wire(), "encoding_format": "base64"}
        if self._shortened:
            body["dimensions"] = self.vector_size
        return self._files().request_line(id, body)

    def _embedding(self, result: BatchResult) -> BatchEmbedding | str:
        from diptych.models.openai.embedding_request import EmbeddingRequest, parse_vectors, tokens_used

        if result.error:
            return result.error
        request = EmbeddingRequest(
            self.name, self.model, [result.id], self.vector_size, self._shortened, self._endpoint
        )
        try:
            (vector,) = parse_vectors(result.body, request)
        except ProviderError as error:
            return str(error)
        if isinstance(vector, ProviderError):
            return str(vector)
        return BatchEmbedding(vector, Usage(tokens_used(result.body) or 0, requests=1, batched=True))
