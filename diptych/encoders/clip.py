"""Pairs of a text model and an image model that were trained into one space: `clip`, `clip:NAME`."""

from diptych.encoders.fastembed import FastEmbed, find_export, find_model
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
"""Name after the colon, in lower case -> (text model, image model), as fastembed lists them."""
EXPORTS = {
    "vit-b-16": "Xenova/clip-vit-base-patch16",
    "vit-l-14": "Xenova/clip-vit-large-patch14",
    "vit-l-14-336": "Xenova/clip-vit-large-patch14-336",
}
"""Name after the colon, in lower case -> repository of an export to ONNX. Others are named by their repository."""


def load(variant: str, settings: Settings, meter: Meter) -> FastEmbed:
    """`variant`: one of `PAIRS`, with or without the organisation, or of `EXPORTS`; or the repository of an export.

    Empty for CLIP ViT-B/32.
    """
    name = variant.lower().rpartition("/")[2] or DEFAULT
    full_name = f"clip:{variant}" if variant else "clip"
    if name in PAIRS:
        texts, images = PAIRS[name]
        pair = find_model(texts, settings), find_model(images, settings, reads_images=True)
    elif name in EXPORTS or "/" in variant:
        pair = find_export(EXPORTS.get(name, variant), settings)
    else:
        known = ", ".join([*PAIRS, *EXPORTS])
        raise ModelError(
            f"encoder clip: no pair is called `{variant}`; known: {known}, and ORGANISATION/NAME of an export to ONNX"
        )
    return FastEmbed(full_name, *pair, device=settings.device)
