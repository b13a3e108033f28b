"""Embeddings through OpenAI's API, at OpenAI or at any server that speaks it, at once or in batches.

Requests keep the endpoint's limits and the budget. Vectors are passed on as soon as their request is answered, so that
they can be stored and are never paid for twice. The SDK is imported and the key read at the first request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from diptych.endpoints import EmbeddingEndpoint, OpenAI
from diptych.errors import ProviderError
from diptych.models.image_input import prepare_image
from diptych.models.meter import Meter
from diptych.models.request_queue import call_in_halves, run_concurrently
from diptych.prices import Usage
from diptych.vectors import Vectors
from extractors.errors import ExtractionError

if TYPE_CHECKING:
    from diptych.models.openai.batches import BatchFiles, BatchResult

MAX_INPUTS, MAX_TOKENS = 2048, 300_000
"""Per request (OpenAI's reference of `POST /embeddings`)."""
OTHER_MAX_TEXTS, OTHER_MAX_IMAGES = 32, 8
"""Per request to other servers: what the smallest of them accept by default."""
MAX_INPUT_TOKENS = 8192
"""Of one input (OpenAI's reference of `POST /embeddings`)."""
BYTES_PER_TOKEN = 2
"""Lower than in any usual text: English has 4, tables of numbers 2.5, Chinese more than 2."""
MIN_TEXT = 400
"""Characters below which a refused text is not shortened further."""
MAX_SIDE, MIN_SIDE = 1024, 56
"""Pixels. Larger images are scaled down; vision models that cut images into patches refuse thinner ones."""
IMAGE_TOKENS = (MAX_SIDE // 14) ** 2
"""Upper estimate, with patches of 14 pixels, the smallest in use. No provider offers one."""
BLANK_TEXT = "."
"""Sent for a blank text, which endpoints refuse."""

OnVectors: TypeAlias = Callable[[Sequence[int], Vectors], None]
"""Receives positions among the inputs and one row of the vectors for each."""


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text, cut to the length that endpoints read."""

    text: str

    @property
    def tokens(self) -> int:
        """An upper estimate; the exact number depends on the model's tokenizer."""
        return min(len(self.text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1, MAX_INPUT_TOKENS)

    def wire(self) -> str:
        """The text as it is sent. Broken characters (half a surrogate pair) become question marks."""
        encoded = self.text.encode("utf-8", "replace")
        cut = encoded[: (MAX_INPUT_TOKENS - 1) * BYTES_PER_TOKEN]
        return cut.decode("utf-8", "ignore").strip() or BLANK_TEXT

    def shorter(self) -> TextInput | None:
        """Its first half, to try when the text is refused; None if it is too short for that."""
        text = self.wire()
        return TextInput(text[: len(text) // 2]) if len(text) >= 2 * MIN_TEXT else None

    def __str__(self) -> str:
        text = "".join(letter for letter in " ".join(self.text.split()) if letter.isprintable())
        return f"the text “{text if len(text) <= 60 else text[:60].rstrip() + '…'}”"


@dataclass(frozen=True, slots=True)
class ImageInput:
    file: Path

    tokens = IMAGE_TOKENS

    def wire(self) -> dict[str, str] | None:
        """The image as it is sent, re-encoded from its pixels; None if it cannot be opened."""
        try:
            image = prepare_image(self.file, self.file.name, MAX_SIDE, MIN_SIDE)
        except (ExtractionError, OSError):
            return None
        return {"type": "image", "image": image.base64}

    def shorter(self) -> None:
        return None

    def __str__(self) -> str:
        return f"the picture {self.file.name}"


EmbeddingInput: TypeAlias = TextInput | ImageInput
NumberedInput: TypeAlias = tuple[int, EmbeddingInput]
"""(position among the inputs, input)."""


class EmbeddingClient:
    """One model at one endpoint. Thread-safe. Needs no key and sends nothing before the first `embed`."""

    def __init__(
        self, name: str, model: str, size: int, endpoint: EmbeddingEndpoint, meter: Meter, *, shortened: bool = True
    ) -> None:
        """`name`: for usage and messages; `size`: dimensions; `shortened`: requests state the dimensions."""
        self.name, self.model, self.size = name, model, size
        self.endpoint, self._meter = endpoint, meter
        self._shortened = shortened

    def embed(self, inputs: Sequence[EmbeddingInput], on_vectors: OnVectors) -> None:
        """Embed all inputs: vectors of unit length, float32; zeros for an image that cannot be opened.

        `on_vectors` is called as each request is answered, from several threads. If an input is refused, all others are
        embedded before `ProviderError` names it. Errors that concern all inputs are raised after the requests under
        way: `ProviderError`, `ModelError` without a key, `BudgetReached`.
        """
        if not inputs:
            return
        from diptych.models.openai.client import is_openai  # loads the SDK

        portions = _split(inputs, is_openai(self.endpoint))

        def embed_portion(portion: Sequence[NumberedInput]) -> list[tuple[EmbeddingInput, ProviderError]]:
            results = call_in_halves(portion, lambda part: self._embed_part(part, on_vectors))
            return [(item, result) for (_, item), result in zip(portion, results, strict=True) if result]

        results = run_concurrently(portions, embed_portion, self.endpoint.at_once, "diptych-embed")
        refused = [one for result in results for one in result]
        if refused:
            item, error = refused[0]
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            reason = str(error).removeprefix(f"{self.name}: ")
            raise ProviderError(
                f"{self.name}: {item}{more} cannot be encoded: {reason}; remove it from the document or choose another "
                f"encoder"
            )

    def _embed_part(self, part: Sequence[NumberedInput], on_vectors: OnVectors) -> list[ProviderError | None]:
        """Embed with one request. Returns an error for each input whose vector is unusable.

        A text that is refused alone is shortened, because few servers say how much they read.
        """
        try:
            results = self._vectors([item for _, item in part])
        except ProviderError as error:
            shorter = part[0][1].shorter() if len(part) == 1 else None
            if shorter is None or error.transient or error.about == "account":
                raise
            return self._embed_part([(part[0][0], shorter)], on_vectors)
        good = [(row, result) for (row, _), result in zip(part, results, strict=True) if isinstance(result, np.ndarray)]
        if good:
            on_vectors([row for row, _ in good], np.stack([vector for _, vector in good]))
        return [result if isinstance(result, ProviderError) else None for result in results]

    def _vectors(self, inputs: Sequence[EmbeddingInput]) -> list[Vectors | ProviderError]:
        wired = [item.wire() for item in inputs]
        sent = [one for one in wired if one is not None]
        tokens = sum(item.tokens for item, one in zip(inputs, wired, strict=True) if one is not None)
        vectors = iter(self._request(sent, tokens) if sent else [])
        return [np.zeros(self.size, np.float32) if one is None else next(vectors) for one in wired]

    def _request(self, inputs: list[str | dict[str, str]], tokens: int) -> list[Vectors | ProviderError]:
        """Vectors of the right size. Some models refuse requests that state dimensions; those are sent without."""
        from diptych.models.openai.embedding_request import EmbeddingRequest, WrongVectorSize, request_vectors

        def count(used: int | None) -> None:
            usage = Usage(input_tokens=tokens if used is None else used, requests=1)
            self._meter.spend(self.name, usage, counted=used is not None)

        request = EmbeddingRequest(self.name, self.model, inputs, self.size, self._shortened, self.endpoint)
        with self._meter.reserve(self.name, Usage(input_tokens=tokens, requests=1)):
            try:
                return request_vectors(request, tokens, count)
            except WrongVectorSize:
                raise
            except ProviderError as error:
                if error.transient or not request.shortened or "dimension" not in str(error).lower():
                    raise
            vectors = request_vectors(replace(request, shortened=False), tokens, count)
        self._shortened = False
        return vectors


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


@dataclass(frozen=True, slots=True)
class BatchEmbedding:
    """The vector of one text."""

    vector: Vectors
    """Of unit length, shape (size,), float32."""
    usage: Usage


class EmbeddingBatchApi:
    """Batches of texts to embed, in the manner of `BatchApi`. Callers count the usage."""

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
