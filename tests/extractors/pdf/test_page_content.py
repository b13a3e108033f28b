"""Pages are told apart by everything that changes how they are drawn, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from extractors.pdf.page_content import PageContents
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf


def book() -> Any:
    """Two pages with a font, an image, a form field and a comment."""
    document = pymupdf().open()
    for number in range(2):
        page = document.new_page()
        page.insert_text((72, 72), f"Page {number}", fontname="helv")
        image = pymupdf().Pixmap(pymupdf().csGRAY, (0, 0, 8, 8), False)
        image.clear_with(100 + number)
        page.insert_image((100, 100, 200, 200), pixmap=image)
        page.add_text_annot((300, 300), f"Comment {number}")
        widget = pymupdf().Widget()
        widget.field_type, widget.field_name = pymupdf().PDF_WIDGET_TYPE_TEXT, f"field {number}"
        widget.rect, widget.field_value = pymupdf().Rect(72, 400, 200, 420), "old"
        page.add_widget(widget)
    return document


def digests(document: Any, **saved: Any) -> list[bytes]:
    """The digests of the pages of the document as it would be saved."""
    with pymupdf().open(stream=document.tobytes(**saved)) as opened:
        contents = PageContents(opened)
        return [contents.digest(page, partial(read_page, page, number)) for number, page in enumerate(opened, 1)]


def test_pages_of_one_document_differ_and_stay_the_same_in_another_version() -> None:
    first, second = digests(book())
    assert first != second
    assert digests(book(), garbage=4, deflate=False) == [first, second], "objects have other numbers"
    changed = book()
    changed.new_page(0).insert_text((72, 72), "In front")
    changed.set_metadata({"title": "Another"})
    changed.set_toc([[1, "Start", 1]])
    assert digests(changed)[1:] == [first, second]


def _change_image(page: Any) -> None:
    image = pymupdf().Pixmap(pymupdf().csGRAY, (0, 0, 8, 8), False)
    page.replace_image(page.get_images()[0][0], pixmap=image)


def _change_field(page: Any) -> None:
    widget = next(iter(page.widgets()))
    widget.field_value = "new"
    widget.update()


CHANGES: dict[str, Callable[[Any], object]] = {
    "text": lambda page: page.insert_text((72, 500), "More"),
    "image": _change_image,
    "field": _change_field,
    "comment": lambda page: next(iter(page.annots())).set_info(content="Another comment"),
    "rotation": lambda page: page.set_rotation(90),
    "crop": lambda page: page.set_cropbox(pymupdf().Rect(10, 10, 400, 500)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_only_the_changed_page_differs(change: Callable[[Any], object]) -> None:
    changed = book()
    change(changed[1])
    before, after = digests(book()), digests(changed)
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_pages_that_share_a_changed_field_differ() -> None:
    def form(value: str) -> Any:
        document = book()
        kids = [next(iter(page.widgets())).xref for page in document]
        field = document.get_new_xref()
        document.update_object(field, f"<</FT/Tx/T(shared)/V({value})/Kids[{kids[0]} 0 R {kids[1]} 0 R]>>")
        for kid in kids:
            document.xref_set_key(kid, "Parent", f"{field} 0 R")
            for key in ("FT", "T", "V"):
                document.xref_set_key(kid, key, "null")
        return document

    assert not set(digests(form("old"))) & set(digests(form("new")))


def test_pages_differ_by_what_a_drawing_refers_to_that_refers_to_itself() -> None:
    def drawn_with(font: str) -> Any:
        document = book()
        drawing, resources = document.get_new_xref(), document.get_new_xref()
        refers = f"<</Font<</F<</BaseFont/{font}>>>>/XObject<</X {drawing} 0 R>>>>"
        document.update_object(resources, refers)
        document.update_object(drawing, f"<</Subtype/Form/Resources {resources} 0 R>>")
        document.xref_set_key(document[0].xref, "Resources", f"{resources} 0 R")
        document.xref_set_key(document[1].xref, "Resources", f"<</XObject<</X {drawing} 0 R>>>>")
        return document

    assert not set(digests(drawn_with("Courier"))) & set(digests(drawn_with("Helvetica")))


@pytest.mark.parametrize("name", ["helv", "B"])
def test_pages_with_a_changed_font_differ(name: str) -> None:
    """`B` is also the name of an entry of pages that is not drawn."""

    def book_in(font: str) -> Any:
        document = book()
        shared = document.get_new_xref()
        document.update_object(shared, f"<</Type/Font/Subtype/Type1/BaseFont/{font}>>")
        for page in document:
            document.xref_set_key(page.xref, "Resources", f"<</Font<</{name} {shared} 0 R>>>>")
        return document

    assert not set(digests(book_in("Helvetica"))) & set(digests(book_in("Courier")))


def test_what_pages_inherit_counts() -> None:
    changed = book()
    (tree,) = {changed.xref_get_key(page.xref, "Parent")[1] for page in changed}
    changed.xref_set_key(int(tree.split()[0]), "Rotate", "90")
    for page in changed:
        changed.xref_set_key(page.xref, "Rotate", "null")
    assert not set(digests(book())) & set(digests(changed))


def test_tags_count_although_they_are_outside_of_the_page() -> None:
    document = book()
    before = digests(document)
    tree = document.get_new_xref()
    document.update_object(tree, "<</Type/StructTreeRoot>>")
    document.xref_set_key(document.pdf_catalog(), "StructTreeRoot", f"{tree} 0 R")
    assert not set(before) & set(digests(document))


def test_objects_that_lead_nowhere_or_in_a_circle_are_accepted() -> None:
    document = book()
    first, second = document[0].xref, document[1].xref
    document.xref_set_key(first, "Lost", "99999 0 R")
    loop = document.get_new_xref()
    document.update_object(loop, f"<</Self {loop} 0 R>>")
    document.xref_set_key(second, "Loop", f"{loop} 0 R")
    assert len(set(digests(document))) == 2


def test_deeply_nested_objects_are_told_apart_by_the_layout() -> None:
    document = book()
    inner = 0
    for _ in range(400):
        outer = document.get_new_xref()
        document.update_object(outer, f"<</Next {inner} 0 R>>" if inner else "<<>>")
        inner = outer
    document.xref_set_key(document[1].xref, "Deep", f"{inner} 0 R")
    assert len(set(digests(document))) == 2
