"""The pictures of catalogue rows in the store: in whatever order things are ingested, they belong to their row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, Settings
from tests.support.papers import write_photo
from tests.support.stores import open_embedded_store

SHOP = "id,name,image,description\nR,Red pump,../img/red.png,Pumps water\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for folder in ("img", "data"):
        (tmp_path / "shop" / folder).mkdir(parents=True)
    write_photo(tmp_path / "shop/img/red.png", "red")
    write_photo(tmp_path / "shop/img/blue.png", "blue")
    (tmp_path / "shop/data/shop.csv").write_text(SHOP)
    return tmp_path / "shop"


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Diptych]:
    with Diptych.open(Settings(store=str(tmp_path / "store"), ocr="off", workers=1)) as opened:
        shapes = opened._runtime.spaces.shapes
        open_embedded_store(tmp_path / "store", shapes, lock_seconds=60).close()
        yield opened


def names(library: Diptych) -> list[str]:
    return [document.name for document in library.documents()]


def test_row_replaces_the_documents_made_from_its_pictures(library: Diptych, shop: Path) -> None:
    library.ingest([shop / "img"])
    assert names(library) == ["shop/img/blue.png", "shop/img/red.png"]
    row, _ = sorted(library.ingest([shop]), key=lambda outcome: outcome.name)
    assert names(library) == ["shop/data/shop.csv#R", "shop/img/blue.png"]
    assert (row.status, row.pictures) == ("complete", 1)
    assert row.notes == ("shop/img/red.png is no longer a document of its own, because this row shows it",)
    assert {hit.document for hit in library.search("red pump") if hit.image} == {"shop/data/shop.csv#R"}
    assert library.ingest([shop / "img"])[0].name == "shop/img/blue.png"
    assert names(library) == ["shop/data/shop.csv#R", "shop/img/blue.png"]


def test_row_keeps_its_picture_when_its_catalogue_is_named_alone(library: Diptych, shop: Path) -> None:
    library.ingest([shop])
    (outcome,) = library.ingest([shop / "data/shop.csv"])
    assert (outcome.status, outcome.pictures) == ("unchanged", 1)


def test_broken_picture_of_a_row_does_not_delete_the_document_made_from_it(library: Diptych, shop: Path) -> None:
    library.ingest([shop / "img"])
    (shop / "img/red.png").write_bytes(b"broken")
    (outcome,) = (one for one in library.ingest([shop]) if one.name == "shop/data/shop.csv#R")
    assert (outcome.status, outcome.pictures) == ("partial", 0)
    assert "shop/img/red.png" in names(library)


def test_picture_that_no_row_shows_any_longer_is_a_document_again(library: Diptych, shop: Path) -> None:
    library.ingest([shop])
    (shop / "data/shop.csv").write_text(SHOP.replace("../img/red.png", ""))
    library.ingest([shop])
    assert names(library) == ["shop/data/shop.csv#R", "shop/img/blue.png", "shop/img/red.png"]
    (shop / "data/shop.csv").write_text(SHOP)
    library.ingest([shop])
    assert names(library) == ["shop/data/shop.csv#R", "shop/img/blue.png"]
    (shop / "data/shop.csv").unlink()
    library.ingest([shop])
    assert names(library) == [
        "shop/data/shop.csv#R",
        "shop/img/blue.png",
        "shop/img/red.png",
    ]  # `diptych ingest` deletes the row as well
