"""Encoding despite parts that an encoder refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from diptych.errors import ProviderError
from diptych.models.request_queue import MAX_LEADING_REFUSALS
from diptych.pipeline.encode import encode_vectors
from diptych.store.points import RequiredVector
from diptych.store.spaces import Spaces
from diptych.store.types import TEXT_VECTOR, VISUAL_VECTOR
from diptych.vectors import Vectors
from extractors.types import ImageFile
from tests.support.fakes import WordEncoder


class PickyEncoder(WordEncoder):
    """Refuses batches with a text that contains `refuse`, and cannot open pictures."""

    reads_images = True

    def __init__(self, refuse: str, error: ProviderError) -> None:
        super().__init__()
        self.refuse, self.error, self.calls = refuse, error, 0

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        self.calls += 1
        if any(self.refuse in text for text in texts):
            raise self.error
        return super().encode_texts(texts, query=query)

    def encode_images(self, images: Sequence[Path]) -> Vectors:
        return np.zeros((len(images), self.size), np.float32)


def required_texts(*texts: str) -> list[RequiredVector]:
    return [RequiredVector(TEXT_VECTOR, text, text) for text in texts]


def test_only_refused_texts_have_no_vector(tmp_path: Path) -> None:
    picky = PickyEncoder("valve", ProviderError("no valves, please"))
    done = encode_vectors(required_texts("red pump", "green valve", "blue cat"), Spaces(picky), tmp_path)
    assert done.vectors.keys() == {"red pump", "blue cat"}
    assert done.refused == {"green valve": "no valves, please"}


def test_picture_that_cannot_be_opened_has_no_vector_and_a_reason(tmp_path: Path) -> None:
    picky = PickyEncoder("valve", ProviderError(""))
    pixels = RequiredVector(VISUAL_VECTOR, "p", ImageFile("a" * 64, ".png", 4, 3))
    done = encode_vectors([*required_texts("red pump"), pixels], Spaces(picky, picky), tmp_path)
    assert done.vectors.keys() == {"red pump"}
    assert "cannot be opened" in done.refused["p"]


def test_temporary_and_account_errors_are_raised(tmp_path: Path) -> None:
    for error in (ProviderError("down", transient=True), ProviderError("no such key", about="account")):
        picky = PickyEncoder("valve", error)
        with pytest.raises(ProviderError, match=str(error)):
            encode_vectors(required_texts("red pump", "green valve"), Spaces(picky), tmp_path)
        assert picky.calls == 1


def test_requests_stop_when_everything_is_refused(tmp_path: Path) -> None:
    picky = PickyEncoder("valve", ProviderError("no"))
    done = encode_vectors(required_texts(*(f"valve {n}" for n in range(50))), Spaces(picky), tmp_path)
    assert (done.vectors, len(done.refused), picky.calls) == ({}, 50, 1 + MAX_LEADING_REFUSALS)
