"""DOCX files: the structure that the file states, without LibreOffice, so without pages."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from extractors.errors import ExtractionError
from tests.support.blocks import extract_file, png

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


@pytest.fixture(autouse=True)
def _without_libreoffice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.slides.libreoffice.find_libreoffice", lambda: None)


@pytest.fixture
def document() -> Any:
    from docx import Document

    return Document()


def save(document: Any, folder: Path) -> Path:
    document.save(str(folder / "a.docx"))
    return folder / "a.docx"


def append_xml(parent: Any, xml: str) -> Any:
    from docx.oxml import parse_xml

    element = parse_xml(f'<w:root xmlns:w="{W}">{xml}</w:root>')
    for child in list(element):
        parent.append(child)
    return parent


def test_headings_by_style_outline_level_and_base_style(document: Any, tmp_path: Path) -> None:
    from docx.enum.style import WD_STYLE_TYPE

    own = document.styles.add_style("Kapitel", WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = document.styles["Heading 2"]
    document.core_properties.title = "Pump manual"
    document.add_paragraph("Pumps", style="Title")
    document.add_heading("Care", 1)
    document.add_paragraph("Rinse it.")
    document.add_paragraph("Storage", style="Kapitel")
    document.add_paragraph("Keep it dry.")
    plain = document.add_paragraph("Parts")
    append_xml(plain._p.get_or_add_pPr(), '<w:outlineLvl w:val="0"/>')
    document.add_paragraph("Ask your dealer.")
    found = extract_file(save(document, tmp_path))
    assert found.title == "Pumps"
    assert [(one.heading, one.text) for one in found.passages] == [
        ((), "Pumps"),
        (("Care",), "Rinse it."),
        (("Care", "Storage"), "Keep it dry."),
        (("Parts",), "Ask your dealer."),
    ]
    assert (found.paged, found.passages[0].page) == (False, 1)
    assert any("LibreOffice is not installed" in note for note in found.report.notes)


def test_lists_are_numbered_as_printed(document: Any, tmp_path: Path) -> None:
    for style, text in (
        ("List Number", "Open"), ("List Number", "Rinse"), ("List Bullet", "hose"), ("List Bullet 2", "inside")
    ):  # fmt: skip
        document.add_paragraph(text, style=style)
    assert extract_file(save(document, tmp_path)).passages[0].text == "1. Open\n2. Rinse\n• hose\n• inside"


def test_table_keeps_spans_headers_and_its_caption(document: Any, tmp_path: Path) -> None:
    document.add_paragraph("Table 1: Prices", style="Caption")
    table = document.add_table(4, 3)
    for row, texts in enumerate((("Part", "Price", ""), ("", "new", "used"), ("Hose", "5", "3"), ("", "6", "4"))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    table.cell(2, 0).merge(table.cell(3, 0))
    for row in table.rows[:2] if isinstance(table.rows, list) else list(table.rows)[:2]:
        append_xml(row._tr.get_or_add_trPr(), "<w:tblHeader/>")
    (passage,) = extract_file(save(document, tmp_path)).passages
    assert (passage.kind, passage.caption, passage.label) == ("table", "Table 1: Prices", "table 1")
    assert passage.table is not None
    assert (passage.table.rows, passage.table.columns, passage.table.header_rows) == (4, 3, 2)
    spans = {(cell.text, cell.row_span, cell.column_span) for cell in passage.table.cells}
    assert {("Part", 2, 1), ("Price", 1, 2), ("Hose", 2, 1)} <= spans


def test_picture_has_alternative_text_caption_and_context(document: Any, tmp_path: Path) -> None:
    document.add_paragraph("Wear grows, see Figure 2.")
    document.add_picture(io.BytesIO(png()))
    caption = document.add_paragraph("Figure ", style="Caption")
    append_xml(
        caption._p,
        '<w:fldSimple w:instr=" SEQ Figure "><w:r><w:t>2</w:t></w:r></w:fldSimple><w:r><w:t>: Wear</w:t></w:r>',
    )
    document.add_picture(io.BytesIO(png(300)))
    document.element.body.xpath(".//wp:docPr")[-1].set("descr", "A hose")
    one, two = extract_file(save(document, tmp_path)).pictures
    assert (one.caption, one.label, one.context) == ("Figure 2: Wear", "figure 2", ("Wear grows, see Figure 2.",))
    assert two.caption == "A hose"


def test_changes_are_accepted_and_fields_hidden_text_and_formulas_read(document: Any, tmp_path: Path) -> None:
    paragraph = document.add_paragraph()._p
    run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    append_xml(
        paragraph,
        f"<w:ins>{run.format('new ')}</w:ins><w:del><w:r><w:delText>old </w:delText></w:r></w:del>"
        "<w:r><w:fldChar w:fldCharType='begin'/><w:instrText> PAGEREF x </w:instrText></w:r>"
        "<w:r><w:fldChar w:fldCharType='separate'/></w:r>"
        f"{run.format('12 ')}<w:r><w:fldChar w:fldCharType='end'/></w:r>"
        f"<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>{run.format('10')}"
        "<w:r><w:rPr><w:vertAlign w:val='superscript'/></w:rPr><w:t>4</w:t></w:r>"
        '<m:oMath xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"><m:f><m:num><m:r><m:t>a+b</m:t>'
        "</m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>",
    )
    assert extract_file(save(document, tmp_path)).passages[0].text == "new 12 10^4 (a+b)/2"


def test_symbols_are_read(document: Any, tmp_path: Path) -> None:
    append_xml(
        document.add_paragraph("A film of 25 ")._p,
        "<w:r><w:sym w:font='Symbol' w:char='F06D'/><w:t>m at 4 </w:t><w:sym w:font='Symbol' w:char='00B0'/></w:r>"
        "<w:r><w:rPr><w:rFonts w:ascii='Symbol' w:hAnsi='Symbol'/></w:rPr><w:t>\uf0a3</w:t></w:r>"
        "<w:r><w:t>5 </w:t><w:sym w:font='Wingdings' w:char='F0FC'/><w:sym w:font='Symbol' w:char='no'/></w:r>"
        "<w:r><w:t>\uf06d</w:t><w:sym w:font='Symbol' w:char='FFFFFFFF'/></w:r>",
    )
    assert extract_file(save(document, tmp_path)).passages[0].text == "A film of 25 μm at 4 °≤5 ✓"


def test_text_boxes_content_controls_and_nested_tables_are_read(document: Any, tmp_path: Path) -> None:
    body = document.element.body
    paragraph = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    append_xml(
        body,
        f"<w:sdt><w:sdtContent>{paragraph.format('Controlled.')}</w:sdtContent></w:sdt>"
        f"<w:p><w:r><w:pict><w:txbxContent>{paragraph.format('Boxed.')}</w:txbxContent></w:pict></w:r></w:p>",
    )
    outer = document.add_table(2, 2)
    outer.cell(0, 0).text, outer.cell(1, 0).text = "A", "B"
    inner = outer.cell(1, 1).add_table(2, 2)
    inner.cell(0, 0).text, inner.cell(1, 1).text = "X", "Y"
    found = extract_file(save(document, tmp_path))
    assert [one.kind for one in found.passages] == ["table", "table", "text"]
    assert found.passages[-1].text == "Controlled.\nBoxed."


def test_comments_are_notes_and_footnotes_end_their_section(document: Any, tmp_path: Path) -> None:
    paragraph = document.add_paragraph("Rinse it.")
    document.add_comment(paragraph.runs, text="How often?", author="Anna")
    found = extract_file(save(document, tmp_path))
    assert [(one.kind, one.text) for one in found.passages] == [
        ("text", "Rinse it."), ("notes", "Comment (Anna): How often?")
    ]  # fmt: skip


def test_footnote_follows_the_text_of_its_section(document: Any, tmp_path: Path) -> None:
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    paragraph = document.add_paragraph("Rinse it")
    append_xml(paragraph._p, '<w:r><w:footnoteReference w:id="7"/></w:r>')
    document.add_paragraph("Dry it.")
    text = '<w:footnote w:id="7"><w:p><w:r><w:t>With water.</w:t></w:r></w:p></w:footnote>'
    note = f'<w:footnotes xmlns:w="{W}">{text}</w:footnotes>'
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, note.encode(), document.part.package)
    document.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    assert extract_file(save(document, tmp_path)).passages[0].text == "Rinse it[1]\nDry it.\n[1] With water."


def test_linked_picture_is_not_fetched(document: Any, tmp_path: Path) -> None:
    document.add_paragraph("Text.")
    document.add_picture(io.BytesIO(png()))
    (blip,) = document.element.body.xpath(".//a:blip")
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    target = document.part.relate_to("http://127.0.0.1:9/a.png", f"{relation}/image", is_external=True)
    blip.set(f"{{{relation}}}embed", target)
    found = extract_file(save(document, tmp_path))
    assert found.pictures == ()
    assert any("1 image left out: linked and not fetched" in note for note in found.report.notes)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04 cut short", "not a complete file"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "is encrypted; save it without a password"),
        (b"\xd0\xcf\x11\xe0 old", r"not a complete DOC file"),
    ],
)
def test_broken_encrypted_and_old_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.docx").write_bytes(data)
    with pytest.raises(ExtractionError, match=rf"a\.docx: .*{message}"):
        extract_file(tmp_path / "a.docx")
