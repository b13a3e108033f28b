"""The base classes of all encoders: an encoder turns texts, images or both into vectors of one space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from diptych.errors import ModelError
from diptych.vectors import Vectors

if TYPE_CHECKING:
    from diptych.models.openai.embeddings import EmbeddingBatchApi, OnVectors

Content: TypeAlias = str | Path
"""A text, or the file of an image."""


class Encoder(ABC):
    """One vector space. A subclass must set `name` and `size` and implement `encode_texts`.

    Methods are called from several threads; each call is one batch of any length.
    """

    name: str
    """As written in the settings: `minilm`, `clip:jina-clip-v1`."""
    size: int
    """Dimensions of the space."""
    reads_images: bool = False
    half: bool = False
    """Store the vectors as float16, because they are very long."""
    paid: str = ""
    """Set by a `PaidEncoder`: model name under which usage is counted and priced (`openai:…`)."""
    batches: EmbeddingBatchApi | None = None
    """Set by a `PaidEncoder` whose provider has a batch endpoint for texts."""

    @property
    def fingerprint(self) -> str:
        """Identifies the space; the name by default.

        Must change whenever the same input gives other vectors: other weights, quantisation, pooling or prompts. May
        raise `ModelError` if the model's files are needed and not available.
        """
        return self.name

    def adopt(self, fingerprint: str) -> None:  # noqa: B027 - most encoders have nothing to choose
        """Encode into an existing space with this fingerprint from now on, if that is for this encoder to choose.

        Called when a store is opened. Does nothing by default.
        """

    @property
    def tokenizer(self) -> Path | None:
        """A `tokenizer.json` to measure passages with; without one they are measured in characters."""
        return None

    @property
    def max_tokens(self) -> int | None:
        """How many tokens of a passage the model reads; None: more than any passage has, or unknown."""
        return None

    @abstractmethod
    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32."""

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; zeros for an image that cannot be opened."""
        raise ModelError(f"{self.name} reads no images; configure an image encoder")


class PaidEncoder(Encoder):
    """An encoder behind a paid API. Reports its vectors as they arrive, so that none is paid for twice."""

    @abstractmethod
    def embed(self, contents: Sequence[Content], on_vectors: OnVectors) -> None:
        """Pass the vectors to `on_vectors` as each request is answered, possibly from several threads.

        The vector of an image that cannot be opened is all zeros.
        """

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return self._collect_vectors(texts, self.embed)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        return self._collect_vectors(images, self.embed) if self.reads_images else super().encode_images(images)

    def _collect_vectors(
        self, contents: Sequence[Content], embed: Callable[[Sequence[Content], OnVectors], None]
    ) -> Vectors:
        import numpy as np

        vectors = np.zeros((len(contents), self.size), np.float32)

        def on_vectors(indices: Sequence[int], rows: Vectors) -> None:
            vectors[list(indices)] = rows

        embed(contents, on_vectors)
        return vectors
