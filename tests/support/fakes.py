"""Fakes whose output can be checked by eye."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from diptych.encoders.encoder import Encoder
from diptych.vectors import Vectors
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, FieldValue, ImageFile, Options, Passage, Picture, Problem, Report, Source

WORDS = ("red", "green", "blue", "pump", "valve", "chart", "table", "cat")


class WordEncoder(Encoder):
    """One dimension per known word, and a last one that is always 1: `red pump` -> [1, 0, 0, 1, 0, 0, 0, 0, 1] / √3."""

    name = "words"
    fingerprint = "words-1"
    size = len(WORDS) + 1

    def __init__(self) -> None:
        self.encoded: list[str] = []
        """Every passage encoded so far, in order."""

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        if not query:
            self.encoded += texts
        rows = [[*(re.findall(r"\w+", text.lower()).count(word) for word in WORDS), 1] for text in texts]
        vectors = np.asarray(rows, np.float32).reshape(len(texts), len(WORDS) + 1)
        lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / lengths


class ScriptedSandbox(Sandbox):
    """Returns scripted extractions by document name, or raises scripted errors. Records its calls, starts no worker."""

    def __init__(self) -> None:
        super().__init__(workers=1, seconds=60, memory_mb=2048)
        self.scripts: dict[str, Extraction | Exception] = {}
        self.calls: list[str] = []

    def extract(self, source: Source, options: Options, pictures: Path, *, seconds: float = 0) -> Extraction:
        self.calls.append(source.name)
        script = self.scripts[source.name]
        if isinstance(script, Exception):
            raise script
        return replace(script, source=source)


def source(name: str, version: str = "1", **fields: FieldValue) -> Source:
    """A source without a file; another `version` has another hash, and so has another document."""
    digest = f"{name} {version}"
    return Source(Path(f"/library/{name}"), f"file:///library/{name}", name, digest, "application/pdf", fields)


def document(*passages: Passage, pictures: tuple[Picture, ...] = (), problems: tuple[Problem, ...] = ()) -> Extraction:
    """An extraction with these parts; it ends on the page of the last one."""
    pages = max([passage.page for passage in passages] + [picture.page for picture in pictures], default=1)
    return Extraction(source("any.pdf"), passages, pictures, Report(pages, problems=problems))


def figure(caption: str, page: int = 1, label: str = "") -> Picture:
    image = ImageFile(hashlib.sha256(caption.encode()).hexdigest(), ".png", 40, 30)
    return Picture("figure", page, image, (10.0, 10.0, 50.0, 40.0), label, caption)
