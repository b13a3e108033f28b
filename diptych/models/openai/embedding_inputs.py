"""What can be embedded, texts and pictures: how they are sent, and how many tokens they count as."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from diptych.models.image_input import prepare_image
from extractors.errors import ExtractionError

MOST_INPUT_TOKENS = 8192
"""Of one input (OpenAI's reference of `POST /embeddings`)."""
BYTES_A_TOKEN = 2
"""Fewer than any usual text has: English has 4, tables of numbers 2.5, Chinese more than 2."""
SHORTEST = 400
"""Characters: a text that is refused is asked for again by its first half, but not below this."""
SIDE, LEAST_SIDE = 1024, 56
"""Pixels: pictures are sent no larger; vision models that cut them into patches refuse thinner ones."""
IMAGE_TOKENS = (SIDE // 14) ** 2
"""At most, with patches of 14 pixels, the smallest in use. No provider tells beforehand."""
BLANK = "."
"""Sent for a text of blanks, which endpoints refuse."""

Input: TypeAlias = str | dict[str, str]
"""As it is sent."""


def tokens(text: str) -> int:
    """An upper estimate; the real number takes each model's own tokenizer."""
    return len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN + 1


@dataclass(frozen=True, slots=True)
class TextInput:
    """What is longer than an endpoint reads is cut."""

    text: str

    @property
    def tokens(self) -> int:
        return min(tokens(self.text), MOST_INPUT_TOKENS)

    def wire(self) -> str:
        """As it is sent. Broken characters (half a surrogate pair) become question marks."""
        whole = self.text.encode("utf-8", "replace")
        return whole[: (MOST_INPUT_TOKENS - 1) * BYTES_A_TOKEN].decode("utf-8", "ignore").strip() or BLANK

    def shorter(self) -> TextInput | None:
        text = self.wire()
        return TextInput(text[: len(text) // 2]) if len(text) >= 2 * SHORTEST else None

    def __str__(self) -> str:
        text = "".join(letter for letter in " ".join(self.text.split()) if letter.isprintable())
        return f"the text “{text if len(text) <= 60 else text[:60].rstrip() + '…'}”"


@dataclass(frozen=True, slots=True)
class ImageInput:
    file: Path

    tokens = IMAGE_TOKENS

    def wire(self) -> dict[str, str] | None:
        """As it is sent, made anew from its pixels; None when it cannot be opened."""
        try:
            pixels = prepare_image(self.file, self.file.name, SIDE, LEAST_SIDE)
        except (ExtractionError, OSError):
            return None
        return {"type": "image", "image": base64.b64encode(pixels.data).decode()}

    def shorter(self) -> None:
        return None

    def __str__(self) -> str:
        return f"the picture {self.file.name}"


Item: TypeAlias = TextInput | ImageInput
