"""Searching over HTTP finds what the library finds."""

from __future__ import annotations

from starlette.testclient import TestClient

from diptych import Diptych


def test_search_returns_the_hits_of_the_library(client: TestClient, served_diptych: Diptych) -> None:
    found = client.get("/api/v1/search", params={"q": "pump", "limit": 5}).json()
    expected = served_diptych.search("pump", 5)
    assert found["resembles"] is True
    assert [hit["id"] for hit in found["hits"]] == [hit.id for hit in expected]
    for hit, own in zip(found["hits"], expected, strict=True):
        assert (hit["rank"], hit["text"], hit["ranks"]) == (own.rank, own.text, own.ranks)
        assert own.image is None or hit["image"] == "/api/v1/pictures/" + own.image.rsplit("/", 1)[1]
