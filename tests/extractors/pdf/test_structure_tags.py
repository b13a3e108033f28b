"""Structure tags of PDF files: headings, furniture and the alternative texts of figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from extractors.page import PageLayout
from extractors.pdf.page_reader import read_page
from extractors.pdf.render import pymupdf
from tests.extractors.pdf.test_extractor import extract_document

PROSE = "The pump moves water from the lower tank to the upper one, and rests by day."
PHOTO = "q 300 0 0 200 60 300 cm /photo Do Q"


def _show(text: str, base: float, size: float = 10) -> str:
    return f"BT /helv {size} Tf 60 {base} Td ({text}) Tj ET"


def _tagged(*elements: tuple[str, str], folder: Path | None = None, alt: str = "") -> Any:
    """A document of one page of 600 by 800 points: drawing operators, each with the name of its tag, or "" for none."""
    document = pymupdf().open()
    page = document.new_page(width=600, height=800)
    page.insert_font("helv")
    if folder:
        Image.effect_noise((60, 40), 80).convert("RGB").save(folder / "photo.png")
        page.insert_image((0, 0, 1, 1), filename=str(folder / "photo.png"))
    tags = [tag for tag, _ in elements]
    content = "\n".join(
        f"/{tag} <</MCID {n}>> BDC {drawn} EMC" if tag else f"/Artifact BMC {drawn} EMC"
        for n, (tag, drawn) in enumerate(elements)
    )
    root, numbers = document.get_new_xref(), {n: document.get_new_xref() for n, tag in enumerate(tags) if tag}
    for n, xref in numbers.items():
        described = f"/Alt ({alt})" if tags[n] == "Figure" else ""
        document.update_object(xref, f"<</S /{tags[n]} /P {root} 0 R /Pg {page.xref} 0 R /K {n} {described}>>")
    kids = " ".join(f"{xref} 0 R" for xref in numbers.values())
    parents = " ".join(f"{numbers[n]} 0 R" if n in numbers else "null" for n in range(len(elements)))
    document.update_object(root, f"<</Type /StructTreeRoot /K [{kids}] /ParentTree <</Nums [0 [{parents}]]>>>>")
    document.xref_set_key(document.pdf_catalog(), "StructTreeRoot", f"{root} 0 R")
    document.xref_set_key(page.xref, "StructParents", "0")
    stream = document.get_new_xref()
    document.update_object(stream, "<<>>")
    photo = page.get_images()[0][7] if folder else ""
    document.update_stream(stream, content.replace("/photo", f"/{photo}").encode())
    page.set_contents(stream)
    return document


def _layout(document: Any) -> PageLayout:
    layout = read_page(document[0], 1)
    assert not layout.notes
    return layout


def test_tagged_lines_have_the_level_of_their_heading() -> None:
    rows = ("H1", _show("Tanks", 700)), ("P", _show(PROSE, 680)), ("H3", _show("Valves", 640)), ("P", _show(PROSE, 620))
    assert [line.heading for line in _layout(_tagged(*rows)).lines] == [1, 0, 3, 0]


def test_tagged_headings_in_the_body_font_are_headings(tmp_path: Path) -> None:
    rows = [
        ("H1", _show("How it works", 700)),
        *(("P", _show(PROSE, 688 - 12 * n)) for n in range(4)),
        ("H2", _show("Why does it rest", 640)),
        *(("P", _show(PROSE.replace("pump", "valve"), 628 - 12 * n)) for n in range(4)),
    ]
    made = extract_document(_tagged(*rows), tmp_path)
    assert [passage.heading for passage in made.passages] == [("How it works",), ("How it works", "Why does it rest")]


def test_untagged_line_in_the_margin_is_furniture_if_the_rest_is_tagged(tmp_path: Path) -> None:
    rows = [("P", _show(PROSE, 700 - 14 * n)) for n in range(4)]
    made = extract_document(_tagged(("", _show("Journal of pumps", 770)), *rows), tmp_path)
    assert not any("Journal" in passage.text for passage in made.passages)
    made = extract_document(_tagged(("", _show("Journal of pumps", 770)), ("", _show(PROSE, 700)), *rows[2:]), tmp_path)
    assert any("Journal" in passage.text or passage.heading for passage in made.passages)


def test_alternative_text_is_the_caption_of_a_figure_without_one(tmp_path: Path) -> None:
    rows = ("P", _show(PROSE, 700)), ("Figure", PHOTO)
    for alt, caption in (("Two men at a pump", "Two men at a pump"), ("IMG_3.jpg", "")):
        tagged = _tagged(*rows, folder=tmp_path, alt=alt)
        (figure,) = extract_document(tagged, tmp_path, page_images="none").pictures
        assert figure.caption == caption
