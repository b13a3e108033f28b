"""One model for texts and pictures behind an endpoint in the style of OpenAI's: `unified:MODEL`.

Pictures go into the same `input` as texts would, each as {"type": "image", "image": its bytes in base64}.
"""

from __future__ import annotations

from diptych.encoders.openai import Embedder
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import EmbeddingClient
from diptych.settings import Settings


def load(variant: str, settings: Settings, meter: Meter) -> Embedder:
    """`variant`: the model's name. Raises `SettingsError` for a setting that is missing."""
    endpoint = settings.unified
    missing = {
        "the name of its model: write unified:MODEL": not variant,
        "the endpoint's address in the setting `unified.base_url`": not endpoint.base_url,
        "the dimensions of its vectors in the setting `unified.dimensions`": not endpoint.dimensions,
    }
    for what, lacks in missing.items():
        if lacks:
            raise SettingsError(f"encoder unified{':' if variant else ''}{variant} needs {what}")
    name = f"unified:{variant}"
    return Embedder(
        EmbeddingClient(name, variant, endpoint.dimensions or 0, endpoint, meter), reads_images=True, half=True
    )
