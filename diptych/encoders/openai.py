"""Encoders behind OpenAI's embeddings API, at OpenAI or at any server that speaks it: `openai:MODEL`, text only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from diptych.encoders.encoder import reads_no_images
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.embedding_batches import EmbeddingBatchApi
from diptych.models.openai.embedding_inputs import ImageInput, TextInput
from diptych.models.openai.embeddings import EmbeddingClient, OnVectors
from diptych.settings import Settings
from diptych.vectors import Vectors

SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""Dimensions of OpenAI's own models, where they are not asked for fewer."""
WHOLE_ONLY = ("text-embedding-ada-002",)
"""They cannot be asked for fewer."""


class Embedder:
    """An `Encoder`, and a `PaidEncoder` whose vectors can be kept. Questions and passages are encoded alike.

    Its fingerprint is made of the model's name and its dimensions, not of the address: the same model behind another
    gateway, port or region is the same space, and nothing has to be paid again for moving there. So a server with
    other weights has to give them another name.
    """

    tokenizer: Path | None = None

    def __init__(
        self,
        embeddings: EmbeddingClient,
        *,
        reads_images: bool = False,
        half: bool = False,
        batches: EmbeddingBatchApi | None = None,
    ) -> None:
        """`batches`: the batch endpoint for texts, where there is one."""
        self.batches = batches
        self.name = self.paid = embeddings.name
        self.size = embeddings.size
        self.fingerprint = f"{self.name}-{self.size}"
        self.reads_images, self.half = reads_images, half
        self._embeddings = embeddings

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32."""
        return self._all(texts)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; zeros for a picture that cannot be opened."""
        if not self.reads_images:
            raise reads_no_images(self.name)
        return self._all(images)

    def embed(self, contents: Sequence[str | Path], told: OnVectors) -> None:
        """Texts, or pictures by their files; see `diptych.models.openai.embeddings.EmbeddingClient.embed`."""
        self._embeddings.embed([TextInput(one) if isinstance(one, str) else ImageInput(one) for one in contents], told)

    def _all(self, contents: Sequence[str | Path]) -> Vectors:
        vectors = np.zeros((len(contents), self.size), np.float32)

        def told(rows: Sequence[int], answered: Vectors) -> None:
            vectors[list(rows)] = answered

        self.embed(contents, told)
        return vectors


def load(variant: str, settings: Settings, meter: Meter) -> Embedder:
    """`variant`: the model's name. Raises `SettingsError` when its dimensions are unknown or impossible."""
    if not variant:
        raise SettingsError("encoder openai: write openai:MODEL, such as openai:text-embedding-3-small")
    whole, wanted = SIZES.get(variant), settings.openai.dimensions
    if whole is None and wanted is None:
        raise SettingsError(f"encoder openai:{variant}: give the dimensions of its vectors in `openai.dimensions`")
    if whole and wanted and (wanted > whole or (wanted < whole and variant in WHOLE_ONLY)):
        most = "exactly" if variant in WHOLE_ONLY else "at most"
        raise SettingsError(
            f"encoder openai:{variant}: setting `openai.dimensions` is {wanted}, the model has {most} {whole}"
        )
    size = wanted or whole or 0
    name, endpoint, shortened = f"openai:{variant}", settings.openai, size != whole
    batches = EmbeddingBatchApi(name, variant, size, endpoint, shortened=shortened)
    return Embedder(EmbeddingClient(name, variant, size, endpoint, meter, shortened=shortened), batches=batches)
