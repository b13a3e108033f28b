"""The views of documents and of catalogues, for files with names and problems that are out of the ordinary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from diptych import Diptych, Settings
from diptych.serve.app import create_app
from tests.support.papers import write_photo
from tests.support.served_store import ADDRESS


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server for a catalogue with `#` in its name and in the id of a row."""
    folder = tmp_path_factory.mktemp("shop")
    write_photo(folder / "lamp.jpg", "LAMP")
    rows = ["id,title,image", "a,Desk,", "b#2,Lamp,lamp.jpg", "c,Chair,nope.jpg"]
    (folder / "goods #1.csv").write_text("\n".join(rows))
    (folder / "draft.md").write_text("Not yet.")
    (folder / ".diptychignore").write_text("draft.md")
    settings = Settings(store=str(folder.parent / "shop-store"), root=folder, ocr="off", workers=1)
    with Diptych.open(settings) as library:
        library.ingest([folder])
        with TestClient(create_app(library), base_url=ADDRESS) as client:
            yield client


def text_of(pages: TestClient, address: str) -> str:
    """The words of a page, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", pages.get(address).text)).split())


def test_a_row_whose_id_contains_the_mark_is_a_row(pages: TestClient) -> None:
    (lamp,) = [hit for hit in pages.get("/api/v1/search?q=lamp").json()["hits"] if hit["title"] == "Lamp"]
    assert (lamp["document"], lamp["place"]) == ("goods #1.csv#b#2", "")
    assert {face["modality"] for face in lamp["faces"]} == {"text", "image"}
    assert "Lamp" in text_of(pages, "/catalogue")
    listed = text_of(pages, "/documents")
    assert "3 rows" in listed
    assert "b#2" not in listed


def test_a_problem_of_a_catalogue_names_its_row(pages: TestClient) -> None:
    listed = text_of(pages, "/documents")
    assert "Row c: nope.jpg: there is no such file" in listed
    assert "Page 1" not in listed
    (chair,) = pages.get("/api/v1/documents", params={"name": "csv#c"}).json()["documents"]
    assert [problem["page"] for problem in chair["problems"]] == [None]
    assert "nope.jpg: there is no such file" in text_of(pages, f"/documents/{chair['id']}")


def test_clients_do_not_learn_the_folders_of_the_server(
    pages: TestClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    listed = text_of(pages, "/documents")
    assert "draft.md: ignored by .diptychignore" in listed
    assert str(tmp_path_factory.getbasetemp()) not in listed
