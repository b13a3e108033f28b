"""The application: errors, headers and addresses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.errors import SettingsError
from diptych.serve.api import state
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions
from tests.support.scripted_library import scripted_library
from tests.support.served_store import ADDRESS


def test_every_response_has_security_headers(client: TestClient) -> None:
    for path in ("/api/v1/search?q=pump", "/api/v1/search", "/nothing", "/api/v1/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_every_parameter_of_the_api_is_described(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"].values()
    parameters = [one for path in paths for route in path.values() for one in route.get("parameters", ())]
    assert parameters
    assert [one["name"] for one in parameters if "description" not in one.keys() | one["schema"].keys()] == []


def test_errors_are_problems_with_the_sentence_of_the_command_line(client: TestClient) -> None:
    answer = client.get("/api/v1/search", params={"q": "pump", "where": "page >"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["detail"] == (
        'filter, column 7: expected a number, a date, true, false or a text in quotes ("…"), found the end'
    )
    missing, refused = client.get("/api/v1/find").json(), client.put("/api/v1/search")
    assert (missing["status"], missing["detail"]) == (404, "there is nothing at this address; see /api/v1/openapi.json")
    assert refused.json()["detail"] == "there is no PUT at this address; see /api/v1/openapi.json"
    assert refused.headers["allow"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_address_that_others_reach_requires_a_token(host: str) -> None:
    with pytest.raises(SettingsError, match="DIPTYCH_TOKEN"):
        ServeOptions(host=host)
    with pytest.raises(SettingsError, match="shorter than 16"):
        ServeOptions(host=host, token="secret")
    with pytest.raises(SettingsError, match="characters that headers cannot hold"):
        ServeOptions(host=host, token="ein ganz geheimes Paßwort")
    assert ServeOptions(host=host, token="0123456789abcdef").host == host


def test_health_of_a_store_that_the_first_ingest_will_create(tmp_path: Path) -> None:
    with (
        Diptych.open(Settings(store=str(tmp_path / "store"))) as library,
        TestClient(create_app(library), base_url=ADDRESS) as client,
    ):
        assert (client.get("/api/v1/health").status_code, client.get("/api/v1/health").json()) == (
            200,
            {"status": "empty"},
        )
        answer = client.get("/api/v1/search?q=pump")
        assert (answer.status_code, answer.json()["detail"][:11]) == (503, "no store at")
        assert "diptych_store_up 1.0" in client.get("/api/v1/metrics").text
    assert not (tmp_path / "store").exists()


def test_probes_and_metrics_do_not_wait_for_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "STORE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Diptych.open(Settings(store=store, server_seconds=1)) as library,
            TestClient(create_app(library), base_url=ADDRESS) as client,
        ):
            answer = client.get("/api/v1/health")
            assert (answer.status_code, answer.json()["detail"]) == (
                503,
                "the store did not answer within 0.1 s; check its server",
            )
            metrics = client.get("/api/v1/metrics")
            assert metrics.status_code == 200
            assert "diptych_store_up 0.0" in metrics.text


def test_pages_without_anything_to_show(tmp_path: Path) -> None:
    with (
        scripted_library(tmp_path) as library,
        TestClient(create_app(library), base_url=ADDRESS) as client,
    ):
        for path in (
            "/",
            "/catalogue",
            "/catalogue?q=jacket",
            "/documents?status=failed",
            "/?q=zzz",
            "/ask",
            "/ask?q=zzz",
        ):
            assert client.get(path).status_code == 200, path
