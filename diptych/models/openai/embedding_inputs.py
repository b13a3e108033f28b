"""Texts and images to embed: how they are sent and how many tokens they count as."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from diptych.models.image_input import prepare_image
from extractors.errors import ExtractionError

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

WireInput: TypeAlias = str | dict[str, str]
"""An input in the request's JSON."""


def text_tokens(text: str) -> int:
    """Upper estimate for a text; the exact number depends on the model's tokenizer."""
    return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1


@dataclass(frozen=True, slots=True)
class TextInput:
    """A text, cut to the length that endpoints read."""

    text: str

    @property
    def tokens(self) -> int:
        return min(text_tokens(self.text), MAX_INPUT_TOKENS)

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
        return {"type": "image", "image": base64.b64encode(image.data).decode()}

    def shorter(self) -> None:
        return None

    def __str__(self) -> str:
        return f"the picture {self.file.name}"


EmbeddingInput: TypeAlias = TextInput | ImageInput
