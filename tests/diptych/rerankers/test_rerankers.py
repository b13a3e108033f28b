"""Rerankers: a tiny cross-encoder through fastembed, rerank APIs as four servers answer them, and a vision model."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diptych.endpoints import OpenAI, Rerank
from diptych.errors import BudgetReached, ModelError, ProviderError, SettingsError
from diptych.models.meter import Meter, track_charges
from diptych.prices import Price, Usage
from diptych.rerankers.answerer import MAX_SIDE
from diptych.rerankers.registry import PageContent, Reranker, load_reranker
from diptych.settings import Settings
from tests.support import onnx_models
from tests.support.http_server import Answer, Request, Route, served
from tests.support.openai_requests import Asked
from tests.support.openai_server import openai_routes
from tests.support.scripted_vision import chart

PAGES = [PageContent("d", number, text) for number, text in enumerate(["a cat", "red red pump", "red"], start=1)]
NAME = "rerank:tiny"


def load(settings: Settings, meter: Meter | None = None, image: Path | None = None) -> Reranker:
    reranker = load_reranker(settings, meter or Meter(), lambda page: image if page.page == 1 else None)
    assert reranker
    return reranker


def api(url: str, meter: Meter | None = None, **fields: Any) -> Reranker:
    return load(Settings(reranker=NAME, rerank=Rerank(base_url=url, **fields)), meter)


def scores(request: Request) -> list[dict[str, Any]]:
    """As many points as the document has words of the query, best first."""
    body = request.json
    assert body.keys() == {"model", "query", "documents"}, "what every server accepts"
    found = [float(text.split().count(body["query"])) for text in body["documents"]]
    order = sorted(range(len(found)), key=lambda index: -found[index])
    return [{"index": index, "relevance_score": found[index]} for index in order]


def cohere(request: Request) -> Answer:
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}}
    return Answer(200, {"id": "1", "results": scores(request), "meta": meta})


def voyage(request: Request) -> Answer:
    return Answer(200, {"object": "list", "data": scores(request), "model": "m", "usage": {"total_tokens": 26}})


def jina(request: Request) -> Answer:
    results = [{**one, "document": {"text": "x"}} for one in scores(request)]
    return Answer(200, {"model": "m", "object": "list", "usage": {"total_tokens": 815}, "results": results})


def vllm(request: Request) -> Answer:
    usage = {"prompt_tokens": 56, "total_tokens": 56}
    return Answer(200, {"id": "rerank-1", "model": "m", "usage": usage, "results": scores(request)})


@pytest.mark.parametrize(
    ("server", "path", "used"),
    [
        (cohere, "/v2", Usage(input_tokens=10, requests=2)),
        (voyage, "/v1", Usage(input_tokens=26, requests=1)),
        (jina, "/v1", Usage(input_tokens=815, requests=1)),
        (vllm, "/v1", Usage(input_tokens=56, requests=1)),
    ],
)
def test_servers_differ_in_fields_and_in_what_they_charge(server: Route, path: str, used: Usage) -> None:
    meter = Meter({NAME: Price(1.0, 0.0, requests=2.0)})
    with served(server) as vendor, track_charges() as account:
        assert api(vendor.url + path, meter).score("red", PAGES) == [0, 2, 1]
        assert [request.path for request in vendor.requests] == [f"{path}/rerank"]
    assert meter.usage() == {(NAME, False): used}
    assert account.charges[NAME].usd == pytest.approx(used.input_tokens / 1e6 + used.requests * 2 / 1000)


@pytest.mark.parametrize(
    "body",
    [
        {"results": [{"index": 0, "relevance_score": 1}]},
        {"results": [{"index": i, "relevance_score": float("nan")} for i in range(3)]},
        {"results": [{"index": i, "score": 1} for i in range(3)]},
        {"message": "hello"},
    ],
)
def test_answers_of_another_shape_are_errors(body: Mapping[str, Any]) -> None:
    with served(lambda request: Answer(200, body)) as vendor, pytest.raises(ProviderError, match="list of 3 scores"):
        api(f"{vendor.url}/v1").score("red", PAGES)


def test_api_keeps_the_budget_and_repeats_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_TINY", "sk-tiny")
    with served(vllm) as vendor:
        vendor.faults.append(Answer(429, headers={"retry-after": "0"}))
        reranker = api(f"{vendor.url}/v1", key="KEY_OF_TINY")
        assert reranker.score("red", PAGES) == [0, 2, 1]
        assert reranker.score("red", PAGES) == [0, 2, 1], "remembered"
        assert [request.headers["authorization"] for request in vendor.requests] == ["Bearer sk-tiny"] * 2
        with pytest.raises(BudgetReached):
            api(f"{vendor.url}/v1", Meter({NAME: Price(1e6, 0.0)}, 0.01)).score("red", PAGES)
        assert len(vendor.requests) == 2


def test_cross_encoder_reads_each_pair(tmp_path: Path) -> None:
    onnx_models.write_cross_encoder(tmp_path, "Xenova/ms-marco-MiniLM-L-6-v2", {"red": 1, "pump": 2, "cat": -4})
    settings = Settings(reranker="fastembed:xenova/ms-marco-minilm-l-6-v2", models=tmp_path, cache=tmp_path / "cache")
    assert load(settings).score("red", PAGES) == [1 - 4, 1 + 4, 1 + 1]


def test_answering_model_orders_images_and_texts(tmp_path: Path) -> None:
    chart(1, size=(3000, 2000)).save(tmp_path / "page.png")
    asked: list[Asked] = []

    def answer(one: Asked) -> Any:
        asked.append(one)
        return {"pages": [3, 99, 1, 3]}

    with served(openai_routes(answer)) as vendor:
        settings = Settings(reranker="answerer", answerer="openai:tiny", openai=OpenAI(base_url=f"{vendor.url}/v1"))
        meter = Meter({"openai:tiny": Price(1.0, 1.0)})
        found = load(settings, meter, tmp_path / "page.png").score("red", PAGES)
        assert sorted(range(3), key=lambda index: -found[index]) == [2, 0, 1]
    (one,) = asked
    assert len(one.images) == 1
    assert max(Image.open(BytesIO(one.images[0])).size) == MAX_SIDE
    words = "".join(one.texts)
    assert '{"question": "red"}' in words
    assert '{"text": "red red pump"}' in words
    assert "a cat" not in words, "its image is shown"
    assert meter.spent > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reranker": "magic"}, "no reranker is called `magic`; write one of: fastembed:"),
        ({"reranker": "rerank"}, "reranker rerank needs a model name"),
        ({"reranker": "rerank:tiny"}, "needs an address in the setting `rerank.base_url`"),
        ({"reranker": "answerer"}, "set `answerer` to the model"),
        ({"reranker": "fastembed:magic"}, "no model is called `magic`; known: BAAI/bge-reranker-base"),
    ],
)
def test_unusable_settings_are_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load(Settings(**settings))


def test_missing_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = Settings(reranker="fastembed:BAAI/bge-reranker-base", models=tmp_path, cache=tmp_path)
    with pytest.raises(ModelError, match="hf download BAAI/bge-reranker-base"):
        load(settings).score("red", PAGES)
