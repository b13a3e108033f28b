"""Failures of requests to OpenAI: their messages, retries, and keys that never appear in them."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from diptych.errors import ProviderError
from diptych.models.meter import Meter
from diptych.prices import Price
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_batch_server import problem
from tests.support.openai_fixtures import APIS, MODEL, QUESTION, SECRET, ask, model
from tests.support.openai_fixtures import key as key
from tests.support.openai_fixtures import routes as routes
from tests.support.openai_fixtures import vendor as vendor
from tests.support.openai_requests import Broken
from tests.support.openai_server import OpenAIRoutes

HTML = Answer(200, "<html><body>Sign in to the network</body></html>", {"content-type": "text/html"})
QUOTA = problem(429, "You exceeded your current quota.", "insufficient_quota")
RATE_LIMITED = problem(429, "Slow down.", "rate_limit_exceeded")
FAILURES: list[tuple[Answer, str, bool, str]] = [
    (RATE_LIMITED, r"reached its limit of requests or tokens \(429: Slow down\.\)", True, "account"),
    (QUOTA, "requires payment: the quota or credit is used up", False, "account"),
    (problem(500, "Oops."), r"127\.0\.0\.1 has an internal error \(500: Oops\.\); given up after 1", True, "item"),
    (Answer(503, "<html>busy</html>", {"content-type": "text/html"}), r"is not available \(503\)", True, "item"),
    (problem(401, f"Incorrect key {SECRET}"), r"rejected the API key in .* OPENAI_API_KEY \(401", False, "account"),
    (problem(403, "Not your country."), "denies access", False, "account"),
    (
        Answer(404, "Not Found"),
        r'or address; .*; if it speaks only the Chat API, set `openai\.api = "chat"`',
        False,
        "account",
    ),
    (problem(404, "No such model.", "model_not_found"), "has no such model or address", False, "account"),
    (problem(400, "Unsupported image."), r"rejected the request \(400: Unsupported image\.\)", False, "item"),
    (problem(400, "Bad schema.", "invalid_json_schema"), "rejected the request", False, "account"),
    (Answer(413, "too big"), r"too large; .* \(413: too big\)", False, "item"),
    (HTML, r"answered with a web page or text instead of JSON; check `openai\.base_url`", True, "account"),
    (Answer(200, '{"output": [{"type": "mess'), "answered with broken JSON", True, "item"),
    (Answer(200, {"hello": "world"}), "answered with JSON that is not a response", False, "account"),
    (Answer(200, {"output": "none"}), "answered with JSON that is not a response", False, "account"),
    (Answer(200, '{"output": []}' + " " * 99, cut=20), "closed the connection", True, "item"),
    (Answer(200, "{}", seconds=5), "did not answer in time", True, "item"),
]


@pytest.fixture
def single_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up after the first attempt, however slow this machine is."""
    monkeypatch.setattr("diptych.models.request_queue.MAX_ATTEMPTS", 1)


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize(("fault", "sentence", "transient", "about"), FAILURES)
def test_each_failure_is_described_in_one_sentence(
    fault: Answer, sentence: str, transient: bool, about: str, vendor: Vendor
) -> None:
    vendor.faults.append(fault)
    meter = Meter({MODEL: Price(1, 1)}, budget=1)
    with pytest.raises(ProviderError, match=sentence) as error:
        model(vendor, meter, seconds=1 if fault.seconds else 60).ask(ask())
    assert str(error.value).startswith(f"{MODEL}: 127.0.0.1 ")
    assert (error.value.transient, error.value.about) == (transient, about)
    assert (len(vendor.requests), meter.usage()) == (1, {})
    assert "\n" not in str(error.value)
    assert SECRET not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    "fault",
    [
        problem(429, "Slow down.", headers={"retry-after": "0"}),
        problem(500, "Oops.", headers={"retry-after-ms": "1"}),
        problem(503, "Busy.", headers={"retry-after": "0.001"}),
    ],
)
def test_transient_failures_are_retried(fault: Answer, vendor: Vendor) -> None:
    vendor.faults += [fault] * 2
    meter = Meter()
    assert model(vendor, meter).ask(ask()).data
    assert len(vendor.requests) == 3
    assert meter.usage()[MODEL, False].requests == 1


def test_a_retry_after_above_the_limit_is_not_waited_for(vendor: Vendor) -> None:
    vendor.faults.append(problem(429, "Slow down.", headers={"retry-after": "3600"}))
    with pytest.raises(ProviderError, match="it asks to wait 3600 s") as error:
        model(vendor).ask(ask())
    assert error.value.transient
    assert len(vendor.requests) == 1


def test_a_transient_failure_inside_a_response_is_retried(vendor: Vendor, routes: OpenAIRoutes) -> None:
    answers: list[Any] = [Broken(), "Now it works."]
    routes.answer = lambda asked: answers.pop(0)
    assert model(vendor).ask(QUESTION).text == "Now it works."


@pytest.mark.usefixtures("single_attempt")
def test_an_unreachable_server_is_reported_as_such() -> None:
    with served() as vendor:
        pass
    with pytest.raises(ProviderError, match=r"127\.0\.0\.1 cannot be reached .*`openai\.base_url`") as error:
        model(vendor).ask(ask())
    assert (error.value.transient, error.value.about) == (True, "account")


def _broken_stream(routes: OpenAIRoutes, change: Callable[[str], str]) -> Callable[[Request], Answer | None]:
    def route(request: Request) -> Answer | None:
        answer = routes(request)
        assert answer
        return Answer(200, change(answer.body), answer.headers)

    return route


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_stops_before_its_first_text_is_retried(api: str, vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.answer, texts = lambda asked: "Whole.", list[str]()
    vendor.faults.append(_broken_stream(routes, lambda text: text[: text.index("\n\n") + 2]))
    assert model(vendor, api=api).ask(QUESTION, texts.append).text == "".join(texts) == "Whole."
    assert len(vendor.requests) == 2


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_stops_after_some_text_is_not_repeated(api: str, vendor: Vendor, routes: OpenAIRoutes) -> None:
    routes.answer, texts = lambda asked: "The end of this is missing.", list[str]()
    vendor.faults.append(_broken_stream(routes, lambda text: text[: len(text) // 2]))
    meter = Meter()
    asked = model(vendor, meter, api=api)
    with pytest.raises(ProviderError, match="the answer stopped in the middle, ask again") as error:
        asked.ask(QUESTION, texts.append)
    assert error.value.transient
    assert "The end of this is missing.".startswith("".join(texts))
    assert texts
    assert len(vendor.requests) == 1
    assert meter.usage() == {(MODEL, False): asked.max_usage(QUESTION)}  # the usage comes at the end of a stream
    assert meter.uncounted == {MODEL}


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_the_listener_ends_is_charged(api: str, vendor: Vendor, routes: OpenAIRoutes) -> None:
    def closed(text: str) -> None:
        raise BrokenPipeError

    routes.answer, meter = lambda asked: "Nobody listens.", Meter()
    asked = model(vendor, meter, api=api)
    with pytest.raises(BrokenPipeError):
        asked.ask(QUESTION, closed)
    assert meter.usage() == {(MODEL, False): asked.max_usage(QUESTION)}


def test_an_error_inside_a_stream_is_raised(vendor: Vendor, routes: OpenAIRoutes) -> None:
    event = {"type": "error", "code": "invalid_image", "message": "The picture cannot be read.", "sequence_number": 1}
    vendor.faults.append(
        Answer(200, f"event: error\ndata: {json.dumps(event)}\n\n", {"content-type": "text/event-stream"})
    )
    with pytest.raises(ProviderError, match=r"failed: The picture cannot be read\.") as error:
        model(vendor).ask(QUESTION, print)
    assert not error.value.transient


@pytest.mark.usefixtures("single_attempt")
def test_a_web_page_instead_of_a_stream_is_an_error(vendor: Vendor) -> None:
    vendor.faults.append(HTML)
    with pytest.raises(ProviderError, match="web page"):
        model(vendor).ask(QUESTION, print)


@pytest.mark.usefixtures("single_attempt")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_key_that_the_server_repeats_never_appears(
    status: int, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    message = f"Bad key {SECRET}, or sk-other-abcdefgh12345678, at Bearer abcdefgh12345678"
    vendor.faults.append(problem(status, message))
    made = model(vendor)
    with pytest.raises(ProviderError) as error:
        made.ask(ask())
    shown = "".join(traceback.format_exception(error.value)) + caplog.text + repr(made) + repr(error.value)
    assert SECRET not in shown
    assert "abcdefgh12345678" not in shown


def test_long_server_messages_are_cut(vendor: Vendor) -> None:
    vendor.faults.append(problem(400, "x\n" * 5000))
    with pytest.raises(ProviderError) as error:
        model(vendor).ask(ask())
    assert len(str(error.value)) < 400
