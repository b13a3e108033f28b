"""What the messages about a server say."""

from __future__ import annotations

import json

import httpx
import pytest
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from diptych.store.server.failures import explain_failure, is_temporary


def response(code: int, reason: str) -> UnexpectedResponse:
    body = json.dumps({"status": {"error": reason}, "time": 0.0}).encode()
    return UnexpectedResponse(code, "Phrase", body, httpx.Headers())


@pytest.mark.parametrize(
    ("error", "message", "temporary"),
    [
        (UnexpectedResponse(401, "Unauthorized", b"Must provide an API key", httpx.Headers()), "requires a key", False),
        (response(401, "Invalid API key or JWT"), "rejects the key", False),
        (response(403, "Global access is required"), "rejects the key", False),
        (response(500, "Service internal error: No space left on device: WAL"), "disk is full", False),
        (response(400, "Disk usage is at 96% of total capacity, exceeding"), "disk is full", False),
        (response(400, "Wrong input: a\nb"), "refuses a request (HTTP 400): Wrong input: a b", False),
        (response(503, "Service unavailable"), "(HTTP 503): Service unavailable", True),
        (UnexpectedResponse(502, "Bad Gateway", b"<html>", httpx.Headers()), "(HTTP 502): Bad Gateway", True),
        (ResponseHandlingException(httpx.ReadTimeout("timed out")), "did not answer in time", True),
        (ResponseHandlingException(RuntimeError("the client has been closed")), "closed", False),
        (ResponseHandlingException(json.JSONDecodeError("a", "<html>", 0)), "answer cannot be read", True),
        (json.JSONDecodeError("Expecting value", "<html>", 0), "answer cannot be read", False),
        (AssertionError("Count points returned None result"), "answer cannot be read", False),
        (ResponseHandlingException(httpx.ConnectError("refused")), "cannot be reached (refused)", True),
    ],
)
def test_failures_are_explained_in_one_sentence(error: Exception, message: str, temporary: bool) -> None:
    explained = explain_failure(error)
    assert message in explained
    assert "\n" not in explained
    assert is_temporary(error) == temporary
