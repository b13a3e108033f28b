"""Which requests reach the application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from diptych import Diptych
from diptych.serve import guard
from diptych.serve.app import create_app
from diptych.serve.guard import Guard
from diptych.serve.options import ServeOptions
from tests.support.served_store import ADDRESS

SECRET = "correct horse battery staple"
SEARCH = "/api/v1/search?q=pump"
PAGE = {"accept": "text/html"}


@pytest.fixture
def locked(served_diptych: Diptych) -> Iterator[TestClient]:
    """A client of a server with a token; it keeps cookies and follows no redirects."""
    app = create_app(served_diptych, ServeOptions(token=SECRET))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as client:
        yield client


def test_programs_send_the_token(locked: TestClient) -> None:
    refused = locked.get(SEARCH)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", "Bearer \u00e9"):
        assert locked.get(SEARCH, headers={b"authorization": wrong.encode()}).status_code == 401
    assert locked.get(SEARCH, headers={"authorization": f"Bearer {SECRET}"}).status_code == 200
    assert locked.get("/api/v1/health").status_code == 200
    for path in ("/api/v1/openapi.json", "/mcp", "/", "/api/v1/pictures/x.png", "/static/../api/v1/search?q=pump"):
        assert locked.get(path).status_code == 401, path


def test_browsers_log_in_with_a_form(locked: TestClient) -> None:
    assert locked.get("/", headers=PAGE).headers["location"] == "/login"
    form = locked.get("/login").text
    assert "password" in form
    assert locked.get(form.partition('stylesheet" href="')[2].partition('"')[0]).status_code == 200
    assert locked.post("/login", data={"token": "wrong"}).status_code == 401
    assert not locked.cookies
    entered = locked.post("/login", data={"token": SECRET})
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert SECRET not in cookie
    assert locked.get(SEARCH).status_code == 200


def test_login_leads_to_the_page_that_was_asked_for(locked: TestClient) -> None:
    form = locked.get(locked.get("/documents?q=a%20%22b%22&page=2", headers=PAGE).headers["location"]).text
    assert 'value="/documents?q=a%20%22b%22&amp;page=2"' in form
    refused = locked.post("/login", data={"token": "wrong", "next": "/documents"})
    assert 'value="/documents"' in refused.text
    entered = locked.post("/login", data={"token": SECRET, "next": "/documents?q=a%20%22b%22&page=2"})
    assert entered.headers["location"] == "/documents?q=a%20%22b%22&page=2"


@pytest.mark.parametrize("place", ["//x.example/", "/\\x.example", "https://x.example", "\\\\x.example"])
def test_login_never_leads_to_another_server(locked: TestClient, place: str) -> None:
    found = locked.post("/login", data={"token": SECRET, "next": place}).headers["location"]
    assert re.match(r"/[a-z]", found)


def test_address_with_the_token_is_exchanged_for_a_cookie(locked: TestClient) -> None:
    assert locked.get("/", params={"token": "wrong"}).status_code == 401
    page = locked.get("/", params={"q": 'a "pump"', "token": SECRET})
    assert SECRET not in page.text
    assert 'content="0; url=/?q=a+%22pump%22"' in page.text
    assert locked.get(SEARCH).status_code == 200
    assert 'url=/evil.example"' in locked.get(f"{ADDRESS}//evil.example", params={"token": SECRET}).text


def test_forged_and_old_cookies_are_refused(locked: TestClient) -> None:
    locked.post("/login", data={"token": SECRET})
    end, _, signature = locked.cookies["diptych"].partition(".")
    locked.cookies.clear()
    forged = (f"{int(end) + 1}.{signature}", f"1.{signature}", "x", ".", f"{end}.", f"{end}.{'0' * 64}", "9" * 5000)
    for value in forged:
        assert locked.get(SEARCH, headers={"cookie": f"diptych={value}"}).status_code == 401
    assert locked.get(SEARCH, headers={"cookie": f"diptych={end}.{signature}"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8321",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "[",
        "",
        "127.0.0.1#evil.example",
        "evil.example\\@127.0.0.1",
    ],
)
def test_names_of_others_are_refused(client: TestClient, host: str) -> None:
    answer = client.get(SEARCH, headers={"host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1", "[::1]:8321", "192.168.1.5:80", "search.example"])
def test_own_names_and_addresses_are_accepted(served_diptych: Diptych, host: str) -> None:
    app = create_app(served_diptych, ServeOptions(allowed_hosts=("Search.example",)))
    assert TestClient(app, base_url=ADDRESS).get(SEARCH, headers={"host": host}).status_code == 200


REFUSED = (
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    {"origin": "http://evil.example"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "null"},
)
ACCEPTED: tuple[dict[str, str], ...] = (
    {},
    {"sec-fetch-site": "same-origin", "origin": ADDRESS},
    {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    {"origin": ADDRESS},
)


@pytest.mark.parametrize("headers", REFUSED)
def test_requests_of_other_pages_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get(SEARCH, headers=headers).status_code == 403
    assert client.post("/api/v1/search", data={"q": "pump"}, headers=headers).status_code == 403
    assert client.post("/mcp", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", ACCEPTED)
def test_requests_of_the_own_page_and_of_programs_are_accepted(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/v1/search", data={"q": "pump"}, headers=headers).status_code == 200


def test_links_to_the_page_may_be_followed(client: TestClient) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", headers=link).status_code != 403
    assert client.post("/", headers=link).status_code == 403
    assert client.get("/", headers=link | {"sec-fetch-dest": "iframe"}).status_code == 403


def test_large_requests_are_refused_before_they_are_read(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_BODY", 10_000)
    image = {"image": ("x.png", bytes(20_000))}
    announced = client.post("/api/v1/search", files=image)
    assert (announced.status_code, announced.headers["content-type"]) == (413, "application/problem+json")

    def chunks() -> Iterator[bytes]:
        yield from [bytes(1000)] * 20

    streamed = {"content-type": "multipart/form-data; boundary=x"}
    assert client.post("/api/v1/search", content=chunks(), headers=streamed).status_code == 413


def test_each_client_has_a_rate(served_diptych: Diptych) -> None:
    client = TestClient(create_app(served_diptych, ServeOptions(rate=0.5)), base_url=ADDRESS)
    assert [client.get("/api/v1/health").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/api/v1/health")
    assert int(refused.headers["retry-after"]) in (1, 2)
    assert refused.json()["detail"].startswith("too many requests; try again in ")


def test_a_call_of_a_tool_counts_as_one_request(served_diptych: Diptych) -> None:
    app = create_app(served_diptych, ServeOptions(rate=5))
    with TestClient(app, base_url=ADDRESS) as client:
        assert {client.post("/mcp", json={}).status_code for _ in range(15)}.isdisjoint({429})


def test_slow_requests_and_slow_answers_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await receive()
        await asyncio.Event().wait()

    async def status(method: str) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": "/x", "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await Guard(application, ServeOptions())(scope, receive, send)
        return int(sent[0]["status"])

    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)
    assert asyncio.run(status("POST")) == 408
    monkeypatch.setattr(guard, "MAX_SECONDS", 0.01)
    assert asyncio.run(status("GET")) == 504


@pytest.mark.parametrize("path", ["/", SEARCH, "/api/v1/health", "/metrics"])
def test_heads_are_those_of_the_answers(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == client.get(path).status_code == 200
