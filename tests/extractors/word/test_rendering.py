"""Word processing files with their pages: places, page images, and drawings cut from the pages."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf
from extractors.slides.libreoffice import find_libreoffice
from tests.support.blocks import extract_file, png

TEXTS = (
    "The pump must be rinsed with cold water every week, because lime settles in it.",
    "Keep the pump in a dry place over the winter, far away from any frost.",
)
SHAPES = (
    '<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:drawing '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"><wp:inline>'
    '<wp:extent cx="2540000" cy="1270000"/><wp:docPr id="9" name="x" descr="Two valves"/><wps:wsp/><wps:wsp/>'
    "</wp:inline></w:drawing></w:r>"
)


def has_writer() -> bool:
    """Debian packages Writer separately."""
    if not (program := find_libreoffice()):
        return False
    folder = Path(program).resolve().parent
    return (folder / "libswlo.so").exists() or not (folder / "libmergedlo.so").exists()


def write_docx(path: Path) -> Path:
    from docx import Document
    from docx.oxml import parse_xml
    from docx.shared import Pt

    document = Document()
    document.add_heading("Care", 1)
    document.add_paragraph(TEXTS[0])
    document.add_page_break()
    document.add_heading("Storage", 1)
    document.add_paragraph(TEXTS[1])
    document.add_picture(io.BytesIO(png(400, 200)), width=Pt(300))
    document.add_paragraph("Figure 1: The place.")
    document.add_paragraph()._p.append(parse_xml(SHAPES))
    document.save(str(path))
    return path


@pytest.fixture
def drawn_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for LibreOffice with a PDF that shows the same."""

    def convert(file: Path, target: str, folder: Path) -> Path:
        if target != "pdf":
            raise ExtractionError("not needed")
        with pymupdf().open() as pdf:
            for number, (heading, text) in enumerate(zip(("Care", "Storage"), TEXTS, strict=True)):
                page = pdf.new_page()
                page.insert_text((72, 100), heading, fontsize=20)
                page.insert_text((72, 130), text, fontsize=10)
                if number:
                    page.insert_image((72, 200, 372, 350), stream=png(400, 200))
                    page.insert_text((72, 365), "Figure 1: The place.")
                    page.draw_circle((150, 500), 50, fill=(1, 0, 0))
                    page.draw_line((150, 500), (260, 520), width=4)
                    page.draw_circle((260, 520), 40, fill=(0, 0, 1))
            pdf.save(folder / "deck.pdf")
        return folder / "deck.pdf"

    monkeypatch.setattr("extractors.word.extractor.convert_file", convert)


@pytest.mark.usefixtures("drawn_pages")
def test_parts_get_the_pages_on_which_they_are_printed(tmp_path: Path) -> None:
    found = extract_file(write_docx(tmp_path / "a.docx"))
    assert [(one.heading, one.text, one.page) for one in found.passages] == [
        (("Care",), TEXTS[0], 1), (("Storage",), TEXTS[1], 2)
    ]  # fmt: skip
    assert (found.paged, found.report.pages, found.report.notes) == (True, 2, ())
    image, drawing = [one for one in found.pictures if one.kind == "figure"]
    assert (image.page, image.caption, image.image.width) == (2, "Figure 1: The place.", 400)
    assert image.box is not None
    assert image.box[1] == pytest.approx(200, abs=3)
    assert (drawing.page, drawing.caption) == (2, "Two valves")
    assert drawing.box is not None
    assert drawing.box[1] > 400


@pytest.mark.skipif(not has_writer(), reason="LibreOffice Writer is not installed")
@pytest.mark.parametrize("target", ["docx", *(pytest.param(name, marks=pytest.mark.slow) for name in ("odt", "rtf"))])
def test_every_format_is_read_with_its_pages(tmp_path: Path, target: str) -> None:
    path = write_docx(tmp_path / "a.docx")
    if target != "docx":
        from extractors.slides import libreoffice

        filters = {"odt": "odt:writer8", "rtf": "rtf:Rich Text Format"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(libreoffice._FILTERS, target, filters[target])
            path = libreoffice.convert_file(path, target, tmp_path)
    found = extract_file(path)
    assert [(one.heading, one.text, one.page) for one in found.passages][:2] == [
        (("Care",), TEXTS[0], 1), (("Storage",), TEXTS[1], 2)
    ]  # fmt: skip
    assert ("Figure 1: The place.", 2) in [(one.caption, one.page) for one in found.pictures]
