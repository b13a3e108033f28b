"""Encoding in spite of parts that an encoder will not take."""

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


class Picky(WordEncoder):
    """Takes no batch with a text that has `refuse` in it, and opens no picture."""

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


def needs(*texts: str) -> list[RequiredVector]:
    return [RequiredVector(TEXT_VECTOR, text, text) for text in texts]


def test_only_what_is_refused_goes_without_a_vector(tmp_path: Path) -> None:
    picky = Picky("valve", ProviderError("no valves, please"))
    done = encode_vectors(needs("red pump", "green valve", "blue cat"), Spaces(picky), tmp_path)
    assert done.vectors.keys() == {"red pump", "blue cat"}
    assert done.refused == {"green valve": "no valves, please"}


def test_a_picture_that_cannot_be_opened_has_no_vector_and_says_so(tmp_path: Path) -> None:
    picky = Picky("valve", ProviderError(""))
    pixels = RequiredVector(VISUAL_VECTOR, "p", ImageFile("a" * 64, ".png", 4, 3))
    done = encode_vectors([*needs("red pump"), pixels], Spaces(picky, picky), tmp_path)
    assert done.vectors.keys() == {"red pump"}
    assert "cannot be opened" in done.refused["p"]


def test_what_may_pass_or_concerns_all_is_raised(tmp_path: Path) -> None:
    for error in (ProviderError("down", transient=True), ProviderError("no such key", about="account")):
        picky = Picky("valve", error)
        with pytest.raises(ProviderError, match=str(error)):
            encode_vectors(needs("red pump", "green valve"), Spaces(picky), tmp_path)
        assert picky.calls == 1


def test_where_nothing_is_taken_not_everything_is_asked_for(tmp_path: Path) -> None:
    picky = Picky("valve", ProviderError("no"))
    done = encode_vectors(needs(*(f"valve {n}" for n in range(50))), Spaces(picky), tmp_path)
    assert (done.vectors, len(done.refused), picky.calls) == ({}, 50, 1 + MAX_LEADING_REFUSALS)
