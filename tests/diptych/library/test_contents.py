"""What is stored of a document: parts in reading order, page images, and what a filter hides."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from diptych import Diptych, QueryError, parse_where
from diptych.library.contents import Part, in_reading_order
from tests.support.scripted_library import MANUAL, scripted_library

NOTES_ONLY = parse_where('document = "notes.pdf"')


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diptych]:
    with scripted_library(tmp_path_factory.mktemp("contents")) as library:
        yield library


def part(name: str, *box: float, page: int = 1) -> Part:
    return Part(name, "text", "text", page, None, list(box) or None, (), "", name, "", None, (), (), "")


def test_columns_are_read_one_after_the_other() -> None:
    parts = [
        part("title", 40, 40, 560, 60), part("left 1", 40, 80, 290, 200), part("left 2", 40, 210, 290, 400),
        part("right 1", 310, 70, 560, 150), part("right 2", 310, 160, 560, 400), part("wide table", 40, 420, 560, 500),
        part("below left", 40, 520, 290, 700), part("below right", 310, 515, 560, 700),
        part("photo", page=2), part("next page", 40, 40, 100, 60, page=2),
    ]  # fmt: skip
    shuffled = random.Random(1).sample(parts, len(parts))
    assert [one.id for one in in_reading_order(shuffled)] == [one.id for one in parts]


def test_pages_and_parts(library: Diptych) -> None:
    contents = library.contents
    manual = contents.document(MANUAL)
    assert [(one.page, one.kind) for one in manual.parts] == [(1, "text"), (1, "figure"), (2, "table"), (2, "text")]
    assert contents.document(manual.record.id) == manual
    assert contents.page(MANUAL, 2).parts == manual.parts[2:]
    (hit,) = library.search('"chart"', limit=1)
    figure = contents.part(hit.id)
    assert (figure.record.id, figure.parts[0].label) == (hit.document_id, "figure 1")
    for number in (0, 3):
        with pytest.raises(QueryError, match=r"manual\.pdf: has no page \d; its pages are 1 to 2"):
            contents.page(MANUAL, number)
    for unknown in ("other.pdf", "", "../manual.pdf"):
        with pytest.raises(QueryError, match="no such document in the store"):
            contents.document(unknown)
    for unknown in ("x", manual.record.id, "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(QueryError, match="no hit has this id"):
            contents.part(unknown)


def test_a_page_is_drawn_from_a_file_that_has_not_changed(library: Diptych) -> None:
    page = library.contents.page(MANUAL, 1)
    drawn = library.contents.page_image(page, 1)
    assert drawn
    assert (drawn.width, drawn.height) == pytest.approx((420, 595), abs=1)
    with Image.open(drawn.path) as image:
        assert image.width > 600
    changed = replace(page, record=replace(page.record, sha256="other"))
    assert library.contents.page_image(changed, 1) is None
    assert library.contents.page_image(page, 1, parse_where('kind != "figure"')) is None


def test_a_filter_hides_documents_and_parts(library: Diptych) -> None:
    contents = library.contents
    assert [one.name for one in contents.documents()] == [MANUAL, "notes.pdf"]
    assert [one.name for one in contents.documents(NOTES_ONLY)] == ["notes.pdf"]
    figure = next(one for one in contents.document(MANUAL).parts if one.kind == "figure")
    identity = contents.document(MANUAL).record.id
    hidden: list[Callable[[], object]] = [
        lambda: contents.document(MANUAL, NOTES_ONLY),
        lambda: contents.document(identity, NOTES_ONLY),
        lambda: contents.page(MANUAL, 1, NOTES_ONLY),
        lambda: contents.part(figure.id, NOTES_ONLY),
        lambda: contents.part(figure.id, parse_where('modality = "text"')),
    ]
    for read in hidden:
        with pytest.raises(QueryError, match=r"no such document|no hit has this id"):
            read()
    texts = contents.document(MANUAL, parse_where('modality = "text"'))
    assert {one.modality for one in texts.parts} == {"text"}


def test_a_new_version_is_read(tmp_path: Path) -> None:
    with scripted_library(tmp_path) as library:
        assert len(library.contents.documents(NOTES_ONLY)) == 1
        library.delete(["notes.pdf"])
        assert library.contents.documents(NOTES_ONLY) == []
        assert [one.name for one in library.contents.documents()] == [MANUAL]
