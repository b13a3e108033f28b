"""Refused embeddings requests: a refused input fails alone and is named; an account error stops everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import BudgetReached, ProviderError
from diptych.models.meter import Meter
from diptych.models.openai import embeddings
from tests.support.embedding_fixtures import SEES, desk, picture, place, strict_desk
from tests.support.http_server import Answer, Request
from tests.support.openai_batch_server import problem


def refusing(*bad: str) -> Any:
    """Refuse every request that contains one of these words."""

    def route(request: Request) -> Answer | None:
        return (
            problem(400, "Invalid input.") if any(word in json.dumps(request.json["input"]) for word in bad) else None
        )

    return route


def test_refused_text_fails_alone_and_is_quoted() -> None:
    meter = Meter()
    with strict_desk(refusing("poison"), meter=meter) as (encoder, vendor):
        texts = [f"text {number}" for number in range(8)]
        texts[5] = "poison " + "and more " * 20
        with pytest.raises(ProviderError) as caught:
            encoder.encode_texts(texts)
        assert str(caught.value).startswith(
            "openai:local: the text “poison and more and more and more and more and more and more…” cannot be encoded"
        )
        assert "Invalid input." in str(caught.value)
        answered = [text for request in vendor.requests for text in request.json["input"] if "poison" not in text]
        assert set(answered) == {text for text in texts if "poison" not in text}
        assert meter.usage()["openai:local", False].requests == 3  # halves without it: 4, 1 and 2 texts


def test_text_too_long_for_the_model_is_shortened() -> None:
    def short_sighted(request: Request) -> Answer | None:
        longest = max(map(len, request.json["input"]))
        return problem(400, f"maximum context length is 600, yours is {longest}") if longest > 600 else None

    with strict_desk(short_sighted) as (encoder, vendor):
        long = "7 " * 1000
        vectors = encoder.encode_texts(["text 1", long, "text 3"])
        assert [place(row) for row in vectors] == [1, 7, 3]
        (read,) = [text for request in vendor.requests for text in request.json["input"] if 400 < len(text) <= 600]
        assert long.startswith(read)


def test_many_refused_texts_need_few_requests() -> None:
    with strict_desk(refusing("text")) as (encoder, vendor):
        with pytest.raises(ProviderError, match=r"“text 0” \(and 31 more\) cannot be encoded"):
            encoder.encode_texts([f"text {number}" for number in range(32)])
        assert len(vendor.requests) < 25


def test_refused_image_is_named(tmp_path: Path) -> None:
    with desk(SEES) as at:
        at.vendor.faults.append(problem(400, "image is not nice"))
        with pytest.raises(ProviderError, match=r"the picture red\.png cannot be encoded: .*not nice"):
            at.encoder.encode_images([picture(tmp_path)])


def test_budget_stops_before_the_request() -> None:
    with desk(budget=0.0) as at:
        with pytest.raises(BudgetReached):
            at.encoder.encode_texts(["pump"])
        assert at.vendor.requests == []


def test_account_error_stops_requests_not_yet_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "OTHER_MAX_TEXTS", 1)
    with strict_desk(lambda request: problem(401, "no")) as (encoder, vendor):
        with pytest.raises(ProviderError, match="rejected the API key"):
            encoder.encode_texts([f"text {number}" for number in range(20)])
        assert len(vendor.requests) <= 4  # two at once, and what the second began meanwhile
