"""Vectors of texts through OpenAI's batch endpoint."""

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
    from diptych.models.openai.batches import BatchFiles, Line


@dataclass(frozen=True, slots=True)
class BatchEmbedding:
    """The vector of one text."""

    vector: Vectors
    """Of unit length, shape (size,), float32."""
    usage: Usage


class EmbeddingBatchApi:
    """Batches of texts to be embedded, as `Batches` are of asks. Who fetches counts the usage.

    The SDK is loaded, and the key asked for, at the first request.
    """

    max_requests = 10_000
    """Fewer than the 50,000 inputs that OpenAI takes: their vectors of 3,072 numbers would be a gigabyte to fetch."""
    max_bytes = 200_000_000

    def __init__(self, name: str, model: str, size: int, endpoint: OpenAI, *, shortened: bool = True) -> None:
        """`name`: as the settings write it; `size`: dimensions; `shortened`: the model has to be asked for them."""
        self.name, self.model, self.vector_size = name, model, size
        self._endpoint, self._shortened = endpoint, shortened

    def size(self, id: str, text: str) -> int:
        """Bytes that a text adds to a batch."""
        return len(self._line(id, text))

    def max_usage(self, text: str) -> Usage:
        """What a text uses at most."""
        return Usage(TextInput(text).tokens, requests=1, batched=True)

    def submit(self, texts: Sequence[tuple[str, str]]) -> str:
        """(id, text) of each -> the batch's id at the provider. Ids as in `BatchItem`."""
        return self._files().submit(self._line(id, text) for id, text in texts)

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """(has it ended, answered so far, of how many)."""
        return self._files().progress(batch)

    def fetch(self, batch: str, ours: Callable[[str], bool] = lambda id: True) -> dict[str, BatchEmbedding | str]:
        """Id -> vector, or one sentence on why this text has none and may be tried again. Any order, maybe partial."""
        return {line.id: self._read(line) for line in self._files().lines(batch) if ours(line.id)}

    def _files(self) -> BatchFiles:
        from diptych.models.openai.batches import BatchFiles  # loads the SDK

        return BatchFiles(self.name, self._endpoint, "/v1/embeddings")

    def _line(self, id: str, text: str) -> bytes:
        body: dict[str, Any] = {"model": self.model, "input": TextInput(text).wire(), "encoding_format": "base64"}
        if self._shortened:
            body["dimensions"] = self.vector_size
        return self._files().line(id, body)

    def _read(self, line: Line) -> BatchEmbedding | str:
        from diptych.models.openai.embedding_request import Request, checked, tokens_used

        if line.why:
            return line.why
        request = Request(self.name, self.model, [line.id], self.vector_size, self._shortened)
        try:
            (vector,) = checked(line.body, request, self._endpoint)
        except ProviderError as error:
            return str(error)
        if isinstance(vector, ProviderError):
            return str(vector)
        return BatchEmbedding(vector, Usage(tokens_used(line.body) or 0, requests=1, batched=True))
