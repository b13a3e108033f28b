"""Pairs of a text model and an image model that were trained into one space: `clip`, `clip:NAME`."""

from diptych.encoders.fastembed import FastEmbed, find_model
from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings

DEFAULT = "vit-b-32"
PAIRS: dict[str, tuple[str, str]] = {
    DEFAULT: ("Qdrant/clip-ViT-B-32-text", "Qdrant/clip-ViT-B-32-vision"),
    "jina-clip-v1": ("jinaai/jina-clip-v1", "jinaai/jina-clip-v1"),
    "nomic-embed-vision-v1.5": ("nomic-ai/nomic-embed-text-v1.5", "nomic-ai/nomic-embed-vision-v1.5"),
    "nomic-embed-vision-v1.5-q": ("nomic-ai/nomic-embed-text-v1.5-Q", "nomic-ai/nomic-embed-vision-v1.5-Q"),
    "siglip2-base-patch16-224": ("google/siglip2-base-patch16-224", "google/siglip2-base-patch16-224"),
}
"""Name after the colon, in lower case -> (text model, image model)."""


def load(variant: str, settings: Settings, meter: Meter) -> FastEmbed:
    """`variant` is one of `PAIRS`, with or without the organisation; empty for CLIP ViT-B/32."""
    name = variant.lower().rpartition("/")[2] or DEFAULT
    if name not in PAIRS:
        raise ModelError(f"encoder clip: no pair is called `{variant}`; known: {', '.join(PAIRS)}")
    texts, images = PAIRS[name]
    full_name = f"clip:{variant}" if variant else "clip"
    return FastEmbed(full_name, find_model(texts, settings), find_model(images, settings, reads_images=True))
