"""How often a picture with a question finds what it shows: products by recompressed photos, figures by small copies.

Measured with the image encoder of the settings if there is one, and otherwise with a stand-in that compares pixels.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.measurement import CATALOGUE, MANUAL, BenchOptions, Measurement
from diptych.encoders.encoder import Encoder
from diptych.library.maintenance import Maintenance
from diptych.library.query_preparation import QueryPreparation
from diptych.library.runtime import Runtime
from diptych.models.meter import Meter
from diptych.search.query.query import Query
from diptych.search.search import search
from diptych.settings import load_settings
from diptych.store.spaces import Spaces
from diptych.vectors import Vectors
from extractors.pictures.store import image_path
from extractors.types import ImageFile

BASELINE = "the picture alone"
ABOUT_PRODUCTS = ("do you have this one?", "How much sugar does this have?", "Is this good for baking and desserts?")
ABOUT_FIGURES = ("What does this diagram show?", "How do I clean this?")
FIRST = 3
"""A figure counts if it is among this many hits."""
SIDE = 11
"""Pixels of a side of the thumbnails that the stand-in compares."""


class PixelEncoder(Encoder):
    """A thumbnail's pixels as an image vector, beside the vectors of a text encoder; stands in for CLIP."""

    name = fingerprint = "pixels"
    reads_images = True

    def __init__(self, text: Encoder) -> None:
        self._text, self.size = text, text.size

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return self._text.encode_texts(texts, query=query)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        vectors = np.zeros((len(images), self.size), np.float32)
        for row, path in zip(vectors, images, strict=True):
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), np.float32).ravel()
            row[: len(pixels)] = pixels - pixels.mean() + 1e-3
            row /= np.linalg.norm(row)
        return vectors


def pictures(options: BenchOptions) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        for unified in (True, False):
            runtime = Runtime(load_settings(str(Path(folder, f"store-{unified}"))), Meter())
            try:
                text = runtime.spaces.text
                if not runtime.spaces.images:
                    pixels = PixelEncoder(text)
                    runtime.spaces = Spaces(pixels if unified else text, pixels)
                elif unified != (runtime.spaces.images is text):
                    continue
                yield from _measure(runtime, options, "one space" if unified else "two spaces")
            finally:
                runtime.close()


def _measure(runtime: Runtime, options: BenchOptions, spaces: str) -> Iterator[Measurement]:
    maintenance = Maintenance(runtime)
    files = [options.on] if options.on else [CATALOGUE, MANUAL]
    failed = [one.error for one in maintenance.ingest_sources(maintenance.find_sources(files).sources) if one.error]
    assert not failed, failed
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        for kind, questions, first in (("photo", ABOUT_PRODUCTS, 1), ("figure", ABOUT_FIGURES, FIRST)):
            copies = _copies(runtime, kind, Path(folder))
            if not copies:
                continue
            found = {question: _count_found(runtime, copies, question, first) for question in ("", *questions)}
            for question in questions:
                name = f"{spaces}, {kind} in first {first}: {question}"
                share, alone = found[question] / len(copies), found[""] / len(copies)
                yield Measurement(name, share, "share", BASELINE, alone)


def _copies(runtime: Runtime, kind: str, folder: Path) -> Mapping[str, Path]:
    """Content hash -> a smaller copy of each stored picture of a kind, compressed again."""
    copies: dict[str, Path] = {}
    for point in runtime.store().images.scroll():
        if point.payload["kind"] == kind:
            image = ImageFile(**point.payload["image"])
            copies[image.sha256] = folder / f"{image.sha256}.jpg"
            with Image.open(image_path(image, runtime.pictures)) as picture:
                small = picture.convert("RGB").resize((max(1, picture.width // 2), max(1, picture.height // 2)))
                small.save(copies[image.sha256], quality=40)
    return copies


def _count_found(runtime: Runtime, copies: Mapping[str, Path], question: str, first: int) -> int:
    prepare = QueryPreparation(runtime).prepare
    queries = [prepare(Query(question, copy)) for copy in copies.values()]
    results = search(queries, runtime.search_context, first)
    shown = [{Path(hit.image).stem for hit in hits if hit.image} for hits in results]
    return sum(sha in images for sha, images in zip(copies, shown, strict=True))
