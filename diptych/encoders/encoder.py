"""An encoder turns text, images or both into vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from diptych.errors import ModelError
from diptych.models.meter import Meter
from diptych.settings import Settings
from diptych.vectors import Vectors


class Encoder(Protocol):
    """What every encoder has. Called from several threads; each call is one batch of any length."""

    name: str
    """As the settings name it: `minilm`."""
    size: int
    """Dimensions of the space."""
    reads_images: bool
    half: bool
    """Its vectors are so long that they are stored as float16."""
    paid: str
    """Model name that its usage is counted and priced under (`openai:…`); empty: it runs here and costs nothing."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same input would give other vectors: weights, quantisation, pooling.

        Raises `ModelError` when it takes the model's files to tell, and they cannot be had.
        """
        ...

    @property
    def tokenizer(self) -> Path | None:
        """A `tokenizer.json` to count tokens with, if there is one."""
        ...

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32."""
        ...

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; only where `reads_images`.

        A picture that cannot be opened gives a row of zeros, which is near nothing: the others keep their vectors.
        """
        ...


def reads_no_images(name: str) -> ModelError:
    """What `encode_images` of an encoder of texts raises."""
    return ModelError(f"{name} reads no images; configure an image encoder for them")


ENCODERS: dict[str, str] = {
    "minilm": "minilm",
    "fastembed": "fastembed",
    "clip": "clip",
    "openai": "openai",
    "unified": "unified",
}
"""First part of an encoder's name -> the module here whose `load(variant, settings, meter)` makes it.

`minilm` is int8, `minilm:fp32` the same without quantisation; `fastembed:MODEL` and `clip:PAIR` are listed in
docs/models.md.
"""


def load(name: str, settings: Settings, meter: Meter | None = None) -> Encoder:
    """The encoder of that name; nothing heavy is read and no request is made before its first text.

    `meter` counts what paid encoders use. Raises `ModelError` for an unknown name, or with the command that installs
    what is missing.
    """
    family, _, variant = name.partition(":")
    module = ENCODERS.get(family)
    if module is None:
        raise ModelError(f"no encoder is called `{name}`; known: {', '.join(ENCODERS)}")
    made = import_module(f"diptych.encoders.{module}").load(variant, settings, meter or Meter())
    return cast(Encoder, made)
