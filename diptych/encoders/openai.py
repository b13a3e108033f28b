"""Encoders behind OpenAI's embeddings API, at OpenAI or at any compatible server: `openai:MODEL`, text only."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from diptych.encoders.encoder import Content, PaidEncoder
from diptych.encoders.model_files import ModelFiles
from diptych.encoders.prompts import Prompts, find_prompts
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingBatchApi, EmbeddingClient, ImageInput, OnVectors, TextInput
from diptych.settings import Settings
from diptych.vectors import Vectors

SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""Default dimensions of OpenAI's own models."""
FIXED_SIZE = ("text-embedding-ada-002",)
"""Models that cannot return fewer dimensions."""


class OpenAIEncoder(PaidEncoder):
    """Puts the prompts that the model expects before queries and passages.

    The fingerprint consists of the model's name, its dimensions and its prompts, without the address: the same model
    behind another gateway, port or region is the same space, and moving there costs nothing. A server with other
    weights must therefore use another model name.
    """

    def __init__(
        self,
        embeddings: EmbeddingClient,
        settings: Settings,
        *,
        reads_images: bool = False,
        half: bool = False,
        batches: EmbeddingBatchApi | None = None,
    ) -> None:
        self.name = self.paid = embeddings.name
        self.size = embeddings.size
        self.reads_images, self.half = reads_images, half
        self._embeddings, self._settings = embeddings, settings
        usual, endpoint = find_prompts(embeddings.model), embeddings.endpoint
        query, passage = endpoint.query_prompt, endpoint.passage_prompt
        self._prompts = Prompts(usual.query if query is None else query, usual.passage if passage is None else passage)
        self.batches = None if self._prompts.passage else batches  # batches are texts without a prompt

    @property
    def fingerprint(self) -> str:
        prompts = hashlib.sha256(json.dumps(self._prompts).encode()).hexdigest()[:8]
        return f"{self.name}-{self.size}" + (f"-{prompts}" if any(self._prompts) else "")

    @property
    def tokenizer(self) -> Path | None:
        """As set, downloaded if necessary. Raises `ModelError`."""
        name, chosen = self._embeddings.endpoint.tokenizer, self._settings
        if not name or Path(name).is_file():
            return Path(name) if name else None
        return ModelFiles(name, ("tokenizer.json",), 0, chosen.models, chosen.cache).get_file("tokenizer.json")

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return self._collect_vectors(texts, partial(self.embed, query=query))

    def embed(self, contents: Sequence[Content], on_vectors: OnVectors, *, query: bool = False) -> None:
        prompt = self._prompts.query if query else self._prompts.passage
        items = [TextInput(prompt + one) if isinstance(one, str) else ImageInput(one) for one in contents]
        self._embeddings.embed(items, on_vectors)


def load(variant: str, settings: Settings, meter: Meter) -> OpenAIEncoder:
    """`variant` is the model's name. Raises `SettingsError` if its dimensions are unknown or impossible."""
    if not variant:
        raise SettingsError("encoder openai: write openai:MODEL, such as openai:text-embedding-3-small")
    default, wanted = SIZES.get(variant), settings.openai.dimensions
    if default is None and wanted is None:
        raise SettingsError(f"encoder openai:{variant}: set `openai.dimensions` to the dimensions of its vectors")
    if default and wanted and (wanted > default or (wanted < default and variant in FIXED_SIZE)):
        limit = "exactly" if variant in FIXED_SIZE else "at most"
        raise SettingsError(
            f"encoder openai:{variant}: setting `openai.dimensions` is {wanted}, but the model has {limit} {default}"
        )
    size = wanted or default or 0
    name, endpoint, shortened = f"openai:{variant}", settings.openai, size != default
    batches = EmbeddingBatchApi(name, variant, size, endpoint, shortened=shortened)
    client = EmbeddingClient(name, variant, size, endpoint, meter, shortened=shortened)
    return OpenAIEncoder(client, settings, batches=batches)
