"""Anthropic's batches through the real SDK and a local server: requests, progress and results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from diptych.endpoints import Anthropic
from diptych.errors import ProviderError
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.models.vision import BatchApi, BatchItem, TextPart, VisionRequest
from diptych.prices import Usage
from diptych.settings import Settings
from tests.support.anthropic_server import anthropic_routes, error
from tests.support.http_server import Answer, Vendor, served


class Caption(BaseModel):
    summary: str


def batches(vendor: Vendor, **endpoint: Any) -> BatchApi:
    section = Anthropic(**{"base_url": vendor.url, "seconds": 5.0} | endpoint)
    found = providers.load_vision_model("anthropic:claude-haiku-5-5", Settings(anthropic=section), Meter()).batch_api
    assert found is not None
    return found


def items(*names: str) -> list[BatchItem]:
    return [BatchItem(name, VisionRequest("", (TextPart(f"What is {name}?"),), Caption)) for name in names]


def test_batch_is_submitted_polled_and_fetched() -> None:
    fates = {"a": "succeeded", "b": "errored", "c": "expired", "d": "canceled", "e": "succeeded"}
    with served(anthropic_routes(lambda body: {"summary": "A pump."}, fate=fates.__getitem__, polls=1)) as vendor:
        endpoint = batches(vendor)
        batch = endpoint.submit(items(*fates))
        assert endpoint.progress(batch) == (False, 0, 5)
        assert endpoint.progress(batch) == (True, 5, 5)
        asks = {item.id: item.request for item in items("a", "b", "c", "d")}  # `e` was not requested
        got = endpoint.fetch(batch, asks.get)
    assert got.keys() == asks.keys()
    answer = got["a"]
    assert not isinstance(answer, str)
    assert answer.data == Caption(summary="A pump.")
    assert answer.usage == Usage(100, 4, 20, 1, True, 6)
    assert got["b"] == "the request failed in the batch (api_error: Internal server error)"
    assert got["c"] == "the batch ended after 24 hours before this request was sent"
    assert got["d"] == "the batch was cancelled before this request was sent"
    paths = [request.path for request in vendor.requests]
    assert paths == [
        "/v1/messages/batches",
        *[f"/v1/messages/batches/{batch}"] * 2,
        f"/v1/messages/batches/{batch}/results",
    ]


def test_batch_item_equals_the_ordinary_request() -> None:
    with served(anthropic_routes()) as vendor:
        [item] = items("a")
        section = Settings(anthropic=Anthropic(base_url=vendor.url))
        claude = providers.load_vision_model("anthropic:claude-haiku-5-5", section, Meter())
        claude.ask(item.request)
        batches(vendor).submit([item])
        ordinary, batched = (request.json for request in vendor.requests)
    assert batched == {"requests": [{"custom_id": "a", "params": ordinary}]}


def test_item_sizes_add_up_to_the_body() -> None:
    with served(anthropic_routes()) as vendor:
        endpoint, three = batches(vendor), items("a", "Größe".encode().hex(), "c")
        endpoint.submit(three)
        sizes = [endpoint.size(item) for item in three]
        assert 0 <= sum(sizes) - len(vendor.requests[0].body) + len('{"requests":[]}') < 40 * len(three)
    assert (endpoint.max_requests, endpoint.max_bytes) == (100_000, 256_000_000)


@pytest.mark.parametrize(
    "fault",
    [Answer(200, {}, seconds=5), Answer(200, {"id": "x" * 500}, cut=50), Answer(200, '{"id": '), Answer(200, {})],
)
def test_batch_is_not_submitted_again_when_the_response_is_lost(fault: Answer) -> None:
    with served(anthropic_routes()) as vendor:
        vendor.faults.append(fault)
        with pytest.raises(ProviderError, match="the batch may exist all the same") as caught:
            batches(vendor, seconds=1 if fault.seconds else 60).submit(items("a"))
        assert caught.value.transient
        assert len(vendor.requests) == 1


def test_batch_is_submitted_again_after_a_transient_status() -> None:
    with served(anthropic_routes()) as vendor:
        vendor.faults.append(error(529, "overloaded_error", "Overloaded", {"retry-after": "0"}))
        assert batches(vendor).submit(items("a")) == "msgbatch_1"
        assert len(vendor.requests) == 2


def test_broken_lines_are_skipped() -> None:
    with served(anthropic_routes()) as vendor:
        endpoint = batches(vendor)
        batch = endpoint.submit(items("a", "b", "c"))
        message = {"content": [{"type": "text", "text": '{"summary": "x"}'}]}
        good = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}
        odd = {"custom_id": "b", "result": {"type": "succeeded", "message": {"content": 1}}}
        vendor.faults.append(Answer(200, "\n".join([json.dumps(good), "{bro", "[]", json.dumps(odd)])))
        got = endpoint.fetch(batch, {item.id: item.request for item in items("a", "b", "c")}.get)
    assert sorted(got) == ["a", "b"]
    assert not isinstance(got["a"], str)
    assert "not a message of the Messages API" in str(got["b"])


@pytest.mark.parametrize("fault", [Answer(200, "<html>login</html>"), Answer(200, "x" * 500, cut=20)])
def test_incomplete_results_are_fetched_again(fault: Answer) -> None:
    with served(anthropic_routes()) as vendor:
        endpoint = batches(vendor)
        batch = endpoint.submit(items("a"))
        vendor.faults.append(fault)
        assert endpoint.fetch(batch, {item.id: item.request for item in items("a")}.get).keys() == {"a"}
        assert len(vendor.requests) == 3


def test_unknown_or_unfinished_batch_is_an_error() -> None:
    with served(anthropic_routes(polls=1)) as vendor:
        endpoint = batches(vendor)
        with pytest.raises(ProviderError, match="no batch gone"):
            endpoint.progress("gone")
        with pytest.raises(ProviderError, match="has not ended"):
            endpoint.fetch(endpoint.submit(items("a")), lambda name: None)
