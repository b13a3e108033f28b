"""Failures of requests to Anthropic: their messages, retries, and keys that never appear in them."""

from __future__ import annotations

import time
import traceback
from typing import Any

import pytest

from diptych.endpoints import Anthropic
from diptych.errors import BudgetReached, ProviderError, SettingsError
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.prices import Price, Usage
from diptych.settings import Settings
from tests.support.anthropic_fixtures import HAIKU, NAME, QUESTION, SECRET, model
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.anthropic_server import error
from tests.support.http_server import Answer, Vendor, served

REJECTED, UNPAID, WEB_PAGE = "rejected the request", "requires payment", "<!DOCTYPE html><html>"
FAILURES = [
    (error(400, "invalid_request_error", "messages: wrong"), f"{REJECTED} (400: messages: wrong)", False, "item"),
    (error(401, "authentication_error", "invalid key"), "rejected the API key", False, "account"),
    (error(402, "billing_error", "no money"), UNPAID, False, "account"),
    (error(400, "invalid_request_error", "Your credit balance is too low"), UNPAID, False, "account"),
    (error(403, "permission_error", "no"), "denies access", False, "account"),
    (error(404, "not_found_error", "model: claude-x"), "has no such model or address", False, "account"),
    (error(413, "request_too_large", "too large"), "found the request too large", False, "item"),
    (error(429, "rate_limit_error", "slow down"), "reached its limit of requests or tokens", True, "account"),
    (error(500, "api_error", "oops"), "has an internal error (500: oops)", True, "item"),
    (error(529, "overloaded_error", "Overloaded"), "is overloaded (529: Overloaded)", True, "item"),
    (Answer(503, "<html>down</html>", {"content-type": "text/html"}), "is not available (503)", True, "item"),
    (Answer(200, WEB_PAGE, {"content-type": "text/html"}), "answered with a web page", True, "account"),
    (Answer(200, '{"id": "msg_1", "content": [', {}), "broken JSON", True, "item"),
    (Answer(200, {"id": "msg_1"}), "not a message of the Messages API (content: Field required)", True, "item"),
    (Answer(200, {"content": [{"type": "text", "text": "x" * 999}]}, cut=100), "closed the connection", True, "item"),
    (Answer(200, {}, seconds=5), "did not answer in time", True, "item"),
]


@pytest.fixture
def single_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after the first attempt, however slow this machine is."""
    monkeypatch.setattr("diptych.models.request_queue.MAX_ATTEMPTS", 1)


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(("answer", "sentence", "transient", "about"), FAILURES)
@pytest.mark.parametrize("streamed", [False, True])
def test_each_failure_is_described_in_one_sentence(
    vendor: Vendor, answer: Answer, sentence: str, transient: bool, about: str, streamed: bool
) -> None:
    vendor.faults.append(answer)
    with pytest.raises(ProviderError) as caught:
        model(vendor, seconds=1 if answer.seconds else 60).ask(QUESTION, (lambda text: None) if streamed else None)
    if not streamed or answer.status >= 400 or answer.seconds:
        assert sentence in str(caught.value)
        assert caught.value.about == about
    assert str(caught.value).startswith(f"{NAME}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.transient is transient
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_transient_statuses_are_retried(vendor: Vendor, status: int) -> None:
    vendor.faults += [error(status, "api_error", "wait", {"retry-after": "0"})] * 2
    assert model(vendor).ask(QUESTION).text == "An answer in words."
    assert len(vendor.requests) == 3  # the SDK itself retries nothing


@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {"retry-after-ms": "1000"}])
def test_retry_after_is_respected(vendor: Vendor, headers: dict[str, str]) -> None:
    vendor.faults.append(error(429, "rate_limit_error", "wait", headers))
    before = time.monotonic()
    model(vendor).ask(QUESTION)
    assert time.monotonic() - before >= 1


def test_a_retry_after_above_the_limit_is_not_waited_for(vendor: Vendor) -> None:
    vendor.faults.append(error(429, "rate_limit_error", "wait", {"retry-after": "3600"}))
    with pytest.raises(ProviderError, match="asks to wait 3600 s") as caught:
        model(vendor).ask(QUESTION)
    assert caught.value.transient


def test_a_spend_limit_is_not_retried(vendor: Vendor) -> None:
    body = {"message": "limit", "type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}
    vendor.faults.append(Answer(429, {"type": "error", "error": body}))
    with pytest.raises(ProviderError, match="requires payment") as caught:
        model(vendor).ask(QUESTION)
    assert (caught.value.transient, caught.value.about) == (False, "account")


@pytest.mark.usefixtures("single_attempt")
def test_an_unreachable_server_is_reported_as_such() -> None:
    with served() as gone:
        pass
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1 cannot be reached") as caught:
        model(gone).ask(QUESTION)
    assert caught.value.transient


def stream(*events: dict[str, Any]) -> Answer:
    body = b"".join(f"event: {event['type']}\ndata: ".encode() + _json(event) + b"\n\n" for event in events)
    return Answer(200, body, {"content-type": "text/event-stream"})


def _json(event: dict[str, Any]) -> bytes:
    return Answer(body=event).content


START = {
    "type": "message_start",
    "message": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": HAIKU,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 90, "output_tokens": 1},
    },
}
BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Half an "}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    "start", [stream(START, OVERLOADED), stream(START, BLOCK), stream(), stream(DELTA), stream(BLOCK, START)]
)
def test_a_stream_that_stops_before_its_first_text_is_retried(vendor: Vendor, start: Answer) -> None:
    vendor.faults.append(start)
    texts: list[str] = []
    assert model(vendor).ask(QUESTION, texts.append).text == "".join(texts) == "An answer in words."
    assert len(vendor.requests) == 2


def test_streams_that_stop_again_and_again_do_not_exceed_the_budget(vendor: Vendor) -> None:
    vendor.faults += [stream(START, BLOCK)] * 3
    price = Price(1000.0, 5.0)
    meter = Meter({NAME: price}, budget=1.5 * price.max_cost(model(vendor).max_usage(QUESTION)))
    with pytest.raises(BudgetReached):
        model(vendor, meter).ask(QUESTION, list[str]().append)
    assert meter.budget is not None
    assert 0 < meter.spent <= meter.budget


@pytest.mark.parametrize(
    "broken",
    [
        stream(START, BLOCK, DELTA),
        stream(START, BLOCK, DELTA, OVERLOADED),
        stream(START, BLOCK, DELTA, {"type": "content_block_delta", "index": 7, "delta": DELTA["delta"]}),
        Answer(200, stream(START, BLOCK, DELTA, DELTA).content, {"content-type": "text/event-stream"}, cut=560),
    ],
)
def test_a_stream_that_stops_after_some_text_is_not_repeated(vendor: Vendor, broken: Answer) -> None:
    vendor.faults.append(broken)
    texts, meter = list[str](), Meter()
    with pytest.raises(ProviderError, match="the answer stopped in the middle, ask again") as caught:
        model(vendor, meter).ask(QUESTION, texts.append)
    assert caught.value.transient
    assert texts == ["Half an "]
    assert len(vendor.requests) == 1
    assert meter.usage() == {(NAME, False): Usage(90, 0, 4, 1)}  # what arrived is charged: two bytes are a token


def test_an_error_of_the_listener_is_raised_as_it_is(vendor: Vendor) -> None:
    def closed(text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        model(vendor).ask(QUESTION, closed)
    assert len(vendor.requests) == 1


def test_the_key_never_appears(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    claude = model(vendor)
    claude.ask(QUESTION)
    vendor.faults.append(error(401, "authentication_error", f"invalid x-api-key: {SECRET} or sk-ant-b..."))
    with pytest.raises(ProviderError) as caught:
        claude.ask(QUESTION)
    shown = "".join(traceback.format_exception(caught.value)) + repr(claude) + caplog.text + "".join(capfd.readouterr())
    assert "invalid x-api-key: [key] or [key]" in shown
    assert SECRET not in shown


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://models", "https://"])
def test_an_invalid_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"`anthropic\.base_url` is"):
        providers.load_vision_model(NAME, Settings(anthropic=Anthropic(base_url=url)), Meter()).ask(QUESTION)
