"""Whole PDF files: text, figures, pages without a text layer, and files that cannot be read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.ocr.recognition import choose_engine
from extractors.page import PageLayout
from extractors.pdf.extractor import extract
from extractors.pdf.page_extractor import PageParts, extract_page
from extractors.pdf.render import pymupdf
from extractors.pictures.store import image_path
from extractors.types import Extraction, Options, Source
from tests.support.drawn_tables import draw_grid

TEXT = (
    "The pump moves water from the lower tank to the upper one. It does so at night, when power is cheap, "
    "and rests by day. A valve keeps the water where it is. "
)
TWELVE_LINES = ([line for line in TEXT.split(". ") if line] * 4)[:12]

needs_tesseract = pytest.mark.skipif(choose_engine(Options())[0] != "tesseract", reason="Tesseract is not installed")


def extract_document(document: Any, folder: Path, **options: Any) -> Extraction:
    path = folder / "made.pdf"
    document.save(path, encryption=options.pop("encryption", 1), user_pw=options.pop("password", None))
    return extract_file(path, folder, **options)


def extract_file(path: Path, folder: Path, **options: Any) -> Extraction:
    source = Source(path, path.as_uri(), path.name, hashlib.sha256(path.read_bytes()).hexdigest(), "application/pdf")
    return extract(source, Options(**{"ocr": "off", **options}), folder / "pictures")


def write(page: Any, text: str, box: tuple[float, float, float, float], **style: Any) -> None:
    assert page.insert_textbox(box, text, **{"fontsize": 10, **style}) >= 0


def text_of_page(number: int) -> str:
    """Text that no other page has: text in the same place on all pages would be furniture."""
    return TEXT.replace("water", ("water", "sand", "heavy oil", "grain")[number]) * 3


def write_chapter(page: Any, heading: str, top: float, text: str = TEXT * 2) -> None:
    page.insert_text((60, top), heading, fontsize=15, fontname="hebo")
    write(page, text, (60, top + 12, 540, top + 120))


def scanned_document(folder: Path, angle: int = 0) -> Any:
    """A document of one page that is an image of text and nothing else, turned clockwise by `angle`."""
    text = pymupdf().open().new_page()
    for n, line in enumerate(TWELVE_LINES):
        text.insert_text((60, 100 + 30 * n), line, fontsize=15)
    pixels = text.get_pixmap(dpi=150)
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples).rotate(-angle, expand=True)
    image.save(folder / "scan.png")
    document = pymupdf().open()
    page = document.new_page(width=image.width / 150 * 72, height=image.height / 150 * 72)
    page.insert_image(page.rect, filename=str(folder / "scan.png"))
    return document


def test_manual_with_headings_passages_and_a_figure(tmp_path: Path) -> None:
    document = pymupdf().open()
    page = document.new_page()
    page.insert_text((60, 80), "A manual of pumps", fontsize=24, fontname="hebo")
    write_chapter(page, "1 How it works", 120, TEXT + "Figure 1 shows the pump at work.")
    for n in range(6):
        page.draw_circle((180 + 40 * n, 360), 30, color=(0, 0, 1), fill=(0.8, 0.8, n / 6))
    page.insert_text((170, 362), "inlet", fontsize=9)
    page.insert_text((60, 420), "Figure 1: The pump and its parts.", fontsize=9)
    write_chapter(page, "2 How to repair it", 480)
    made = extract_document(document, tmp_path)

    assert made.title == "A manual of pumps"
    assert [passage.heading for passage in made.passages] == [(), ("1 How it works",), ("2 How to repair it",)]
    assert made.passages[1].mentions == ("figure 1",)
    assert made.passages[1].text.startswith("The pump moves water from the lower tank to the upper one. It does so")
    (figure,) = made.pictures
    assert (figure.kind, figure.label, figure.caption) == ("figure", "figure 1", "Figure 1: The pump and its parts.")
    assert (figure.words, figure.context) == ("inlet", ("Figure 1 shows the pump at work.",))
    assert figure.heading == ("1 How it works",)
    assert not any("inlet" in passage.text or "its parts" in passage.text for passage in made.passages)
    with Image.open(image_path(figure.image, tmp_path / "pictures")) as crop:
        assert crop.size == (figure.image.width, figure.image.height)
        assert figure.box is not None
        assert crop.width == pytest.approx((figure.box[2] - figure.box[0] + 4) / 72 * 150, abs=3)
    assert (made.report.pages, made.report.captions_matched, made.report.problems) == (1, 1, ())
    assert {"open", "layout", "figures", "render", "passages"} <= set(made.report.seconds)


def test_running_lines_are_left_out_and_sentences_across_pages_are_whole(tmp_path: Path) -> None:
    document = pymupdf().open()
    for n in range(4):
        page = document.new_page()
        page.insert_text((60, 40), "Pumps quarterly", fontsize=9)
        page.insert_text((300, 810), str(n + 1), fontsize=9)
        opening = "to the very last drop of it. " if n else ""
        write(page, opening + text_of_page(n) + "Then the water flows down", (60, 60, 540, 300))
    made = extract_document(document, tmp_path)
    texts = [passage.text for passage in made.passages]
    assert not any("quarterly" in text for text in texts)
    assert [text.endswith("flows down to the very last drop of it.") for text in texts] == [True] * 3 + [False]
    assert [passage.page for passage in made.passages] == [1, 2, 3, 4]


def test_single_embedded_photo_is_saved_unchanged(tmp_path: Path) -> None:
    Image.effect_noise((300, 200), 80).convert("RGB").save(tmp_path / "photo.jpg", quality=95)
    page = pymupdf().open().new_page()
    page.insert_image((100, 100, 400, 300), filename=str(tmp_path / "photo.jpg"))
    write(page, TEXT * 3, (60, 400, 540, 560))
    (picture,) = extract_document(page.parent, tmp_path).pictures
    saved = image_path(picture.image, tmp_path / "pictures")
    assert saved.read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    assert picture.box == pytest.approx((100, 100, 400, 300), abs=1)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_of_equal_size_are_told_apart(rotation: int, tmp_path: Path) -> None:
    document = pymupdf().open()
    page = document.new_page()
    colours = [(200, 60, 40), (40, 160, 90), (50, 70, 190)]
    for n, colour in enumerate(colours):
        pixels = Image.new("RGB", (240, 180), colour)
        pixels.paste("white", (20, 20, 60 + 40 * n, 90))
        image = pymupdf().Pixmap(pymupdf().csRGB, 240, 180, pixels.tobytes(), False)
        xref = page.insert_image((100, 60 + 240 * n, 400, 285 + 240 * n), pixmap=image)
        document.update_stream(xref, pixels.tobytes(), compress=False)
    page.set_rotation(rotation)
    made = extract_document(document, tmp_path)
    figures = sorted((one for one in made.pictures if one.kind == "figure"), key=lambda one: one.box or ())
    if rotation in (90, 180):  # the uppermost is now on the right, or the lowest
        figures.reverse()
    files = [image_path(figure.image, tmp_path / "pictures") for figure in figures]
    assert [Image.open(file).convert("RGB").getpixel((5, 5)) for file in files] == colours


def test_page_images_are_saved_on_request(tmp_path: Path) -> None:
    document = pymupdf().open()
    for _ in range(2):
        write(document.new_page(), TEXT * 8, (60, 60, 540, 500))
    assert extract_document(document, tmp_path, page_images="visual").pictures == ()
    pages = extract_document(document, tmp_path, page_images="all").pictures
    assert [(picture.kind, picture.page, picture.box) for picture in pages] == [
        ("page", 1, (0, 0, 595, 842)), ("page", 2, (0, 0, 595, 842))
    ]  # fmt: skip
    assert "The pump moves water" in pages[0].words


@pytest.mark.parametrize("top", [60, 400], ids=["at the top", "further down"])
def test_caption_at_the_top_of_a_page_belongs_to_the_figure_on_the_page_before(tmp_path: Path, top: float) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "teal.png")
    document = pymupdf().open()
    first = document.new_page()
    write_chapter(first, "Pumps", 60)
    first.insert_image((60, 300, 540, 790), filename=str(tmp_path / "teal.png"))
    second = document.new_page()
    if top > 100:
        write_chapter(second, "Tanks", 60)
    second.insert_text((60, top), "Figure 7. The teal pump of the page before.", fontsize=9)
    write_chapter(second, "Valves", top + 60)
    made = extract_document(document, tmp_path)
    (figure,) = (picture for picture in made.pictures if picture.kind == "figure")
    assert (figure.page, figure.label) == ((1, "figure 7") if top < 100 else (1, ""))
    assert any("teal pump" in passage.text for passage in made.passages) is (top > 100)
    assert len(made.report.captions_unmatched) == (top > 100)


@needs_tesseract
@pytest.mark.parametrize("angle", [0, 90])
def test_scanned_page_has_its_words_and_an_upright_page_image(tmp_path: Path, angle: int) -> None:
    made = extract_document(scanned_document(tmp_path, angle), tmp_path, ocr="auto")
    text = " ".join(passage.text for passage in made.passages)
    assert "moves water from the lower tank" in text
    assert all(passage.ocr for passage in made.passages)
    assert made.report.ocr_pages == (1,)
    page = next(picture for picture in made.pictures if picture.kind == "page")
    assert page.image.height > page.image.width
    assert page.box == pytest.approx((0, 0, *((595, 842) if angle == 0 else (842, 595))), abs=1)


def test_photo_in_a_scan_of_strips_with_a_text_layer_is_found(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (300, 400, 3), np.uint8)
    scan = Image.new("RGB", (600, 800), "white")
    scan.paste(Image.fromarray(noise), (100, 80))
    document = pymupdf().open()
    page = document.new_page(width=600, height=800)
    for n in range(4):
        scan.crop((0, 200 * n, 600, 200 * n + 200)).save(tmp_path / f"{n}.png")
        page.insert_image((0, 200 * n, 600, 200 * n + 200), filename=str(tmp_path / f"{n}.png"))
    lines = (
        "Words that a scanner read here, enough of them to be a text layer.",
        "And a second line of words, so that they are not taken for a stray label.",
    )
    for n, line in enumerate(lines):
        page.insert_text((60, 500 + 30 * n), line, render_mode=3)
    pictures = extract_document(document, tmp_path).pictures
    assert [p.box for p in pictures if p.kind == "figure"] == [pytest.approx((100, 80, 500, 380), abs=4)]


@needs_tesseract
@pytest.mark.parametrize("top", [100, 400], ids=["a whole page", "a figure beside text"])
def test_letters_drawn_as_outlines_are_read(tmp_path: Path, top: int) -> None:
    written = pymupdf().open().new_page()
    for n, line in enumerate(TWELVE_LINES):
        written.insert_text((60, top + 30 * n), line, fontsize=12)
    outlined = pymupdf().open("svg", written.get_svg_image(text_as_path=True).encode()).convert_to_pdf()
    document = pymupdf().open("pdf", outlined)
    document[0].insert_text((60, 60), "ANNUAL REPORT", fontsize=15)
    if top == 400:
        write(document[0], TEXT * 4, (60, 80, 540, 300))
    made = extract_document(document, tmp_path, ocr="auto")
    (text,) = [part.text for part in made.passages] if top == 100 else [part.words for part in made.pictures]
    assert text.count("moves water from the lower tank") == 4
    assert ("ANNUAL REPORT" in text) == (top == 100)
    assert made.report.ocr_pages == ((1,) if top == 100 else ())


@needs_tesseract
@pytest.mark.parametrize("shift", [0, 3], ids=["readable", "shifted alphabet"])
def test_text_layer_is_replaced_by_ocr_only_if_it_is_unreadable(tmp_path: Path, shift: int) -> None:
    document = scanned_document(tmp_path)
    for n, line in enumerate(TWELVE_LINES):
        text = "".join(chr(ord(letter) + shift) if letter.isalpha() else letter for letter in line)
        document[0].insert_text((60, 100 + 30 * n), text, fontsize=15, render_mode=3)
    made = extract_document(document, tmp_path, ocr="auto")
    assert "moves water from the lower tank" in " ".join(passage.text for passage in made.passages)
    assert made.report.ocr_pages == ((1,) if shift else ())


@needs_tesseract
def test_recognised_handwriting_is_read_again_from_its_strokes(tmp_path: Path) -> None:
    page = pymupdf().open().new_page()
    for n, line in enumerate(TWELVE_LINES):
        page.insert_text((60, 100 + 30 * n), line, fontsize=15)
    strokes = pymupdf().open("svg", page.get_svg_image(text_as_path=True).encode())
    document = pymupdf().open("pdf", strokes.convert_to_pdf())
    for n, line in enumerate(TWELVE_LINES):  # what a program for notes made of them
        document[0].insert_text((60, 100 + 30 * n), line.replace("w", "u"), fontsize=15, render_mode=3)
    made = extract_document(document, tmp_path, ocr="auto")
    assert "moves water from the lower tank" in " ".join(passage.text for passage in made.passages)
    assert not any(picture.kind == "figure" for picture in made.pictures)


@pytest.mark.parametrize(("label", "kind"), [("Exhibit 4", "table"), ("Figure 4", "figure")])
def test_table_is_text_whatever_its_caption_calls_it(tmp_path: Path, label: str, kind: str) -> None:
    document = pymupdf().open()
    page = document.new_page(width=595, height=842)
    page.insert_text((72, 190), f"{label}. The harvest of the orchards in tonnes", fontsize=10)
    draw_grid(page)
    made = extract_document(document, tmp_path)
    (table,) = [passage for passage in made.passages if passage.kind == "table"]
    assert "| River side | 1,510 | 44.2 | 0.75 |" in table.text
    assert table.caption.endswith("The harvest of the orchards in tonnes")
    assert [picture.kind for picture in made.pictures if picture.label] == [kind]


def test_words_broken_in_the_cells_of_a_table_are_whole(tmp_path: Path) -> None:
    document = pymupdf().open()
    page = document.new_page(width=595, height=842)
    draw_grid(page, [("Infection", "Share"), ("", "44.2"), ("Malaria", "31.5"), ("Cholera", "27.0")])
    for y, text in ((225, "Trypano-"), (233, "soma")):
        page.insert_text((76, y), text, fontsize=7)
    made = extract_document(document, tmp_path)
    (table,) = [passage for passage in made.passages if passage.kind == "table"]
    assert "| Trypanosoma | 44.2 |" in table.text


def test_scanned_page_without_ocr_has_a_page_image(tmp_path: Path) -> None:
    made = extract_document(scanned_document(tmp_path), tmp_path)
    assert made.passages == ()
    assert any(picture.kind == "page" for picture in made.pictures)


def test_encrypted_file_is_refused(tmp_path: Path) -> None:
    document = pymupdf().open()
    document.new_page().insert_text((60, 60), "secret")
    with pytest.raises(ExtractionError, match=r"made\.pdf: is encrypted, and no password is known") as caught:
        extract_document(document, tmp_path, encryption=pymupdf().PDF_ENCRYPT_AES_256, password="open")
    assert caught.value.transient  # until a password is added


def test_text_without_its_font_is_reported_and_not_read_from_other_letters(tmp_path: Path) -> None:
    document = pymupdf().open()
    for name in ("embedded", "helv"):
        page = document.new_page(width=595, height=842)
        page.insert_font(fontname="embedded", fontbuffer=pymupdf().Font("helv").buffer)
        page.insert_text((72, 100), TWELVE_LINES, fontname=name)
    document = pymupdf().open("pdf", document.tobytes())
    document.xref_set_key(document[0].xref, "Resources", "<<>>")
    made = extract_document(document, tmp_path, ocr="auto")
    assert {passage.page for passage in made.passages} == {2}
    (problem,) = made.report.problems
    assert (problem.page, "font" in problem.reason) == (1, True)


def test_file_that_ends_early_is_partial(tmp_path: Path) -> None:
    document = pymupdf().open()
    for number in range(1, 4):
        write(document.new_page(width=595, height=842), text_of_page(number), (72, 72, 520, 700))
    content = document.tobytes(garbage=4, deflate=True)
    whole = tmp_path / "whole.pdf"
    whole.write_bytes(content)
    assert not extract_file(whole, tmp_path).report.problems
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(content[: content.rindex(b"xref")])
    made = extract_file(cut, tmp_path)
    assert made.passages
    assert "ends early" in made.report.problems[0].reason


def test_file_whose_name_is_not_utf8_is_read(tmp_path: Path) -> None:
    document = pymupdf().open()
    write(document.new_page(), text_of_page(1), (60, 60, 540, 300))
    path = tmp_path / os.fsdecode(b"caf\xe9.pdf")
    path.write_bytes(document.tobytes())
    assert extract_file(path, tmp_path).passages


@pytest.mark.parametrize("content", [b"", b"not a PDF at all", b"%PDF-1.7\n%%EOF"])
def test_broken_and_empty_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.pdf").write_bytes(content)
    with pytest.raises(ExtractionError, match=r"broken\.pdf: (cannot be opened|has no pages)"):
        extract_file(tmp_path / "broken.pdf", tmp_path)


def test_broken_page_is_reported_and_the_others_are_extracted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = pymupdf().open()
    for n in range(3):
        write(document.new_page(), text_of_page(n), (60, 60, 540, 300))

    def failing(page: Any, layout: PageLayout, *rest: Any) -> PageParts:
        if layout.number == 2:
            raise RuntimeError("the page is torn")
        return extract_page(page, layout, *rest)

    monkeypatch.setattr("extractors.pdf.page_cache.extract_page", failing)
    made = extract_document(document, tmp_path)
    assert {passage.page for passage in made.passages} == {1, 3}
    assert [(problem.page, "torn" in problem.reason) for problem in made.report.problems] == [(2, True)]


def test_sideways_page_is_read_upright_and_its_boxes_are_as_displayed(tmp_path: Path) -> None:
    document = pymupdf().open()
    write(document.new_page(), TEXT * 2, (60, 60, 300, 700), rotate=90)
    (passage, *_) = extract_document(document, tmp_path).passages
    assert passage.text.startswith("The pump moves water from the lower tank to the upper one. It does")
    assert passage.box is not None
    assert 55 < passage.box[0] < passage.box[2] < 305
    assert 55 < passage.box[1] < passage.box[3] < 705


def test_text_drawn_twice_for_a_shadow_is_read_once(tmp_path: Path) -> None:
    page = pymupdf().open().new_page()
    for offset in (0, 1):
        page.insert_text((60 + offset, 80 + offset), "Pump care", fontsize=24)
    write(page, TEXT * 2, (60, 100, 540, 300))
    made = extract_document(page.parent, tmp_path)
    assert (made.title, "Pump care Pump care" in made.passages[0].text) == ("Pump care", False)


def test_shadow_drawn_in_parts_is_read_once(tmp_path: Path) -> None:
    page = pymupdf().open().new_page()
    for text, offset in (("Delete cases", 1), ("Delete cases of two claims", 0), ("of two claims", 0)):
        left = 60 + pymupdf().get_text_length("Delete cases ", fontsize=24) * text.startswith("of")
        page.insert_text((left + offset, 80 + offset), text, fontsize=24)
    write(page, TEXT * 2, (60, 100, 540, 300))
    assert extract_document(page.parent, tmp_path).title == "Delete cases of two claims"


def test_title_slide_on_a_picture_has_its_words_as_passage_and_picture(tmp_path: Path) -> None:
    Image.effect_noise((40, 20), 80).save(tmp_path / "sea.png")
    page = pymupdf().open().new_page(width=720, height=540)
    page.insert_image((0, 100, 720, 450), filename=str(tmp_path / "sea.png"), keep_proportion=False)
    page.insert_text((60, 180), "Storage for islands", fontsize=32)
    page.insert_text((60, 240), "Jane Doe, Institute of Power", fontsize=16)
    page.insert_text((60, 400), "North dam", fontsize=8)
    made = extract_document(page.parent, tmp_path)
    assert made.title == "Storage for islands"
    assert [(passage.heading, passage.text) for passage in made.passages] == [
        (("Storage for islands",), "Jane Doe, Institute of Power")
    ]
    assert [picture.kind for picture in made.pictures] == ["figure", "slide"]
