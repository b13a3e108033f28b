"""Decks as python-pptx reads them: text, tables, charts, pictures, sections, and files that cannot be read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from extractors.errors import ExtractionError
from extractors.slides import libreoffice
from extractors.types import Options
from tests.support.decks import add_bullets, add_notes, extract_deck, passage_texts, png_file, write_deck


def test_bullets_keep_their_order_level_box_and_heading(tmp_path: Path) -> None:
    (passage,) = extract_deck(write_deck(tmp_path / "a.pptx", add_bullets)).passages
    assert passage.text == "Clean the filter weekly.\n– Use cold water."
    assert (passage.heading, passage.page, passage.box) == (("Title 1",), 1, (72, 144, 372, 244))


def test_symbols_are_read(tmp_path: Path) -> None:
    from pptx.oxml import parse_xml
    from pptx.util import Pt

    def symbols(slide: Any) -> None:
        paragraph = slide.shapes.add_textbox(Pt(72), Pt(144), Pt(300), Pt(100)).text_frame.paragraphs[0]
        for text, font in (("25 ", ""), ("\uf06d", "Symbol"), ("m ", ""), ("\uf0fc", "Wingdings")):
            run = paragraph.add_run()
            run.text = text
            if font:
                drawing = "http://schemas.openxmlformats.org/drawingml/2006/main"
                run._r.get_or_add_rPr().append(parse_xml(f'<a:sym xmlns:a="{drawing}" typeface="{font}"/>'))

    assert passage_texts(extract_deck(write_deck(tmp_path / "a.pptx", symbols)), "text") == ["25 μm ✓"]


def test_slide_with_only_a_title_yields_a_passage(tmp_path: Path) -> None:
    (passage,) = extract_deck(write_deck(tmp_path / "a.pptx", lambda slide: None)).passages
    assert (passage.text, passage.heading) == ("Title 1", ())


def test_speaker_notes_become_passages_of_kind_notes(tmp_path: Path) -> None:
    extraction = extract_deck(write_deck(tmp_path / "a.pptx", add_bullets, add_notes))
    (notes,) = [passage for passage in extraction.passages if passage.kind == "notes"]
    assert (notes.text, notes.page, notes.heading) == ("Mention the warranty.", 2, ("Title 2",))


def test_text_boxes_on_the_page_of_notes_are_read(tmp_path: Path) -> None:
    def noted(slide: Any) -> None:
        add_notes(slide)
        slide.notes_slide.shapes._spTree.append(slide.shapes.add_textbox(0, 0, 999, 999)._element)
        slide.notes_slide.shapes[-1].text_frame.text = "Bring a filter."

    (notes,) = passage_texts(extract_deck(write_deck(tmp_path / "a.pptx", add_bullets, noted)), "notes")
    assert notes == "Mention the warranty.\nBring a filter."


def test_table_becomes_markdown_with_merged_cells(tmp_path: Path) -> None:
    from pptx.util import Pt

    def tabled(slide: Any) -> None:
        table = slide.shapes.add_table(2, 3, Pt(10), Pt(100), Pt(300), Pt(60)).table
        for number, text in enumerate(("Part", "Price", "Stock", "Pump", "12", "3")):
            table.cell(number // 3, number % 3).text = text
        table.cell(0, 1).merge(table.cell(0, 2))

    (table,) = passage_texts(extract_deck(write_deck(tmp_path / "a.pptx", tabled)), "table")
    lines = table.splitlines()
    assert lines[0] == "| Part | Price Stock | Price Stock |"
    assert lines[2] == "| Pump | 12 | 3 |"


def test_chart_yields_its_title_series_and_values(tmp_path: Path) -> None:
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.util import Pt

    def charted(slide: Any) -> None:
        data = CategoryChartData()
        data.categories = ["Spring", "Autumn"]
        data.add_series("Kettles", (8.2, 14))
        data.add_series("Toasters", (3, None))
        frame = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Pt(50), Pt(100), Pt(400), Pt(300), data)
        frame.chart.has_title = True
        frame.chart.chart_title.text_frame.text = "Units sold"
        frame.chart.value_axis.has_title = True
        frame.chart.value_axis.axis_title.text_frame.text = "thousands"

    (table,) = [
        passage
        for passage in extract_deck(write_deck(tmp_path / "a.pptx", charted)).passages
        if passage.kind == "table"
    ]
    assert table.caption == "Units sold (thousands)"
    assert table.text.splitlines()[0] == "|  | Kettles | Toasters |"
    assert table.text.splitlines()[2:] == ["| Spring | 8.2 | 3 |", "| Autumn | 14 |  |"]


def test_scatter_chart_yields_its_points(tmp_path: Path) -> None:
    from pptx.chart.data import XyChartData
    from pptx.enum.chart import XL_CHART_TYPE

    def scattered(slide: Any) -> None:
        data = XyChartData()
        series = data.add_series("Run")
        series.add_data_point(1.5, 20)
        slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, 0, 0, 5000000, 3000000, data)

    (table,) = passage_texts(extract_deck(write_deck(tmp_path / "a.pptx", scattered)), "table")
    assert table.splitlines()[-1] == "| Run | 1.5 | 20 |"


def test_shape_in_nested_groups_is_placed_on_the_slide(tmp_path: Path) -> None:
    from pptx.util import Pt

    def grouped(slide: Any) -> None:
        outer = slide.shapes.add_group_shape()
        inner = outer.shapes.add_group_shape()
        inner.shapes.add_textbox(Pt(100), Pt(200), Pt(50), Pt(20)).text_frame.text = "Valve"
        # As if somebody dragged the group 36 points to the right.
        outer.left += Pt(36)

    passage = extract_deck(write_deck(tmp_path / "a.pptx", grouped)).passages[0]
    assert passage.text == "Valve"
    assert passage.box == (136, 200, 186, 220)


def test_embedded_picture_keeps_its_bytes_box_and_alternative_text(tmp_path: Path) -> None:
    from pptx.util import Pt

    data = png_file().getvalue()

    def pictured(slide: Any) -> None:
        picture = slide.shapes.add_picture(io.BytesIO(data), Pt(60), Pt(100), Pt(240), Pt(160))
        picture._element.nvPicPr.cNvPr.set("descr", "A red pump")

    extraction = extract_deck(write_deck(tmp_path / "a.pptx", pictured))
    (picture,) = extraction.pictures
    assert (picture.kind, picture.caption, picture.box) == ("figure", "A red pump", (60, 100, 300, 260))
    stored = tmp_path / "pictures" / picture.image.sha256[:2] / f"{picture.image.sha256}.png"
    assert stored.read_bytes() == data
    assert picture.context == ("Title 1",)


def test_cropped_picture_is_stored_as_cropped(tmp_path: Path) -> None:
    def cropped(slide: Any) -> None:
        slide.shapes.add_picture(png_file(size=(400, 200)), 0, 2000000, 3000000).crop_left = 0.5

    (picture,) = extract_deck(write_deck(tmp_path / "a.pptx", cropped)).pictures
    assert (picture.image.width, picture.image.height) == (200, 200)


def test_logo_on_every_slide_is_ignored(tmp_path: Path) -> None:
    def branded(slide: Any) -> None:
        slide.shapes.add_picture(png_file(), 0, 0, 1500000)

    assert extract_deck(write_deck(tmp_path / "a.pptx", *[branded] * 5)).pictures == ()


def test_linked_picture_is_not_followed_but_noted(tmp_path: Path) -> None:
    def linked(slide: Any) -> None:
        picture = slide.shapes.add_picture(png_file(), 0, 2000000, 3000000)
        (blip,) = picture._element.xpath(".//a:blip")
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        blip.attrib.pop(f"{{{kind}}}embed")
        target = slide.part.relate_to("http://127.0.0.1:9/x.png", f"{kind}/image", is_external=True)
        blip.set(f"{{{kind}}}link", target)

    extraction = extract_deck(write_deck(tmp_path / "a.pptx", linked))
    assert extraction.pictures == ()
    assert any("slide 1: a picture is not in the deck" in note for note in extraction.report.notes)


def test_hidden_slide_keeps_its_number_and_is_noted(tmp_path: Path) -> None:
    extraction = extract_deck(
        write_deck(tmp_path / "a.pptx", add_bullets, lambda slide: slide._element.set("show", "0"), add_bullets)
    )
    assert [passage.heading for passage in extraction.passages][0::2] == [("Title 1",), ("Title 3",)]
    assert "hidden slides, kept and marked: 2" in extraction.report.notes


def test_section_comes_first_in_the_heading_path(tmp_path: Path) -> None:
    from pptx import Presentation
    from pptx.oxml import parse_xml

    path = write_deck(tmp_path / "a.pptx", add_bullets)
    presentation = Presentation(str(path))
    (slide,) = presentation.slides
    namespace = "http://schemas.microsoft.com/office/powerpoint/2010/main"
    section = f'<s:section name="Care"><s:sldIdLst><s:sldId id="{slide.slide_id}"/></s:sldIdLst></s:section>'
    presentation._element.append(parse_xml(f'<s:sectionLst xmlns:s="{namespace}">{section}</s:sectionLst>'))
    presentation.save(str(path))
    assert extract_deck(path).passages[0].heading == ("Care", "Title 1")


def test_without_libreoffice_text_is_extracted_and_the_report_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: None)
    extraction = extract_deck(write_deck(tmp_path / "a.pptx", add_bullets), Options(ocr="off"))
    assert passage_texts(extraction, "text") == ["Clean the filter weekly.\n– Use cold water."]
    assert extraction.pictures == ()
    (note,) = extraction.report.notes
    assert "apt install libreoffice-impress" in note
    assert "not kept as pictures" in note


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"PK\x03\x04 cut short", "not a complete file"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "is encrypted"),
    ],
)
def test_unreadable_deck_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, message: str
) -> None:
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: None)
    (tmp_path / "broken.pptx").write_bytes(data)
    with pytest.raises(ExtractionError, match=message) as error:
        extract_deck(tmp_path / "broken.pptx")
    assert "broken.pptx" in str(error.value)


def test_deck_without_slides_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractionError, match="has no slides"):
        extract_deck(write_deck(tmp_path / "a.pptx"))


def test_zip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.containers.MAX_UNPACKED_BYTES", 10_000)
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: None)
    with pytest.raises(ExtractionError, match="zip bomb"):
        extract_deck(write_deck(tmp_path / "a.pptx", add_bullets))


def test_broken_shape_leaves_the_rest_of_the_slide(tmp_path: Path) -> None:
    def broken(slide: Any) -> None:
        add_bullets(slide)
        from pptx.util import Pt

        frame = slide.shapes.add_table(1, 1, Pt(1), Pt(1), Pt(9), Pt(9))
        frame._element.graphic.graphicData.remove(frame._element.graphic.graphicData[0])

    extraction = extract_deck(write_deck(tmp_path / "a.pptx", broken))
    assert passage_texts(extraction, "text") == ["Clean the filter weekly.\n– Use cold water."]
    assert [problem.page for problem in extraction.report.problems] == [1]


def test_text_in_an_unnumbered_placeholder_is_no_title(tmp_path: Path) -> None:
    from pptx.util import Pt

    lines = [f"Step {number} of the maintenance of pumps is described in the manual" for number in range(9)]

    def outlined(slide: Any) -> None:  # as LibreOffice writes the outline of an older deck
        box = slide.shapes.add_textbox(Pt(72), Pt(144), Pt(300), Pt(100))
        box.text_frame.text = "\n".join(lines)
        placeholder = slide.shapes.title._element.nvSpPr.nvPr
        slide.shapes._spTree.remove(slide.shapes.title._element)
        box._element.nvSpPr.nvPr.append(placeholder.ph)
        box._element.nvSpPr.nvPr.ph.attrib.pop("type")

    (passage,) = extract_deck(write_deck(tmp_path / "a.pptx", outlined)).passages
    assert (passage.text.splitlines(), passage.heading) == (lines, ())


def test_title_too_long_for_a_path_is_text_as_well(tmp_path: Path) -> None:
    title = " ".join(f"word{number}" for number in range(60))

    def titled(slide: Any) -> None:
        slide.shapes.title.text_frame.text = title
        add_bullets(slide)

    (passage,) = extract_deck(write_deck(tmp_path / "a.pptx", titled)).passages
    assert passage.text.startswith(f"{title}\nClean the filter")
