"""Searching over HTTP finds what the library finds."""

from __future__ import annotations

from pathlib import Path

import anyio.to_thread
import pytest
from starlette.testclient import TestClient

from diptych import Diptych
from tests.support.papers import png_bytes


def test_search_returns_the_hits_of_the_library(client: TestClient, served_diptych: Diptych) -> None:
    found = client.get("/api/v1/search", params={"q": "pump", "limit": 5}).json()
    expected = served_diptych.search("pump", 5)
    assert found["resembles"] is True
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in expected]
    for hit, own in zip(found["hits"], expected, strict=True):
        assert (hit["rank"], hit["text"], hit["ranks"]) == (own.rank, own.text, own.ranks)
        assert own.image is None or hit["image"] == f"/api/v1/pictures/{Path(own.image).name}"
    second = client.get("/api/v1/search", params={"q": "pump", "limit": 1, "offset": 1}).json()
    assert [hit["id"] for hit in second["hits"]] == [expected[1].id]


def test_a_search_waits_for_no_other_thread_than_its_own(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """FastAPI calls plain functions in a thread, which takes a third of the time that it adds to a search."""
    monkeypatch.setattr(anyio.to_thread, "run_sync", lambda *_, **__: pytest.fail("a plain function"))
    assert client.get("/api/v1/search", params={"q": "pump"}).json()["hits"]


def test_no_path_of_the_server_is_sent(client: TestClient, served_diptych: Diptych) -> None:
    folders = {served_diptych.settings.store, str(served_diptych.settings.root)}
    (document, *_) = client.get("/api/v1/documents").json()["documents"]
    for address in ("/search?q=pump&limit=50", "/groups?q=pump", "/documents", f"/documents/{document['id']}/parts"):
        answer = client.get(f"/api/v1{address}")
        assert answer.status_code == 200
        assert not [folder for folder in folders if folder in answer.text]


def test_limits_in_the_wording_are_shown_as_filters(client: TestClient) -> None:
    found = client.get("/api/v1/search", params={"q": "jackets under $200"}).json()
    assert found["filters"] == [{"phrase": "under $200", "condition": "price < 200"}]


def test_finding_nothing_is_explained_as_on_the_command_line(client: TestClient) -> None:
    found = client.get("/api/v1/search", params={"q": "pump", "where": 'colour = "red"'}).json()
    assert found["hits"] == []
    assert found["nothing"].startswith("nothing found: no document has a field colour; there are ")
    found = client.get("/api/v1/search", params={"q": "pump", "offset": 2000}).json()
    assert found["nothing"] == "there are no hits after the first 2000"


def test_an_image_is_searched_with(client: TestClient) -> None:
    answer = client.post("/api/v1/search", data={"q": "pump"}, files={"image": ("red.png", png_bytes(40, 40))})
    assert answer.status_code == 200, answer.text
    assert answer.json()["hits"]
    answer = client.post("/api/v1/search", files={"image": ("x.png", b"GIF89a no image at all")})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("the image of the query")


def test_an_empty_image_is_named_as_such(client: TestClient) -> None:
    for data in ({}, {"q": "pump"}):
        answer = client.post("/api/v1/search", data=data, files={"image": ("x.png", b"")})
        assert answer.status_code == 422
        assert answer.json()["detail"] == "the image of the query: is empty; copy or download it again"


def test_an_image_that_is_no_file_is_refused(client: TestClient) -> None:
    refused = client.post("/api/v1/search", data={"q": "pump", "image": "photo.jpg"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "body.image: send a file, such as `curl -F image=@photo.jpg`"


@pytest.mark.parametrize("path", ["search", "ask"])
def test_a_body_that_is_no_form_is_refused(client: TestClient, path: str) -> None:
    refused = client.post(f"/api/v1/{path}", json={"q": "pump"})
    assert refused.status_code == 415
    assert refused.json()["detail"] == "the body is application/json; send a form, such as `curl -F q=WORDS`"


def test_a_malformed_number_of_hits_is_refused_as_on_the_command_line(client: TestClient) -> None:
    answer = client.get("/api/v1/search", params={"q": "pump", "passages": "x"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("'x' is no number of hits; write 3 for exactly three")


def test_hits_lead_to_similar_ones_and_to_groups(client: TestClient, served_diptych: Diptych) -> None:
    hit = served_diptych.search("pump", 1)[0]
    similar = client.get(f"/api/v1/like/{hit.id}").json()["hits"]
    assert [one["id"] for one in similar] == [one.id for one in served_diptych.like(hit.id)]
    groups = client.get("/api/v1/groups", params={"q": "pump", "by": "page"}).json()["groups"]
    assert groups[0]["hits"][0]["id"] == hit.id
    assert client.get("/api/v1/like/6f9d0f3e-4c39-5d0e-9a55-2f6a54d1c7b1").status_code == 404


def test_fields_of_the_store_have_types(client: TestClient) -> None:
    fields = {one["name"]: one for one in client.get("/api/v1/fields").json()}
    assert (fields["price"]["kind"], fields["price"]["low"]) == ("number", 129.5)
    assert fields["category"]["choices"] == ["jackets", "shoes"]
