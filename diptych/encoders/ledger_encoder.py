"""Vectors of a paid encoder, kept in the ledger, so that no text and no image is paid for twice."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.encoders.encoder import Content, Encoder, PaidEncoder
from diptych.models.ledger import Ledger
from diptych.vectors import Vector, Vectors

if TYPE_CHECKING:
    from diptych.models.openai.embeddings import OnVectors


def with_ledger(encoder: Encoder, ledger: Ledger) -> Encoder:
    """The encoder itself if it is free of charge, else a `LedgerEncoder` around it."""
    return LedgerEncoder(encoder, ledger) if isinstance(encoder, PaidEncoder) else encoder


def vector_key(fingerprint: str, content: Content) -> str:
    """Ledger key of the vector of a text or an image file: 64 hexadecimal digits.

    `fingerprint` is the encoder's. Raises `OSError` for a file that cannot be read.
    """
    if isinstance(content, str):
        kind, data = "text", content.encode("utf-8", "surrogatepass")
    else:
        kind, data = "picture", content.read_bytes()
    return hashlib.sha256(f"{fingerprint}\0{kind}\0".encode() + data).hexdigest()


class LedgerEncoder(PaidEncoder):
    """Asks a paid encoder only for vectors that are not in the ledger, and records each answer at once.

    A killed process loses only the requests in flight. Threads and processes that need the same vector at the same time
    request it once. Queries bypass the ledger: they are short, many, and rarely repeated.
    """

    def __init__(self, encoder: PaidEncoder, ledger: Ledger) -> None:
        self.name, self.paid, self.size = encoder.name, encoder.paid, encoder.size
        self.half, self.reads_images, self.batches = encoder.half, encoder.reads_images, encoder.batches
        self._encoder, self._ledger = encoder, ledger
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def tokenizer(self) -> Path | None:
        return self._encoder.tokenizer

    @property
    def max_tokens(self) -> int | None:
        return self._encoder.max_tokens

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return self._encoder.encode_texts(texts, query=True) if query else super().encode_texts(texts)

    def embed(self, contents: Sequence[Content], on_vectors: OnVectors) -> None:
        import numpy as np

        keys: dict[int, str] = {}
        for index, content in enumerate(contents):
            with suppress(OSError):  # an image file that cannot be read
                keys[index] = vector_key(self.fingerprint, content)
        found = self._find_vectors({key: contents[index] for index, key in keys.items()})
        vectors = np.zeros((len(contents), self.size), np.float32)
        for index, key in keys.items():
            vectors[index] = found[key]
        on_vectors(range(len(contents)), vectors)

    def _find_vectors(self, wanted: Mapping[str, Content]) -> dict[str, Vector]:
        """Vectors by key. Waits for keys that others are requesting, and requests them again only if that fails."""
        found: dict[str, Vector] = dict(self._ledger.vectors(list(wanted)))
        while missing := [key for key in wanted if key not in found]:
            with self._ledger.claims.claimed(missing) as claimed:
                found |= self._request_vectors({key: wanted[key] for key in missing if key in claimed})
            if others := [key for key in missing if key not in found]:
                self._ledger.claims.wait()
                found |= self._ledger.vectors(others)
        return found

    def _request_vectors(self, wanted: Mapping[str, Content]) -> dict[str, Vector]:
        found: dict[str, Vector] = dict(self._ledger.vectors(list(wanted)))
        missing = [key for key in wanted if key not in found]

        def on_vectors(indices: Sequence[int], vectors: Vectors) -> None:
            answered = {missing[index]: vector for index, vector in zip(indices, vectors, strict=True)}
            # Zeros stand for an image that could not be opened, which may succeed another time.
            self._ledger.add_vectors({key: vector for key, vector in answered.items() if vector.any()})
            with self._lock:
                found.update(answered)

        if missing:
            self._encoder.embed([wanted[key] for key in missing], on_vectors)
        return found
