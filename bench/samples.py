"""What is measured on: the sample corpus, and a made store as large as one likes."""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diptych import encoders
from diptych.encoders import Encoder, Vectors
from diptych.index import Index, of_texts, open_index
from diptych.ingest import Pipeline, ingest
from diptych.settings import Settings
from diptych.sources import find
from diptych.spaces import Spaces
from extractors.types import Extraction, ImageFile, Options, Passage, Picture, Report, Source

DATA = Path(__file__).parents[1] / "data"
MANUAL = DATA / "manual.pdf"

DOCUMENTS = 400
PASSAGES = 50
"""Of each made document."""
PICTURES = 5
WORDS = tuple(
    first + middle + last
    for first in ("ba", "cor", "den", "fil", "gra", "hol", "mi", "pel", "ru", "sta")
    for middle in ("ca", "do", "li", "mer", "no", "ter", "va")
    for last in ("", "ing", "ment", "s", "tion")
)


@dataclass(frozen=True, slots=True)
class Made:
    """A store of made documents, and the files they pretend to come from."""

    index: Index
    pipeline: Pipeline
    files: Path

    def ingest(self) -> int:
        """Bring it up to date; the number of documents that had to be written."""
        outcomes = [ingest(source, self.pipeline) for source in find([self.files]).sources]
        return sum(outcome.status != "unchanged" for outcome in outcomes)


@contextmanager
def made_store(settings: Settings) -> Iterator[Made]:
    """20,000 passages and 2,000 pictures of 400 documents, searchable, in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="diptych-bench-") as folder:
        files = Path(folder, "files")
        files.mkdir()
        for number in range(DOCUMENTS):
            (files / f"{number:04}.pdf").write_bytes(b"%d" % number * 20_000)
        encoder = MadeEncoder(encoders.load(settings.encoder, settings))
        store = settings.model_copy(update={"store": str(Path(folder, "store"))})
        index = open_index(store, of_texts(encoder.size))
        try:
            made = Made(
                index, Pipeline(index, Spaces(encoder), MadeExtractor(), Options(), Path(folder, "pictures")), files
            )
            made.ingest()
            index.optimize()
            yield made
        finally:
            index.close()


def made_text(seed: str, words: int) -> str:
    """Words drawn by Zipf's law, as in real text: few are common, most are rare."""
    chance = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return " ".join(chance.choices(WORDS, weights, k=words))


class MadeExtractor:
    """Stands in for the sandbox: gives made parts and never opens the file."""

    def extract(self, source: Source, options: Options, pictures: Path) -> Extraction:
        passages = [
            Passage(made_text(f"{source.name} {n}", 130), page=n // 4 + 1, box=(72.0, 72.0, 300.0, 200.0))
            for n in range(PASSAGES)
        ]
        found = [
            Picture(
                "figure", page=n + 1, image=_image(f"{source.name} {n}"), caption=made_text(f"{source.name}:{n}", 20)
            )
            for n in range(PICTURES)
        ]
        return Extraction(source, tuple(passages), tuple(found), Report(pages=PASSAGES // 4 + 1))


class MadeEncoder:
    """Questions go through the real encoder; passages get a vector drawn by their hash, which takes no time."""

    reads_images = False
    half = False
    paid = ""

    def __init__(self, real: Encoder) -> None:
        self.name, self.fingerprint, self.size = "made", "made-1", real.size
        self.tokenizer: Path | None = None
        self._real = real

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        if query:
            return self._real.encode_texts(texts, query=True)
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") for text in texts]
        drawn = np.array([np.random.default_rng(seed).standard_normal(self.size) for seed in seeds], np.float32)
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        raise NotImplementedError


def _image(seed: str) -> ImageFile:
    return ImageFile(hashlib.sha256(seed.encode()).hexdigest(), ".png", 100, 100)
