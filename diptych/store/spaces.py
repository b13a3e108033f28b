"""Which encoder fills which vector, and so which parts of a question reach it.

An encoder's vectors make one space. Texts go to `dense` and `description` by the encoder of texts; pixels to `visual`
by the encoder of pixels, if there is one. Where one encoder does both, all three vectors lie in one space, and a
picture reaches passages as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diptych.encoders.encoder import Encoder
from diptych.store.points import EncodingConfig, RequiredVector
from diptych.store.types import DESCRIPTION_VECTOR, TEXT_VECTOR, VISUAL_VECTOR, VectorShape, VectorShapes
from diptych.vectors import Vector
from extractors.pictures.store import image_path


@dataclass(frozen=True, slots=True)
class Spaces:
    """The encoders of a store."""

    text: Encoder
    images: Encoder | None = None
    """None: pixels are not encoded. The same as `text`: one space for both."""
    half: bool = False
    """Whether a new store keeps all vectors as float16, not only the very long ones."""

    @property
    def encoders(self) -> dict[str, Encoder]:
        """Vector -> its encoder."""
        texts = {TEXT_VECTOR: self.text, DESCRIPTION_VECTOR: self.text}
        return texts | ({VISUAL_VECTOR: self.images} if self.images else {})

    @property
    def shapes(self) -> VectorShapes:
        """Of the vectors of a new store."""
        return {name: VectorShape(encoder.size, self.half or encoder.half) for name, encoder in self.encoders.items()}

    def encoding_config(self, language: str) -> EncodingConfig:
        return EncodingConfig(self.text.fingerprint, language, self.images.fingerprint if self.images else "")

    def encode(self, needs: Sequence[RequiredVector], pictures: Path) -> dict[str, Vector]:
        """Hash -> vector. `pictures`: folder of the picture store."""
        vectors: dict[str, Vector] = {}
        texts = {need.hash: need.content for need in needs if isinstance(need.content, str)}
        if texts:
            vectors.update(zip(texts, self.text.encode_texts(list(texts.values())), strict=True))
        images = {need.hash: image_path(need.content, pictures) for need in needs if not isinstance(need.content, str)}
        if images:
            assert self.images is not None, "a need for pixels without an encoder of pixels"
            vectors.update(zip(images, self.images.encode_images(list(images.values())), strict=True))
        return vectors

    def encode_queries(self, questions: Sequence[tuple[str, Path | None]]) -> list[dict[str, Vector]]:
        """Of (text, picture) each, either may be missing: vector name -> what it is searched by.

        Each part goes to every vector whose space can encode it; where both do, their mean stands for them. All texts
        are encoded together, once a space.
        """
        asked: dict[int, list[Vector | None]] = {}
        for encoder in self.encoders.values():
            if id(encoder) not in asked:
                asked[id(encoder)] = _asked(encoder, questions)
        found: list[dict[str, Vector]] = []
        for row in range(len(questions)):
            vectors = {name: asked[id(encoder)][row] for name, encoder in self.encoders.items()}
            found.append({name: vector for name, vector in vectors.items() if vector is not None})
        return found


def _asked(encoder: Encoder, questions: Sequence[tuple[str, Path | None]]) -> list[Vector | None]:
    """One vector a question in the encoder's space, None where it reads no part of it."""
    texts = [row for row, (text, _) in enumerate(questions) if text.strip()]
    images = [row for row, (_, image) in enumerate(questions) if image and encoder.reads_images]
    parts: list[list[Vector]] = [[] for _ in questions]
    if texts:
        for row, vector in zip(texts, encoder.encode_texts([questions[r][0] for r in texts], query=True), strict=True):
            parts[row].append(vector)
    if images:
        paths = [image for row in images if (image := questions[row][1])]
        for row, vector in zip(images, encoder.encode_images(paths), strict=True):
            parts[row].append(vector)
    return [mean_vector(held) if held else None for held in parts]


def mean_vector(parts: Sequence[Vector]) -> Vector:
    """Of unit length again."""
    if len(parts) == 1:
        return parts[0]
    mean = np.mean(parts, axis=0, dtype=np.float32)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else parts[0], np.float32)
