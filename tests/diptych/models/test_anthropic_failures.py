"""What fails between us and Anthropic: told in a sentence, tried again or not, and without the key."""

from __future__ import annotations

import time
import traceback
from typing import Any

import pytest

from diptych.errors import ProviderError, SettingsError
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.prices import Usage
from diptych.settings import Anthropic, Settings
from tests.support.anthropic_fixtures import HAIKU, NAME, QUESTION, SECRET, model
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.anthropic_server import error
from tests.support.http_server import Answer, Vendor, served

FAILURES = [
    (
        error(400, "invalid_request_error", "messages: wrong"),
        "the request is not accepted (400: messages: wrong)",
        0,
        0,
    ),
    (error(401, "authentication_error", "invalid key"), "the key is not accepted", 0, 1),
    (error(402, "billing_error", "no money"), "the account has to be paid first", 0, 1),
    (error(400, "invalid_request_error", "Your credit balance is too low"), "the account has to be paid first", 0, 1),
    (error(403, "permission_error", "no"), "this is not allowed", 0, 1),
    (error(404, "not_found_error", "model: claude-x"), "no such model or address", 0, 1),
    (error(413, "request_too_large", "too large"), "the request is too large", 0, 0),
    (error(429, "rate_limit_error", "slow down"), "the limit of requests or tokens is reached", 1, 0),
    (error(500, "api_error", "oops"), "the server has a fault (500: oops)", 1, 0),
    (error(529, "overloaded_error", "Overloaded"), "the provider is overloaded (529: Overloaded)", 1, 0),
    (Answer(503, "<html>down</html>", {"content-type": "text/html"}), "not available (503: no reason given)", 1, 0),
    (Answer(200, "<!DOCTYPE html><html>", {"content-type": "text/html"}), "a page of HTML", 1, 0),
    (Answer(200, '{"id": "msg_1", "content": [', {}), "broken JSON", 1, 0),
    (Answer(200, {"id": "msg_1"}), "no answer of the Messages API (`content`", 1, 0),
    (Answer(200, {"content": [{"type": "text", "text": "x" * 999}]}, cut=100), "the connection was lost", 1, 0),
    (Answer(200, {}, seconds=2), "it did not answer in time", 1, 0),
]


@pytest.mark.parametrize(("answer", "sentence", "transient", "account"), FAILURES)
@pytest.mark.parametrize("streamed", [False, True])
def test_failures_are_told_in_a_sentence(
    vendor: Vendor, answer: Answer, sentence: str, transient: int, account: int, streamed: bool
) -> None:
    vendor.faults.append(answer)
    with pytest.raises(ProviderError) as caught:  # too little time for a second attempt
        model(vendor, seconds=0.25).ask(QUESTION, (lambda text: None) if streamed else None)
    if not streamed or answer.status >= 400 or answer.seconds:
        assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{NAME}: ")
    assert "\n" not in str(caught.value)
    assert (caught.value.transient, caught.value.about) == (bool(transient), "account" if account else "item")
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(vendor: Vendor, status: int) -> None:
    vendor.faults += [error(status, "api_error", "wait", {"retry-after": "0"})] * 2
    assert model(vendor).ask(QUESTION).text == "An answer in words."
    assert len(vendor.requests) == 3  # none by the SDK itself


@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {"retry-after-ms": "1000"}])
def test_a_wait_that_is_asked_for_is_kept(vendor: Vendor, headers: dict[str, str]) -> None:
    vendor.faults.append(error(429, "rate_limit_error", "wait", headers))
    before = time.monotonic()
    model(vendor).ask(QUESTION)
    assert 1 <= time.monotonic() - before < 3


def test_a_wait_that_is_too_long_ends_it(vendor: Vendor) -> None:
    vendor.faults.append(error(429, "rate_limit_error", "wait", {"retry-after": "3600"}))
    with pytest.raises(ProviderError, match="asks to wait 3600 s") as caught:
        model(vendor).ask(QUESTION)
    assert caught.value.transient


def test_a_spend_limit_is_not_waited_for(vendor: Vendor) -> None:
    body = {"message": "limit", "type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}
    vendor.faults.append(Answer(429, {"type": "error", "error": body}))
    with pytest.raises(ProviderError, match="has to be paid first") as caught:
        model(vendor).ask(QUESTION)
    assert (caught.value.transient, caught.value.about) == (False, "account")


def test_a_server_that_is_not_there_is_named_as_such() -> None:
    with served() as gone:
        pass
    with pytest.raises(ProviderError, match="the server cannot be reached") as caught:
        model(gone, seconds=0.2).ask(QUESTION)
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
def test_a_stream_that_broke_before_its_first_word_is_asked_again(vendor: Vendor, start: Answer) -> None:
    vendor.faults.append(start)
    told: list[str] = []
    assert model(vendor).ask(QUESTION, told.append).text == "".join(told) == "An answer in words."
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    "broken",
    [
        stream(START, BLOCK, DELTA),
        stream(START, BLOCK, DELTA, OVERLOADED),
        stream(START, BLOCK, DELTA, {"type": "content_block_delta", "index": 7, "delta": DELTA["delta"]}),
        Answer(200, stream(START, BLOCK, DELTA, DELTA).content, {"content-type": "text/event-stream"}, cut=560),
    ],
)
def test_a_stream_that_broke_after_some_words_is_not_told_twice(vendor: Vendor, broken: Answer) -> None:
    vendor.faults.append(broken)
    told, meter = list[str](), Meter()
    with pytest.raises(ProviderError, match="broke off, ask again") as caught:
        model(vendor, meter).ask(QUESTION, told.append)
    assert caught.value.transient
    assert told == ["Half an "]
    assert len(vendor.requests) == 1
    assert meter.usage() == {(NAME, False): Usage(90, 0, 1, 1)}  # what came is paid


def test_a_listener_that_fails_is_not_taken_for_the_provider(vendor: Vendor) -> None:
    def closed(text: str) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        model(vendor).ask(QUESTION, closed)
    assert len(vendor.requests) == 1


def test_the_key_is_told_to_nobody(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    claude = model(vendor)
    claude.ask(QUESTION)
    vendor.faults.append(error(401, "authentication_error", f"invalid x-api-key: {SECRET} or sk-ant-b..."))
    with pytest.raises(ProviderError) as caught:
        claude.ask(QUESTION)
    shown = "".join(traceback.format_exception(caught.value)) + repr(claude) + caplog.text + "".join(capfd.readouterr())
    assert "invalid x-api-key: *** or ***" in shown
    assert SECRET not in shown


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://models", "https://"])
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(SettingsError, match=r"`anthropic\.base_url` is"):
        providers.load_vision_model(NAME, Settings(anthropic=Anthropic(base_url=url)), Meter()).ask(QUESTION)
