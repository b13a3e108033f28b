"""One model for texts and images behind an OpenAI-compatible endpoint: `unified:MODEL`.

Images are sent in the same `input` list as texts, each as {"type": "image", "image": bytes in base64}.
"""

from diptych.encoders.openai import OpenAIEncoder
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingClient
from diptych.settings import Settings


def load(variant: str, settings: Settings, meter: Meter) -> OpenAIEncoder:
    """`variant` is the model's name. Raises `SettingsError` if a setting is missing."""
    endpoint = settings.unified
    needed = {
        "a model name: write unified:MODEL": variant,
        "the endpoint's address in the setting `unified.base_url`": endpoint.address,
        "the dimensions of its vectors in the setting `unified.dimensions`": endpoint.dimensions,
    }
    for need, value in needed.items():
        if not value:
            raise SettingsError(f"encoder {f'unified:{variant}'.rstrip(':')} needs {need}")
    embeddings = EmbeddingClient(f"unified:{variant}", variant, endpoint.dimensions or 0, endpoint, meter)
    return OpenAIEncoder(embeddings, settings, reads_images=True, half=True)
