"""Comments, highlights and form fields of a PDF, and its passwords."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extractors.errors import ExtractionError
from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.types import Extraction, Options, Source

TEXT = "The annual heat loss of pump seven is 28 kW, and the filter is cleaned every month."


def page_with_text() -> tuple[Any, Any]:
    document = pymupdf().open()
    page = document.new_page()
    page.insert_text((72, 72), "1 Heat loss", fontsize=16)
    page.insert_text((72, 110), TEXT)
    return document, page


def extract_document(document: Any, folder: Path, passwords: tuple[str, ...] = (), **save: Any) -> Extraction:
    path = folder / "a.pdf"
    document.save(path, **save)
    document.close()
    source = Source(path, path.as_uri(), path.name, "0", "x", passwords=passwords)
    return extract(source, Options(ocr="off", page_images="none"), folder / "pictures")


def add(annotation: Any, author: str, text: str) -> Any:
    annotation.set_info(title=author, content=text)
    annotation.update()
    return annotation


def test_comments_name_their_author_the_marked_text_and_replies(tmp_path: Path) -> None:
    document, page = page_with_text()
    highlight = add(page.add_highlight_annot(page.search_for("28 kW", quads=True)), "Ada", "Per hour?")
    reply = add(page.add_text_annot((9, 9), ""), "Bo", "Yes, per hour.")
    reply.set_irt_xref(highlight.xref)
    add(page.add_text_annot((300, 200), ""), "Bo", "Cite the source.")
    page.add_underline_annot(page.search_for("cleaned every month", quads=True))
    extraction = extract_document(document, tmp_path)
    notes = [one for one in extraction.passages if one.kind == "notes"]
    assert [one.text for one in notes] == [
        "Ada: highlighted: “28 kW” – Per hour?\nBo: Yes, per hour.",
        "Bo: Cite the source.",
        "underlined: “cleaned every month.”",
    ]
    assert {one.page for one in notes} == {1}
    assert notes[0].box
    assert notes[0].box[1] < 112 < notes[0].box[3] + 10
    (text,) = (one.text for one in extraction.passages if one.kind == "text")
    assert text.endswith(TEXT)


def test_form_fields_are_label_and_value(tmp_path: Path) -> None:
    document, page = page_with_text()
    fields = (
        (pymupdf().PDF_WIDGET_TYPE_TEXT, "Full name", "Ada Løvås"),
        (pymupdf().PDF_WIDGET_TYPE_CHECKBOX, "I agree", True),
        (pymupdf().PDF_WIDGET_TYPE_CHECKBOX, "Newsletter", False),
        (pymupdf().PDF_WIDGET_TYPE_COMBOBOX, "City", "Oslo"),
        (pymupdf().PDF_WIDGET_TYPE_TEXT, "Remarks", ""),
    )
    for row, (kind, label, value) in enumerate(fields):
        widget = pymupdf().Widget()
        widget.field_type, widget.field_name, widget.field_label = kind, f"field{row}", label
        widget.rect = pymupdf().Rect(72, 200 + 30 * row, 300, 220 + 30 * row)
        if kind == pymupdf().PDF_WIDGET_TYPE_COMBOBOX:
            widget.choice_values = ["Oslo", "Bergen"]
        widget.field_value = value
        page.add_widget(widget)
    extraction = extract_document(document, tmp_path)
    (form,) = (one for one in extraction.passages if one.kind == "form")
    assert form.text.splitlines() == ["Full name: Ada Løvås", "I agree: yes", "Newsletter: no", "City: Oslo"]
    (text,) = (one.text for one in extraction.passages if one.kind == "text")
    assert text.endswith(TEXT)


@pytest.mark.parametrize("passwords", [("right",), ("wrong", "right")])
def test_password_opens_an_encrypted_file(tmp_path: Path, passwords: tuple[str, ...]) -> None:
    encryption = {"encryption": pymupdf().PDF_ENCRYPT_AES_256, "user_pw": "right", "owner_pw": "owner"}
    (passage,) = extract_document(page_with_text()[0], tmp_path, passwords, **encryption).passages
    assert passage.text.endswith(TEXT)


def test_wrong_password_gives_one_sentence_without_it(tmp_path: Path) -> None:
    encryption = {"encryption": pymupdf().PDF_ENCRYPT_AES_256, "user_pw": "right", "owner_pw": "owner"}
    with pytest.raises(ExtractionError, match=r"a\.pdf: is encrypted, and none of its passwords opens it\.") as error:
        extract_document(page_with_text()[0], tmp_path, ("wr0ng",), **encryption)
    assert "wr0ng" not in str(error.value)
    assert error.value.transient
