"""OpenAI's batches through the real SDK and a local server: both files, partial results, no duplicate batches."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from diptych.endpoints import OpenAI
from diptych.errors import ProviderError
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.models.openai.embeddings import BatchEmbedding, EmbeddingBatchApi
from diptych.models.vision import BatchApi, BatchItem, Reply, TextPart, VisionRequest
from diptych.prices import Price, Usage
from diptych.settings import Settings
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_fixtures import MODEL, SECRET
from tests.support.openai_fixtures import key as key
from tests.support.openai_fixtures import vendor as vendor
from tests.support.openai_requests import Broken, Cut
from tests.support.openai_server import OpenAIRoutes, openai_routes


class Seen(BaseModel):
    text: str


@pytest.fixture
def routes() -> OpenAIRoutes:
    return openai_routes(answer=lambda asked: {"text": asked.texts[0].upper()}, key=SECRET)


def batches(vendor: Vendor, api: Any = "responses") -> BatchApi:
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", api=api, seconds=20)
    found = providers.load_vision_model(MODEL, Settings(openai=endpoint), Meter()).batch_api
    assert found
    return found


ASKS = {name: VisionRequest("Describe.", (TextPart(name),), Seen) for name in ("one", "two", "three")}
ITEMS = [BatchItem(name, ask) for name, ask in ASKS.items()]


def texts(results: dict[str, Reply | str]) -> dict[str, str]:
    return {
        name: result
        if isinstance(result, str)
        else result.data.text
        if isinstance(result.data, Seen)
        else result.refusal
        for name, result in results.items()
    }


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_results_are_matched_by_id_in_any_order(api: str, vendor: Vendor, routes: OpenAIRoutes) -> None:
    made = batches(vendor, api)
    batch = made.submit(ITEMS)
    assert made.progress(batch) == (True, 3, 3)
    results = made.fetch(batch, ASKS.get)
    assert texts(results) == {"one": "ONE", "two": "TWO", "three": "THREE"}
    assert list(results) != list(ASKS)
    assert routes.batches[batch]["endpoint"] == {"responses": "/v1/responses", "chat": "/v1/chat/completions"}[api]


def test_batch_costs_half(vendor: Vendor) -> None:
    made = batches(vendor)
    reply = made.fetch(made.submit(ITEMS[:1]), ASKS.get)["one"]
    assert isinstance(reply, Reply)
    assert reply.usage.batched
    assert Price(2, 2).cost(reply.usage) == pytest.approx((reply.usage.input_tokens + reply.usage.output_tokens) / 1e6)


def test_running_batch_has_not_ended(vendor: Vendor, routes: OpenAIRoutes) -> None:
    made, routes.batches_end = batches(vendor), False
    batch = made.submit(ITEMS)
    assert made.progress(batch) == (False, 0, 3)
    routes.batches_end = True
    assert made.progress(batch) == (True, 3, 3)


def test_failed_item_has_a_reason_and_the_others_answers(vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.batch_faults["two"] = 500
    made = batches(vendor)
    batch = made.submit(ITEMS)
    assert made.progress(batch) == (True, 3, 3)
    results = made.fetch(batch, ASKS.get)
    assert texts(results) == {"one": "ONE", "two": "This request failed with 500. (500)", "three": "THREE"}


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_batch_that_ended_early_returns_partial_results(status: str, vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.batch_status, routes.batch_faults = status, {"one": 1, "three": 1}
    made = batches(vendor)
    results = made.fetch(made.submit(ITEMS), ASKS.get)
    words = f"This request was not executed before the batch {status}."
    assert texts(results) == {"one": words, "two": "TWO", "three": words}


def test_failed_batch_is_an_error_with_its_reason(vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.batch_status = "failed"
    made = batches(vendor)
    batch = made.submit(ITEMS)
    assert made.progress(batch)[0]
    with pytest.raises(ProviderError, match=f"batch {batch} failed: Enqueued token limit reached") as error:
        made.fetch(batch, ASKS.get)
    assert (error.value.transient, error.value.about) == (False, "item")


def test_unusable_answers_are_final_or_retriable(vendor: Vendor, routes: OpenAIRoutes) -> None:
    answers = {"one": Cut('{"te'), "two": "no JSON", "three": Broken(message="Oops.")}
    routes.answer = lambda asked: answers[asked.texts[0]]
    made = batches(vendor)
    results = made.fetch(made.submit(ITEMS), ASKS.get)
    assert isinstance(results["two"], Reply)
    assert results["two"].usage.output_tokens > 0
    assert texts(results) == {
        "one": "cut off at the token limit",
        "two": "the answer does not match the schema",
        "three": f"{MODEL}: 127.0.0.1 failed: Oops.",
    }


def test_foreign_and_broken_lines_are_skipped(vendor: Vendor, routes: OpenAIRoutes) -> None:
    made = batches(vendor)
    batch = made.submit(ITEMS)
    made.progress(batch)
    name = routes.batches[batch]["output_file_id"]
    whole = {"custom_id": "one", "response": {"status_code": 200, "body": [1]}, "error": None}
    routes.files[name] += (
        b'\n{"custom_id": "o\n[]\nnull\n{"custom_id": "four"}\n\xff\xfe\n' + json.dumps(whole).encode()
    )
    results = made.fetch(batch, {"one": ASKS["one"], "two": ASKS["two"]}.get)
    assert texts(results) == {
        "one": f"{MODEL}: 127.0.0.1 answered with a web page or text instead of JSON; check `openai.base_url`",
        "two": "TWO",
    }


def test_batch_whose_creation_was_not_confirmed_is_found(vendor: Vendor, routes: OpenAIRoutes) -> None:
    def lost(request: Request) -> Answer | None:
        assert request.path == "/v1/batches"
        routes(request)
        return Answer(200, "{}", cut=0)

    vendor.faults += [lambda request: None, lost]
    made = batches(vendor)
    batch = made.submit(ITEMS)
    assert list(routes.batches) == [batch]
    assert made.progress(batch)[0]


def test_server_without_batch_api_is_reported() -> None:
    with served() as vendor, pytest.raises(ProviderError, match=r"127\.0\.0\.1 has no batch API") as error:
        batches(vendor).submit(ITEMS)
    assert (error.value.transient, error.value.about) == (False, "account")


def test_unknown_batch_is_an_error_about_the_item(vendor: Vendor) -> None:
    for ask in (batches(vendor).progress, lambda batch: batches(vendor).fetch(batch, ASKS.get)):
        with pytest.raises(ProviderError, match="has no batch batch_99") as error:
            ask("batch_99")
        assert (error.value.transient, error.value.about) == (False, "item")


def test_ids_with_path_characters_are_refused(vendor: Vendor) -> None:
    with pytest.raises(ProviderError):
        batches(vendor).progress("../files/secret")
    assert vendor.requests == []


def test_item_size_is_what_it_adds_to_the_file(vendor: Vendor, routes: OpenAIRoutes) -> None:
    made = batches(vendor)
    items = [*ITEMS, BatchItem("four", VisionRequest("Beschreibe.", (TextPart("Größe 图"),)))]
    batch = made.submit(items)
    assert sum(map(made.size, items)) == len(routes.files[routes.batches[batch]["input_file_id"]])


def _embeddings(vendor: Vendor, size: int = 4) -> EmbeddingBatchApi:
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", seconds=20)
    return EmbeddingBatchApi("openai:text-embedding-3-small", "text-embedding-3-small", size, endpoint)


def test_texts_are_embedded_through_batches(vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.vector = lambda text, size: [len(text), 0, 0, 3]
    routes.batch_faults["c"] = 429
    made = _embeddings(vendor)
    pairs = [("a", "1234"), ("b", ""), ("c", "x")]
    batch = made.submit(pairs)
    file = routes.files[routes.batches[batch]["input_file_id"]]
    assert sum(made.size(*pair) for pair in pairs) == len(file)
    assert json.loads(file.splitlines()[0])["body"]["dimensions"] == 4
    assert made.progress(batch) == (True, 3, 3)
    results = made.fetch(batch)
    assert results["c"] == "This request failed with 429. (429)"
    found = results["a"]
    assert isinstance(found, BatchEmbedding)
    np.testing.assert_allclose(found.vector, [0.8, 0, 0, 0.6], rtol=1e-6)
    assert found.usage == Usage(2, requests=1, batched=True)
    assert made.max_usage("1234").input_tokens >= found.usage.input_tokens
    assert isinstance(results["b"], BatchEmbedding)
    assert list(made.fetch(batch, lambda id: id == "a")) == ["a"]


def test_unusable_vector_is_described_in_one_sentence(vendor: Vendor, routes: OpenAIRoutes) -> None:
    vectors = {"short": [1.0], "zero": [0.0] * 4, "nan": [float("nan")] * 4}
    routes.vector = lambda text, size: vectors[text]
    made = _embeddings(vendor)
    results = made.fetch(made.submit([(name, name) for name in vectors]))
    assert "vectors of 1 numbers instead of 4" in str(results["short"])
    assert all(isinstance(result, str) for result in results.values())
    assert len(results) == 3
