"""The application: errors, headers and addresses."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from diptych.errors import SettingsError
from diptych.serve.options import ServeOptions


def test_every_response_has_security_headers(client: TestClient) -> None:
    for path in ("/api/v1/search?q=pump", "/api/v1/search", "/nothing", "/api/v1/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"


def test_errors_are_problems_with_the_sentence_of_the_command_line(client: TestClient) -> None:
    answer = client.get("/api/v1/search", params={"q": "pump", "where": "page >"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["detail"] == (
        'filter, column 7: expected a number, a date, true, false or a text in quotes ("…"), found the end'
    )
    assert client.get("/nothing").json()["status"] == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_address_that_others_reach_requires_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="DIPTYCH_TOKEN"):
        ServeOptions(host=host)
    with pytest.raises(SettingsError, match="shorter than 16"):
        ServeOptions(host=host, token="secret")
    assert ServeOptions(host=host, token="0123456789abcdef").host == host
