"""The contact sheet: what it shows, and that it is safe to open and can be moved."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

from PIL import Image
from playwright.sync_api import Browser

from extractors.contact_sheet import write_contact_sheet
from extractors.pdf.render import pymupdf
from extractors.pictures.store import save_image_bytes
from extractors.table_grid import grid_from_rows
from extractors.types import Extraction, ImageFile, Passage, Picture, Problem, Report, Source
from tests.support.browser import NEEDS_CHROMIUM
from tests.support.browser import browser as browser


def save_png(folder: Path, colour: str = "red") -> ImageFile:
    file = BytesIO()
    Image.new("RGB", (40, 30), colour).save(file, "PNG")
    return save_image_bytes(file.getvalue(), ".png", (40, 30), folder)


def two_page_extraction(folder: Path, caption: str = "Figure 1. A red square.", **report: object) -> Extraction:
    """The extraction of a PDF with two pages: a figure on the first, a passage on the second."""
    path = folder / "two pages.pdf"
    document = pymupdf().open()
    document.new_page(width=200, height=400)
    document.new_page(width=200, height=400)
    document.save(path)
    source = Source(path, path.as_uri(), path.name, "0" * 64, "application/pdf")
    picture = Picture("figure", 1, save_png(folder / "pictures"), (50, 100, 150, 200), "figure 1", caption)
    passage = Passage("Words.", 2, (20, 40, 180, 80))
    return Extraction(source, (passage,), (picture,), Report(2, **report))  # type: ignore[arg-type]


def sheet_text(extraction: Extraction, folder: Path) -> str:
    write_contact_sheet(extraction, folder / "pictures", folder / "001-two pages.pdf.html")
    return (folder / "001-two pages.pdf.html").read_text(encoding="utf-8")


@NEEDS_CHROMIUM
def test_a_phone_shows_the_whole_width(tmp_path: Path, browser: Browser) -> None:
    text = sheet_text(two_page_extraction(tmp_path, "Figure 1. " + "Red" * 100), tmp_path)
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.set_content(text)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()


class TagParser(HTMLParser):
    """Collects the names and attributes of all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_boxes_are_placed_on_the_page(tmp_path: Path) -> None:
    text = sheet_text(two_page_extraction(tmp_path), tmp_path)
    assert 'class="box figure" style="left:25.00%;top:25.00%;width:50.00%;height:25.00%"' in text
    assert 'class="box text" style="left:10.00%;top:10.00%;width:80.00%;height:10.00%"' in text


def test_images_have_relative_addresses_that_exist(tmp_path: Path) -> None:
    text = sheet_text(two_page_extraction(tmp_path), tmp_path)
    sources = [unquote(a["src"] or "") for tag, a in TagParser(text).found if tag == "img"]
    assert len(sources) == 3  # two pages and the crop
    for source in sources:
        assert not source.startswith(("/", "http", "file"))
        assert (tmp_path / source).is_file()


def test_text_of_the_document_cannot_become_markup(tmp_path: Path) -> None:
    caption = 'Figure 1. <script>alert(1)</script> "><img src=x onerror=alert(2)>'
    extraction = two_page_extraction(tmp_path, caption, notes=("<b onclick=x>",), problems=(Problem("<iframe>", 1),))
    text = sheet_text(extraction, tmp_path)
    tags = TagParser(text).found
    assert not {"script", "iframe", "object"} & {tag for tag, _ in tags}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;" in text


def test_flags_problems_and_unmatched_captions_are_listed(tmp_path: Path) -> None:
    extraction = two_page_extraction(
        tmp_path,
        flagged_pages=(2,),
        problems=(Problem("its drawings are broken", 2),),
        captions_unmatched=("Figure 9. Lost.",),
    )
    text = sheet_text(extraction, tmp_path)
    second = text[text.index('id="page-2"') :]
    assert "looks visual, but no figure was found" in second
    assert "page 2: its drawings are broken" in text
    assert "Figure 9. Lost." in text


def test_slides_are_shown_by_their_stored_images(tmp_path: Path) -> None:
    image = save_png(tmp_path / "pictures", "blue")
    source = Source(tmp_path / "deck.pptx", "file:///deck.pptx", "deck.pptx", "1" * 64, "")
    slide = Picture("slide", 1, image, (0, 0, 720, 405))
    text = sheet_text(Extraction(source, (), (slide,), Report(1)), tmp_path)
    assert re.search(r'class="page"><img src="pictures/[^"]+\.png"', text)


def test_figure_is_marked_differently_from_its_panels(tmp_path: Path) -> None:
    extraction = two_page_extraction(tmp_path)
    (panel,) = extraction.pictures
    text = sheet_text(replace(extraction, pictures=(panel, replace(panel, kind="panel", label="figure 1a"))), tmp_path)
    assert re.search(r'class="box figure"[^>]*><b>figure 1</b>', text)
    assert re.search(r'class="box panel"[^>]*><b>figure 1a</b>', text)


def test_page_read_by_ocr_is_rendered_as_displayed(tmp_path: Path) -> None:
    """Its stored image may have been turned upright, while its boxes are those of the displayed page."""
    stored = save_png(tmp_path / "pictures", "blue")
    page = Picture("page", 1, stored, (0, 0, 200, 400))
    extraction = two_page_extraction(tmp_path)
    shown = replace(extraction, pictures=(*extraction.pictures, page))
    assert stored.sha256 in sheet_text(shown, tmp_path)
    turned = replace(shown, report=Report(2, ocr_pages=(1,)))
    assert f"{stored.sha256}{stored.suffix}" not in sheet_text(turned, tmp_path)
    assert (tmp_path / "001-two pages.pdf" / "0001.jpg").exists()


def test_passages_are_numbered_in_reading_order_and_tables_shown_with_their_headers(tmp_path: Path) -> None:
    extraction = two_page_extraction(tmp_path, uncertain_pages=(2,))
    grid = grid_from_rows([("Pump", "<b>bar</b>"), ("A", "12"), ("B", "40")], header_rows=1)
    table = Passage("| Pump |", 2, (20, 100, 180, 200), (), "table", "table 1", "Table 1", grid)
    text = sheet_text(replace(extraction, passages=(*extraction.passages, table, table)), tmp_path)
    assert re.findall(r'class="box (\w+)" style="[^"]+"><i>([^<]+)</i>', text) == [("text", "1"), ("table", "2–3")]
    assert '<th scope="col">&lt;b&gt;bar&lt;/b&gt;</th>' in text
    assert "reading order uncertain</p>" in text[text.index('id="page-2"') :]
    assert "<dt>tables with a header</dt><dd>1</dd>" in text
