"""Vectors of a paid encoder, kept in the ledger, so that no text and no picture is paid for twice."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import numpy as np

from diptych.encoders.encoder import Encoder, reads_no_images
from diptych.models.ledger import Ledger
from diptych.models.openai.embedding_batches import EmbeddingBatchApi
from diptych.vectors import Vectors

Content: TypeAlias = str | Path
"""A text, or the file of a picture."""


class PaidEncoder(Encoder, Protocol):
    """An encoder that tells its vectors while it goes on."""

    batches: EmbeddingBatchApi | None
    """None: there is no batch endpoint for its texts."""

    def embed(self, contents: Sequence[Content], told: Callable[[Sequence[int], Vectors], None]) -> None:
        """Tell the vectors as soon as each request is answered: places in `contents`, and a row for each.

        Zeros for a picture that cannot be opened. `told` is called from several threads.
        """
        ...


def kept(encoder: Encoder, ledger: Ledger) -> Encoder:
    """The encoder, with a memory where it is paid for."""
    return Kept(cast(PaidEncoder, encoder), ledger) if encoder.paid else encoder


def key_of(fingerprint: str, content: Content) -> str:
    """Of a text, or of the bytes of a picture, read by the encoder of that fingerprint: 64 characters of 0-9 and a-f.

    Raises `OSError` for a file that cannot be read.
    """
    if isinstance(content, str):
        kind, data = "text", content.encode("utf-8", "surrogatepass")
    else:
        kind, data = "picture", content.read_bytes()
    return hashlib.sha256(f"{fingerprint}\0{kind}\0".encode() + data).hexdigest()


class Kept:
    """An `Encoder` around a paid one: what the ledger has is not asked for, what is answered is kept at once.

    A kill costs the requests that are under way. Two threads that need the same vector ask for it once. The words of
    questions go past the ledger: they are short, many, and seldom come again.
    """

    def __init__(self, encoder: PaidEncoder, ledger: Ledger) -> None:
        self.name, self.paid = encoder.name, encoder.paid
        self.fingerprint, self.tokenizer = encoder.fingerprint, encoder.tokenizer
        self.size, self.half, self.reads_images = encoder.size, encoder.half, encoder.reads_images
        self._encoder, self._ledger = encoder, ledger
        self._lock = threading.Lock()
        self._under_way: dict[str, threading.Event] = {}

    @property
    def batches(self) -> EmbeddingBatchApi | None:
        """None: there is no batch endpoint for its texts."""
        return self._encoder.batches

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Vectors of unit length, shape (len(texts), size), float32."""
        return self._encoder.encode_texts(texts, query=True) if query else self._all(texts)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        """Vectors of unit length, shape (len(images), size), float32; zeros for a picture that cannot be opened."""
        if not self.reads_images:
            raise reads_no_images(self.name)
        return self._all(images)

    def _all(self, contents: Sequence[Content]) -> Vectors:
        keys = self._keys(contents)
        found = self._vectors({key: one for key, one in zip(keys, contents, strict=True) if key})
        vectors = np.zeros((len(contents), self.size), np.float32)
        for row, key in enumerate(keys):
            if key:
                vectors[row] = found[key]
        return vectors

    def _keys(self, contents: Sequence[Content]) -> list[str]:
        """Empty for a file that cannot be read, which is no picture then."""
        keys = []
        for one in contents:
            try:
                keys.append(key_of(self.fingerprint, one))
            except OSError:
                keys.append("")
        return keys

    def _vectors(self, wanted: Mapping[str, Content]) -> dict[str, Vectors]:
        """By key. What another thread asks for already is waited for, and asked for here only if that fails."""
        found: dict[str, Vectors] = {}
        while rest := [key for key in wanted if key not in found]:
            mine, others = self._claim(rest)
            try:
                found |= self._answers({key: wanted[key] for key in mine})
            finally:
                self._release(mine)
            for event in others.values():  # nobody waits who has not released: no two can wait for each other
                event.wait()
            found |= self._ledger.vectors(list(others))
        return found

    def _answers(self, wanted: Mapping[str, Content]) -> dict[str, Vectors]:
        found: dict[str, Vectors] = dict(self._ledger.vectors(list(wanted)))
        asked = [key for key in wanted if key not in found]

        def told(rows: Sequence[int], vectors: Vectors) -> None:
            answered = {asked[row]: vector for row, vector in zip(rows, vectors, strict=True)}
            # Zeros stand for a picture that could not be opened, which may be otherwise tomorrow.
            self._ledger.add_vectors({key: vector for key, vector in answered.items() if vector.any()})
            with self._lock:
                found.update(answered)

        if asked:
            self._encoder.embed([wanted[key] for key in asked], told)
        return found

    def _claim(self, keys: Iterable[str]) -> tuple[list[str], dict[str, threading.Event]]:
        """(those that this thread is to ask for, those that others ask for with what tells that they are done)."""
        with self._lock:
            others = {key: self._under_way[key] for key in keys if key in self._under_way}
            mine = [key for key in keys if key not in others]
            self._under_way |= {key: threading.Event() for key in mine}
        return mine, others

    def _release(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self._under_way.pop(key).set()
