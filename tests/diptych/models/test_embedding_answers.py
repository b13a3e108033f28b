"""Responses of embeddings servers are checked: number, order, size and values of the vectors."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest

from diptych.errors import ProviderError
from diptych.models.openai.embeddings import TextInput
from diptych.models.request_queue import MAX_ATTEMPTS
from tests.support.embedding_fixtures import answer, desk, numbered, place
from tests.support.http_server import Answer
from tests.support.openai_batch_server import problem


def test_vectors_are_sorted_by_index() -> None:
    with desk(size=2) as at:
        rows = [{"index": index, "embedding": [1.0, float(index)]} for index in (2, 0, 1)]
        at.vendor.faults.append(Answer(200, {"data": rows}))
        assert [place(row) for row in at.encoder.encode_texts(["a", "b", "c"])] == [0, 1, 2]


def test_vectors_without_index_are_taken_in_order() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(Answer(200, {"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}))
        assert at.encoder.encode_texts(["a", "b"]).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("numbers", [(0, 0), (1, 2), (0, None), (0, "1"), (False, True)])
def test_wrong_indexes_are_an_error(numbers: tuple[Any, Any]) -> None:
    with desk(size=2) as at:
        rows = [{"index": number, "embedding": [1, 0]} for number in numbers]
        at.vendor.faults.append(Answer(200, {"data": rows}))
        with pytest.raises(ProviderError, match="numbers its vectors wrongly"):
            at.encoder.encode_texts(["a", "b"])
        assert len(at.vendor.requests) == 1


def test_wrong_vector_size_names_the_setting() -> None:
    with desk(size=8) as at:
        at.vendor.faults.append(answer([1.0] * 12))
        with pytest.raises(
            ProviderError, match=r"returned vectors of 12 numbers instead of 8; set `openai\.dimensions`"
        ):
            at.encoder.encode_texts(["pump"])
        assert len(at.vendor.requests) == 1
        assert at.meter.usage()["openai:local", False].requests == 1  # it is charged all the same


def test_too_few_vectors_are_requested_again_in_halves() -> None:
    with desk(size=8, vector=numbered) as at:
        at.vendor.faults.append(answer([1.0] * 8))
        assert [place(row) for row in at.encoder.encode_texts(["a 1", "b 2", "c 3"])] == [1, 2, 3]
        assert at.sizes == [3, 1, 2]


NOTHING = math.nan


@pytest.mark.parametrize(
    ("vector", "why"),
    [
        ([NOTHING, 1.0], "NaN"),
        ([1e39, 1.0], "infinite"),
        ([10**400, 1], "no vector"),
        ([None, 1.0], "NaN"),
        ([0.0, 0.0], "zeros"),
        ([], "no vector"),
        (None, "no vector"),
        ("!!", "no vector"),
        ([["1"], "x"], "no vector"),
    ],
)
def test_text_without_a_usable_vector_is_named(vector: Any, why: str) -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer([3, 4], vector))
        with pytest.raises(ProviderError, match=f"openai:local: the text “odd” cannot be encoded: .*{why}") as caught:
            at.encoder.encode_texts(["fine", "odd"])
        assert (caught.value.transient, caught.value.about) == (False, "item")
        assert len(at.vendor.requests) == 1


@pytest.mark.parametrize(
    "body", [[], {}, {"data": None}, {"data": "x"}, {"data": [1]}, {"data": []}, [1, 2], {"error": {"message": "no"}}]
)
def test_unexpected_json_is_an_error(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.models.request_queue.FIRST_PAUSE", 0.002)
    with desk() as at:
        at.vendor.faults += [Answer(200, body)] * MAX_ATTEMPTS
        with pytest.raises(ProviderError, match="openai:local: "):
            at.encoder.encode_texts(["pump"])


@pytest.mark.parametrize("body", [b"", b"<html><title>Hello</title></html>", b'{"data": [{"index"', b"OK"])
def test_response_that_is_not_json_is_retried(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.models.request_queue.FIRST_PAUSE", 0.01)
    with desk() as at:
        at.vendor.faults.append(Answer(200, body, {"content-type": "text/html"}))
        assert at.encoder.encode_texts(["pump"]).shape == (1, 8)
        assert len(at.vendor.requests) == 2


def test_transient_errors_are_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.models.request_queue.FIRST_PAUSE", 0.01)
    with desk() as at:
        at.vendor.faults += [
            problem(429, "slow down", "rate_limit_exceeded", {"retry-after": "0"}),
            Answer(503, "<html>busy</html>"),
            Answer(200, {"data": []}, cut=5),
        ]
        assert at.encoder.encode_texts(["pump"]).shape == (1, 8)
        assert len(at.vendor.requests) == 4


def test_base64_vectors_are_decoded_from_any_server() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer(base64.b64encode(np.array([3, 4], "<f4").tobytes()).decode()))
        assert np.allclose(at.encoder.encode_texts(["pump"]), [[0.6, 0.8]])


def test_tokens_are_estimated_when_the_server_does_not_count_them() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer([1, 0], usage=None))
        at.encoder.encode_texts(["pump " * 8])
        assert at.meter.usage()["openai:local", False].input_tokens == TextInput("pump " * 8).tokens == 21
