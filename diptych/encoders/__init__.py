"""An encoder turns text, images or both into vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """What every encoder has. Called from several threads; each call is one batch of any length."""

    name: str
    """As the settings name it: `minilm`."""
    fingerprint: str
    """Changes whenever the same input would give other vectors: weights, quantisation, pooling."""
    size: int
    """Dimensions of the space."""
    reads_images: bool
    tokenizer: Path | None
    """A `tokenizer.json` to count tokens with, if there is one."""

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32."""
        ...

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; only where `reads_images`."""
        ...
