"""What the operator's filter excludes does not exist for clients, whatever they ask for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.errors import QueryError
from diptych.serve.app import create_app
from diptych.serve.options import ServeOptions
from diptych.where import parse_where
from flows.runs.served_ingest import ingest_here
from tests.diptych.serve.mcp.test_server import call, connected
from tests.support.served_store import ADDRESS

OPEN = 'document = "open"'
HIDDEN = ("deal_cost", "margin", "falcon", "merger", "memo", "broken")
"""Words of names, fields and values of documents outside the folder `open`."""


def write_folders(folder: Path) -> Path:
    """A folder with an open and a secret catalogue, which have a price and a cost, and a broken file."""
    for name in ("open", "secret"):
        (folder / name).mkdir(parents=True)
    jackets = [{"id": number, "description": "A warm jacket", "price": 100 * number} for number in (1, 2, 3)]
    deals = [
        {"id": 1, "description": "A deal called Falcon", "deal_cost": 50, "margin": 3, "merger_date": "2025-07-01"}
    ]
    for file, rows in (("open/jackets.jsonl", jackets), ("secret/deals.jsonl", deals)):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "secret/broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    folder = write_folders(tmp_path_factory.mktemp("filtered") / "documents")
    with Diptych.open(Settings(store=str(folder.parent / "store"), root=folder, ocr="off", workers=1)) as library:
        library.ingest([folder])
        yield library


@pytest.fixture(scope="module")
def alone(shop: Diptych, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a store that has only what the filter shows."""
    store = tmp_path_factory.mktemp("alone") / "store"
    with Diptych.open(shop.settings.model_copy(update={"store": str(store)})) as library:
        library.ingest([Path(str(shop.settings.root)) / "open"])
        with TestClient(create_app(library, ServeOptions(rate=10_000)), base_url=ADDRESS) as client:
            yield client


@pytest.fixture(scope="module")
def limited(shop: Diptych) -> Iterator[TestClient]:
    options = ServeOptions(where=parse_where(OPEN), roots=(str(shop.settings.root),), rate=10_000)
    with TestClient(create_app(shop, options, ingest_here(shop)), base_url=ADDRESS) as client:
        yield client


def test_limits_in_the_wording_only_stand_for_fields_that_are_shown(limited: TestClient, shop: Diptych) -> None:
    assert "deal_cost" in shop.search("jackets under $250").problem  # without the filter, two fields hold money
    found = limited.get("/api/v1/search", params={"q": "jackets under $250"}).json()
    assert found["filters"] == [{"phrase": "under $250", "condition": "price < 250"}]
    assert (len(found["hits"]), found["problem"]) == (2, "")
    for question in ("deals with margin over 2", "merger_date after 2024-08-01"):
        found = limited.get("/api/v1/search", params={"q": question}).json()
        assert found["filters"] == []
        assert len(found["hits"]) == 3


def test_no_answer_has_a_word_of_what_is_hidden(limited: TestClient) -> None:
    for address in (
        "/api/v1/search?q=deals+under+%24250&where=price+>+1000",
        "/api/v1/search?q=jackets&where=margin+>+1000",
        "/api/v1/groups?q=deals+under+%24250",
        "/api/v1/fields",
        "/api/v1/documents",
        "/api/v1/documents?status=failed",
        "/api/v1/status",
        "/metrics",
        "/?q=deals+under+%24250",
        "/ask?q=deals+under+%24250",
        "/catalogue?q=deals+under+%24250",
        "/documents",
    ):
        answer = limited.get(address)
        assert answer.status_code == 200, address
        text = answer.text.lower()
        given = "no document has a field margin" if "margin" in address else ""
        assert [word for word in HIDDEN if word in text.replace(given, "")] == [], address


@pytest.mark.parametrize("query", ["falcon", "broken", "qxzw kjvb", "jackets", "open", "memo jacket"])
def test_answers_are_those_of_a_store_without_the_hidden_documents(
    limited: TestClient, alone: TestClient, query: str
) -> None:
    """So neither words nor names of hidden documents make sense of a query, and no model is asked about nonsense."""
    for address in ("/api/v1/search", "/api/v1/groups", "/", "/catalogue"):
        found = limited.get(address, params={"q": query})
        assert (found.status_code, found.text) == (200, alone.get(address, params={"q": query}).text), address


async def test_agents_see_no_field_of_what_is_hidden(shop: Diptych) -> None:
    async with connected(shop, where=parse_where(OPEN)) as client:
        found = (await call(client, "search", query="jackets under $250")).structured_content
        assert found["notes"] == ['understood: price < 250, from "under $250"; quotes switch this off']
        state = (await call(client, "status")).structured_content
        assert state["untrusted_fields"] == ["id (number)", "price (number)"]


def test_jobs_neither_name_nor_count_what_is_hidden(limited: TestClient) -> None:
    job = limited.post("/api/v1/jobs", json={}).json()
    while not job["ended_at"]:
        time.sleep(0.02)
        job = limited.get(f"/api/v1/jobs/{job['id']}").json()
    assert (job["status"], job["counts"], job["total"], job["failures"]) == ("failed", {}, None, [])
    assert job["message"].endswith("because the operator restricts what clients see")
    assert limited.get("/api/v1/jobs").json() == [job]


def test_a_filter_on_parts_hides_the_numbers_of_the_others(served_diptych: Diptych) -> None:
    options = ServeOptions(where=parse_where('document = "leaflet.pdf" and page = 1'))
    with TestClient(create_app(served_diptych, options), base_url=ADDRESS) as first_page:
        (shown,) = first_page.get("/api/v1/documents").json()["documents"]
        parts = first_page.get(f"/api/v1/documents/{shown['id']}/parts").json()
        assert {part["page"] for part in parts} == {1}
        assert shown["passages"] == sum(part["modality"] == "text" for part in parts)
        assert shown["pictures"] == sum(part["modality"] == "image" for part in parts)
        (whole,) = [one for one in served_diptych.documents() if one.id == shown["id"]]
        assert whole.passages > shown["passages"]


def test_a_server_that_shows_nothing_says_so(shop: Diptych) -> None:
    with TestClient(create_app(shop, ServeOptions(where=parse_where("price > 1000"))), base_url=ADDRESS) as empty:
        found = empty.get("/api/v1/search?q=jacket").json()
        assert found["nothing"] == "nothing found: this server shows no documents at present"


def test_ambiguous_name_in_the_filter_is_reported_to_the_operator_only(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    for place in ("open", "secret"):
        (folder / place).mkdir(parents=True)
        (folder / place / "memo.md").write_text(f"# Memo\n\nThis is the {place} memo.", encoding="utf-8")
    options = ServeOptions(where=parse_where('document = "memo.md"'))
    with Diptych.open(Settings(store=str(tmp_path / "store"), root=folder, ocr="off", workers=1)) as library:
        library.ingest([folder / "open"])
        with TestClient(create_app(library, options), base_url=ADDRESS) as client:
            assert client.get("/api/v1/search?q=memo").json()["hits"]
            library.ingest([folder / "secret"])
            for address in ("/api/v1/search?q=memo", "/api/v1/search?q=memo&where=page+>+0", "/"):
                answer = client.get(address)
                assert answer.status_code == 503
                assert "secret" not in answer.text
                assert "start it again with the whole name" in answer.text
        with pytest.raises(QueryError, match=r"use one of open/memo\.md, secret/memo\.md"):
            create_app(library, options)
