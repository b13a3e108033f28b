"""The encoders of a store: which of them fills which vector, and which parts of a query reach it.

An encoder's vectors form one space. The text encoder fills `dense` and `description`; the image encoder, if there is
one, fills `visual`. If one encoder does both, all three vectors are in one space, and an image query reaches passages
as well.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.encoders.encoder import Encoder
from diptych.encoders.page_encoder import PageEncoder
from diptych.errors import StoreMismatch
from diptych.store.points import EncodingConfig, RequiredVector
from diptych.store.types import (
    DESCRIPTION_VECTOR,
    PAGE_VECTOR,
    POOLED_VECTOR,
    TEXT_VECTOR,
    VISUAL_VECTOR,
    VectorShape,
    VectorShapes,
)
from diptych.vectors import Vector
from extractors.pictures.store import image_path

PICTURE_VECTOR = "picture"
"""The vector of a query's image without its text, in the space of `visual`."""


@dataclass(frozen=True, slots=True)
class Spaces:
    text: Encoder
    images: Encoder | None = None
    """None: pixels are not encoded. The same as `text`: one space for both."""
    half: bool | None = None
    """Whether all vectors are kept as float16, not only very long ones; None: as the store has them."""
    pages: PageEncoder | None = None
    """None: images of pages have no vectors of late interaction."""

    @property
    def encoders(self) -> dict[str, Encoder]:
        """Vector -> its encoder."""
        encoders = {TEXT_VECTOR: self.text, DESCRIPTION_VECTOR: self.text}
        return encoders | ({VISUAL_VECTOR: self.images} if self.images else {})

    @property
    def models(self) -> dict[str, Encoder | PageEncoder]:
        """`encoders`, and that of pages."""
        return {**self.encoders, **({PAGE_VECTOR: self.pages} if self.pages else {})}

    @property
    def shapes(self) -> VectorShapes:
        """Of the vectors of a new store."""
        return {
            name: VectorShape(encoder.size, bool(self.half) or encoder.half) for name, encoder in self.encoders.items()
        } | dict.fromkeys(
            (PAGE_VECTOR, POOLED_VECTOR) if self.pages else (),
            VectorShape(self.pages.size if self.pages else 0, half=True, many=True),
        )

    def check_types(self, stored: VectorShapes) -> None:
        """Raises `StoreMismatch` if the vectors of a store have another size or type."""
        for name, shape in self.shapes.items():
            if name in stored and stored[name].size != shape.size:
                raise StoreMismatch(
                    f"the store has vectors of {stored[name].size} dimensions, but the encoder makes {shape.size}; all "
                    f"tenants of a store use the same encoders"
                )
        for name, shape in self.shapes.items() if self.half is not None else ():
            if name in stored and stored[name].half != shape.half:
                kept, wanted = (("float32", "float16")[half] for half in (stored[name].half, shape.half))
                raise StoreMismatch(
                    f"the store keeps vectors as {kept}, but the setting `vectors` asks for {wanted}; run `diptych "
                    f"reindex`, which converts them and encodes nothing, or change DIPTYCH_VECTORS back"
                )

    def keep_types(self, stored: VectorShapes) -> "Spaces":
        """These spaces for the next edition of a store; it keeps the type of its vectors unless the setting is made."""
        kept = [shape.half for shape in stored.values() if not shape.many]
        return self if self.half is not None else replace(self, half=all(kept))

    def adopt(self, built: EncodingConfig) -> None:
        """Encode as an existing store was, as far as the settings leave that open."""
        self.text.adopt(built.encoder)
        if self.images:
            self.images.adopt(built.images)

    def encoding_config(self, language: str) -> EncodingConfig:
        return EncodingConfig(
            self.text.fingerprint,
            language,
            self.images.fingerprint if self.images else "",
            self.pages.fingerprint if self.pages else "",
        )

    def encode(self, required: Sequence[RequiredVector], pictures: Path) -> dict[str, Vector]:
        """Hash -> vector. `pictures`: folder of the picture store."""
        vectors: dict[str, Vector] = {}
        texts = {one.hash: one.content for one in required if isinstance(one.content, str)}
        if texts:
            vectors.update(zip(texts, self.text.encode_texts(list(texts.values())), strict=True))
        files = {one: image_path(one.content, pictures) for one in required if not isinstance(one.content, str)}
        pages = {one.hash: file for one, file in files.items() if one.vector == PAGE_VECTOR}
        if pages and self.pages:
            vectors.update(zip(pages, self.pages.encode_pages(list(pages.values())), strict=True))
        images = {one.hash: file for one, file in files.items() if one.vector != PAGE_VECTOR}
        if images:
            assert self.images is not None, "pixels to encode without an image encoder"
            vectors.update(zip(images, self.images.encode_images(list(images.values())), strict=True))
        return vectors

    def encode_queries(
        self, queries: Sequence[tuple[str, Path | None]], used: Container[str] | None = None
    ) -> list[dict[str, Vector]]:
        """One mapping per query (text, image; either may be missing): vector name -> vector to search it with.

        Each part goes to every vector whose space can encode it; if both parts do, their mean is used, and the image's
        own vector is added as `picture`. All texts are encoded together, once per space. `used`: names of the vectors
        that are needed; default: all.
        """
        by_encoder: dict[int, list[list[Vector]]] = {}
        encoders = {name: encoder for name, encoder in self.encoders.items() if used is None or name in used}
        for encoder in encoders.values():
            if id(encoder) not in by_encoder:
                by_encoder[id(encoder)] = _encode_in_one_space(encoder, queries)
        encoded: list[dict[str, Vector]] = []
        for row in range(len(queries)):
            parts = {name: by_encoder[id(encoder)][row] for name, encoder in encoders.items()}
            vectors = {name: mean_vector(vectors) for name, vectors in parts.items() if vectors}
            if len(both := parts.get(VISUAL_VECTOR, [])) == 2:
                vectors[PICTURE_VECTOR] = both[1]
            encoded.append(vectors)
        if self.pages and (used is None or PAGE_VECTOR in used):
            texts = [row for row, (text, _) in enumerate(queries) if text.strip()]
            found = self.pages.encode_texts([queries[row][0] for row in texts])
            for row, query in zip(texts, found, strict=True):
                encoded[row][PAGE_VECTOR] = query
        return encoded


def _encode_in_one_space(encoder: Encoder, queries: Sequence[tuple[str, Path | None]]) -> list[list[Vector]]:
    """For each query, the vectors of its text and of its image, as far as the encoder can encode them."""
    parts: list[list[Vector]] = [[] for _ in queries]
    texts = {row: text for row, (text, _) in enumerate(queries) if text.strip()}
    if texts:
        for row, vector in zip(texts, encoder.encode_texts(list(texts.values()), query=True), strict=True):
            parts[row].append(vector)
    images = {row: image for row, (_, image) in enumerate(queries) if image} if encoder.reads_images else {}
    if images:
        for row, vector in zip(images, encoder.encode_images(list(images.values())), strict=True):
            parts[row].append(vector)
    return parts


def mean_vector(vectors: Sequence[Vector]) -> Vector:
    """The mean, normalised to unit length."""
    if len(vectors) == 1:
        return vectors[0]
    import numpy as np

    mean = np.mean(vectors, axis=0, dtype=np.float32)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else vectors[0], np.float32)
