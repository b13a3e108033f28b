"""The page without a browser: its answers, errors and links."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from diptych import Diptych
from tests.support.papers import png_bytes


def test_hits_link_to_pages_and_similar_hits(client: TestClient, served_diptych: Diptych) -> None:
    found = client.get("/", params={"q": "pump", "why": "1"})
    assert found.headers["content-type"].startswith("text/html")
    for hit in served_diptych.search("pump", 20):
        assert f'href="/hits/{hit.id}"' in found.text
        assert f'href="/?like={hit.id}"' in found.text
    assert "rank" in found.text


def test_every_style_and_script_may_be_kept_for_good(client: TestClient) -> None:
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', client.get("/").text)
    assert len(files) == 4
    for file in files:
        answer = client.get(file)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_errors_are_pages_with_the_sentences_of_the_command_line(client: TestClient) -> None:
    for address, status, sentence in (
        ("/?q=pump&where=price+%3C", 422, "filter, column 8"),
        ("/catalogue?min.price=cheap", 422, "price is compared with a number or a date"),
        ("/hits/00000000-0000-0000-0000-000000000000", 404, "no hit has this id"),
        ("/hits/..%2F..", 404, ""),
        ("/documents/x", 404, "There is no page with this address."),
        (f"/?image={'0' * 64}.png", 422, "the image to search with is no longer kept"),
        ("/?q=qxzw+kjvb", 200, "<p>Nothing in the store resembles the query"),
    ):
        answer = client.get(address)
        assert answer.status_code == status, address
        assert sentence in answer.text, address
        assert "nothing found:" not in answer.text  # the heading of the page says it
    documents = client.get("/documents").text
    (leaflet,) = re.findall(r'"(/documents/[0-9a-f-]+)"><bdi>leaflet', documents)
    assert client.get(f"{leaflet}/pages/99").status_code == 404


def test_unknown_addresses_are_pages_for_browsers_and_problems_for_programs(client: TestClient) -> None:
    browser = {"accept": "text/html,*/*"}
    page = client.get("/nowhere", headers=browser)
    assert page.status_code == 404
    assert "There is no page with this address." in page.text
    for answer in (client.get("/nowhere"), client.get("/api/v1/nowhere", headers=browser)):
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_image_is_kept_and_searched_with(client: TestClient) -> None:
    files = {"file": ("red.png", png_bytes(40, 40))}
    name = client.post("/images", files=files).json()["image"]
    page = client.post("/images", files=files, headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, f"/?image={name}")
    found = client.get("/", params={"image": name, "q": "pump"})
    assert found.status_code == 200
    assert f'src="/api/v1/pictures/{name}"' in found.text
    alone = client.get("/", params={"image": name})
    assert alone.status_code == 422
    assert "the image of the query: contains no words" in alone.text
    broken = client.post("/images", files={"file": ("red.png", b"GIF89a")})
    assert broken.status_code == 422
    assert broken.json()["detail"].startswith("the image of the query")
