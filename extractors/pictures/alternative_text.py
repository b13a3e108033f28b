"""The alternative text of pictures, which programs fill in when nobody else does."""

import re

_PLACEHOLDER = re.compile(
    r"\S+\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)|(image|picture|grafik|figure|bild) ?\d*", re.IGNORECASE
)
_GENERATED = re.compile(
    r"\s*(Description automatically generated|AI-generated content may be incorrect\.?)\s*", re.IGNORECASE
)


def clean_alternative_text(text: str) -> str:
    """Return what people wrote: "" for file names and numbers."""
    text = " ".join(_GENERATED.sub(" ", text).split())
    return "" if _PLACEHOLDER.fullmatch(text) else text
