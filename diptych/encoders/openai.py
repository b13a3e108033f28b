"""Encoders behind OpenAI's embeddings API, at OpenAI or at any compatible server: `openai:MODEL`, text only."""

from collections.abc import Sequence

from diptych.encoders.encoder import Content, PaidEncoder
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingBatchApi, EmbeddingClient, ImageInput, OnVectors, TextInput
from diptych.settings import Settings

SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
"""Default dimensions of OpenAI's own models."""
FIXED_SIZE = ("text-embedding-ada-002",)
"""Models that cannot return fewer dimensions."""


class OpenAIEncoder(PaidEncoder):
    """Encodes queries and passages alike.

    The fingerprint consists of the model's name and its dimensions, without the address: the same model behind another
    gateway, port or region is the same space, and moving there costs nothing. A server with other weights must
    therefore use another model name.
    """

    def __init__(
        self,
        embeddings: EmbeddingClient,
        *,
        reads_images: bool = False,
        half: bool = False,
        batches: EmbeddingBatchApi | None = None,
    ) -> None:
        self.name = self.paid = embeddings.name
        self.size = embeddings.size
        self.reads_images, self.half, self.batches = reads_images, half, batches
        self._embeddings = embeddings

    @property
    def fingerprint(self) -> str:
        return f"{self.name}-{self.size}"

    def embed(self, contents: Sequence[Content], on_vectors: OnVectors) -> None:
        items = [TextInput(content) if isinstance(content, str) else ImageInput(content) for content in contents]
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
    return OpenAIEncoder(EmbeddingClient(name, variant, size, endpoint, meter, shortened=shortened), batches=batches)
