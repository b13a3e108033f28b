"""Documents, pages and pictures over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from diptych import Diptych
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions
from diptych.where import parse_where
from tests.support.served_store import ADDRESS


def test_documents_are_listed_with_their_status(client: TestClient, served_diptych: Diptych) -> None:
    listed = client.get("/api/v1/documents").json()
    assert [one["name"] for one in listed["documents"]] == [one.name for one in served_diptych.documents()]
    assert listed["total"] == len(listed["documents"])
    one = client.get("/api/v1/documents", params={"name": "LEAFLET", "status": "complete"}).json()["documents"][0]
    assert client.get(f"/api/v1/documents/{one['id']}").json() == one
    assert client.get("/api/v1/documents/unknown").json()["detail"] == "unknown: no document of the store has this id"
    counted = client.get("/api/v1/status").json()
    assert counted["documents"] == {"complete": listed["total"]}


def test_a_page_has_an_image_and_parts_with_boxes(client: TestClient, served_diptych: Diptych) -> None:
    leaflet = next(one for one in served_diptych.documents() if one.name == "leaflet.pdf")
    page = client.get(f"/api/v1/documents/{leaflet.id}/pages/1").json()
    assert (page["width"], page["height"]) == (420, 595)
    assert {part["kind"] for part in page["parts"]} >= {"text", "figure"}
    assert client.get(page["image"]["address"]).content[:4] == b"\x89PNG"
    image = client.get(f"/api/v1/documents/{leaflet.id}/pages/1/image")
    assert image.content == client.get(page["image"]["address"]).content
    figure = next(part for part in page["parts"] if part["kind"] == "figure")
    assert client.get(f"/api/v1/hits/{figure['id']}").json() == figure
    missing = client.get(f"/api/v1/documents/{leaflet.id}/pages/3")
    assert (missing.status_code, missing.json()["detail"]) == (404, "leaflet.pdf: has no page 3; it has 2")


def test_pictures_have_fixed_types_and_may_be_cached(client: TestClient) -> None:
    (hit, *_) = client.get("/api/v1/search", params={"q": "pump", "modality": "image"}).json()["hits"]
    answer = client.get(hit["image"])
    assert answer.headers["content-type"] in ("image/png", "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


def test_pictures_that_a_client_has_are_not_sent_again(client: TestClient, served_diptych: Diptych) -> None:
    (hit, *_) = client.get("/api/v1/search", params={"q": "pump", "modality": "image"}).json()["hits"]
    leaflet = next(one for one in served_diptych.documents() if one.name == "leaflet.pdf")
    for address in (hit["image"], f"/api/v1/documents/{leaflet.id}/pages/1/image"):
        tag = client.get(address).headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            again = client.get(address, headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert client.get(address, headers={"if-none-match": '"other"'}).status_code == 200
    # The page may look different after the next ingest.
    assert client.get(address).headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "../../documents",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/secret.png",
        "a" * 64 + ".svg",
        "a" * 64 + ".png",
    ],
)
def test_no_other_file_is_sent_as_a_picture(client: TestClient, name: str) -> None:
    assert client.get(f"/api/v1/pictures/{name}").status_code == 404


def test_the_operators_filter_holds_for_everything(client: TestClient, served_diptych: Diptych) -> None:
    """What it excludes does not exist: neither hits nor documents, pages, pictures or names."""
    leaflet = next(one for one in served_diptych.documents() if one.name == "leaflet.pdf")
    (hidden, *_) = [one for one in served_diptych.search("pump", 50) if one.document == "leaflet.pdf" and one.image]
    options = ServeOptions(where=parse_where('category = "jackets"'))
    with TestClient(create_app(served_diptych, options), base_url=ADDRESS) as limited:
        names = {one["name"] for one in limited.get("/api/v1/documents").json()["documents"]}
        assert names == {"products.csv#1"}
        for where in ("", 'document = "leaflet.pdf"', 'category = "jackets" or page > 0', 'not category = "jackets"'):
            found = limited.get("/api/v1/search", params={"q": "pump", "where": where, "limit": 50}).json()
            assert {hit["document"] for hit in found["hits"]} <= names
            assert "leaflet" not in found["nothing"].replace(where, "").replace('called "leaflet.pdf"', "")
        image = f"/api/v1/pictures/{Path(str(hidden.image)).name}"
        assert client.get(image).status_code == 200
        for address in (
            f"/api/v1/documents/{leaflet.id}",
            f"/api/v1/documents/{leaflet.id}/parts",
            f"/api/v1/documents/{leaflet.id}/pages/1",
            f"/api/v1/documents/{leaflet.id}/pages/1/image",
            f"/api/v1/hits/{hidden.id}",
            f"/api/v1/like/{hidden.id}",
            image,
        ):
            assert limited.get(address).status_code == 404, address
        shown = limited.get("/api/v1/search", params={"q": "jacket"}).json()["hits"][0]
        assert limited.get(shown["image"]).status_code == 200
