"""A server below a path of a reverse proxy: every address leads there, whether or not the proxy removes the path."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from diptych import Diptych
from diptych.errors import SettingsError
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions
from tests.support.served_store import ADDRESS

BELOW = "/team/find"
TOKEN = "0123456789abcdef"
LINK = re.compile(r'\b(?:href|src|action|data-images)="(?!#)([^"]*)"')


@pytest.fixture(scope="module")
def below(served_diptych: Diptych) -> Iterator[TestClient]:
    app = create_app(served_diptych, ServeOptions(prefix=BELOW, rate=10_000))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("removed", [True, False])
def test_every_link_of_the_pages_leads_to_another_one(below: TestClient, removed: bool) -> None:
    pages, seen = [f"{BELOW}/", f"{BELOW}/?q=pump", f"{BELOW}/ask?q=pump", f"{BELOW}/?q=pump&where=page+%3C+1"], set()
    while pages:
        address = pages.pop()
        answer = below.get(address.removeprefix(BELOW) if removed else address)
        assert answer.status_code == 200, address
        seen.add(address)
        if answer.headers["content-type"].startswith("text/html"):
            links = {link.replace("&amp;", "&") for link in LINK.findall(answer.text)}
            assert [link for link in links if not link.startswith(f"{BELOW}/")] == [], address
            pages += [link for link in links if link not in seen | set(pages) and not link.endswith("/images")]
    kinds = {address.removeprefix(BELOW).split("/")[1].partition("?")[0] for address in seen}
    assert kinds == {"", "ask", "api", "catalogue", "documents", "hits", "static"}


def test_programs_get_addresses_that_they_can_follow(below: TestClient) -> None:
    assert below.get(f"{BELOW}/api/v1/openapi.json").json()["servers"] == [{"url": BELOW}]
    (hit, *_) = below.get(f"{BELOW}/api/v1/search", params={"q": "pump", "modality": "image"}).json()["hits"]
    assert hit["image"].startswith(f"{BELOW}/api/v1/pictures/")
    assert below.get(hit["image"]).status_code == 200
    assert below.get(f"{BELOW}/documents/").headers["location"] == f"{ADDRESS}{BELOW}/documents"
    assert below.get(f"{BELOW}/nothing", headers={"accept": "text/html"}).status_code == 404


def test_the_login_leads_back_and_its_cookie_is_for_this_server_only(served_diptych: Diptych) -> None:
    app = create_app(served_diptych, ServeOptions(prefix=BELOW, token=TOKEN))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as locked:
        assert locked.get(f"{BELOW}/api/v1/health").status_code == 200
        sent = locked.get(f"{BELOW}/documents?q=a", headers={"accept": "text/html"}).headers["location"]
        assert sent.startswith(f"{BELOW}/login?next=")
        form = locked.get(sent).text
        assert f'action="{BELOW}/login"' in form
        for link in LINK.findall(form):
            assert locked.post(link) if link.endswith("/login") else locked.get(link).status_code == 200
        entered = locked.post(f"{BELOW}/login", data={"token": TOKEN, "next": f"{BELOW}/documents?q=a"})
        assert entered.headers["location"] == f"{BELOW}/documents?q=a"
        assert f"Path={BELOW};" in entered.headers["set-cookie"]
        assert locked.post(f"{BELOW}/login", data={"token": TOKEN}).headers["location"] == f"{BELOW}/"
        assert locked.get(f"{BELOW}/documents?q=a").status_code == 200
        assert f"url={BELOW}/?q=a" in locked.get(f"{BELOW}/", params={"q": "a", "token": TOKEN}).text


@pytest.mark.parametrize("prefix", ["find", "/find/", "/find//x", "/fi nd", "/../find", "/documents", "/api/find"])
def test_other_prefixes_are_refused(prefix: str) -> None:
    with pytest.raises(SettingsError, match=r"the prefix .*(is not a path|is an address of the server itself)"):
        ServeOptions(prefix=prefix)
