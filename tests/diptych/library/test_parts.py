"""The passages and pictures of a document, and the images of its pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from diptych import Diptych, Settings
from diptych.library.parts import Part, in_reading_order
from diptych.where import parse_where
from extractors.pictures.store import image_path
from tests.support.papers import write_leaflet


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    folder = tmp_path_factory.mktemp("leaflets")
    write_leaflet(folder / "leaflet.pdf")
    with Diptych.open(Settings(store=str(folder / "store"))) as opened:
        opened.ingest([folder / "leaflet.pdf"])
        yield opened


def test_parts_come_in_reading_order(library: Diptych) -> None:
    (record,) = library.documents()
    parts = library.parts([record.id])
    assert [(part.page, part.kind) for part in parts] == [(1, "text"), (1, "figure"), (2, "page"), (2, "text")]
    assert parts[0].mentions == (parts[1].label,) == ("figure 1",)
    assert [part.id for part in library.parts([record.id], parse_where("page = 2"))] == [parts[2].id, parts[3].id]
    assert [part.id for part in library.parts([record.id], parse_where('document = "other.pdf"'))] == []
    assert library.parts([record.id], parse_where('document contains "leaf"')) == parts
    assert library.find_document(parts[1].id) == record.id
    assert library.find_document("no id") is None


def test_page_image_is_the_stored_one_or_drawn_from_the_unchanged_file(library: Diptych) -> None:
    (record,) = library.documents()
    drawn, stored = library.page_image(record.id, 1), library.page_image(record.id, 2)
    assert drawn
    assert (drawn.width, drawn.height) == (420, 595)
    assert image_path(drawn.image, library.pictures).exists()
    assert library.page_image(record.id, 3) is None
    file = Path(library.settings.store).parent / "leaflet.pdf"
    file.write_bytes(file.read_bytes() + b"\n")
    assert library.page_image(record.id, 1) is None
    assert library.page_image(record.id, 2) == stored


def place(name: str, *box: float, page: int = 1, kind: str = "text") -> Part:
    bbox, image, none = list(box) or None, None, ()
    return Part(name, "1", "a.pdf", "text", kind, page, None, bbox, "", none, "", "", "", "", none, none, image, {})


def test_columns_are_read_one_after_the_other() -> None:
    parts = [
        place("page", 0, 0, 600, 800, kind="page"), place("title", 40, 40, 560, 60),
        place("left 1", 40, 80, 290, 200), place("left 2", 40, 210, 290, 400),
        place("right 1", 310, 70, 560, 150), place("right 2", 310, 160, 560, 400),
        place("wide table", 40, 420, 560, 500),
        place("below left", 40, 520, 290, 700), place("below right", 310, 515, 560, 700),
        place("next page", 40, 40, 100, 60, page=2), place("photo", page=2),
    ]  # fmt: skip
    shuffled = random.Random(1).sample(parts, len(parts))
    assert [one.id for one in in_reading_order(shuffled)] == [one.id for one in parts]
