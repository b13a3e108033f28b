"""One PDF, end to end: text, figures, pages without text, files that cannot be read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.ocr import recognition as ocr
from extractors.page import PageLayout
from extractors.pdf import page_parts as pagewise
from extractors.pdf.extractor import extract
from extractors.pdf.render import pymupdf
from extractors.pictures.store import image_path
from extractors.types import Extraction, Options, Source

_BODY = (
    "The pump moves water from the lower tank to the upper one. It does so at night, when power is cheap, "
    "and rests by day. A valve keeps the water where it is. "
)
_LETTERS = [line for line in _BODY.split(". ") if line]


def _extracted(document: Any, folder: Path, **options: Any) -> Extraction:
    path = folder / "made.pdf"
    document.save(path, encryption=options.pop("encryption", 1), user_pw=options.pop("password", None))
    return _read(path, folder, **options)


def _read(path: Path, folder: Path, **options: Any) -> Extraction:
    source = Source(path, path.as_uri(), path.name, hashlib.sha256(path.read_bytes()).hexdigest(), "application/pdf")
    return extract(source, Options(**{"ocr": "off", **options}), folder / "pictures")


def _write(page: Any, text: str, box: tuple[float, float, float, float], **style: Any) -> None:
    assert page.insert_textbox(box, text, **style) >= 0


def _page_text(number: int) -> str:
    """Text that no other page has: what all pages show in one place would be furniture."""
    return _BODY.replace("water", ("water", "sand", "heavy oil", "grain")[number]) * 3


def _chapter(page: Any, heading: str, top: float, text: str = _BODY * 2) -> None:
    page.insert_text((60, top), heading, fontsize=15, fontname="hebo")
    _write(page, text, (60, top + 12, 540, top + 120), fontsize=10)


def _scan(folder: Path, angle: int = 0) -> Any:
    """A document of one page that is an image of text and nothing else."""
    text = pymupdf().open().new_page()
    for n, line in enumerate((_LETTERS * 4)[:12]):
        text.insert_text((60, 100 + 30 * n), line, fontsize=15)
    pixels = text.get_pixmap(dpi=150)
    image = Image.frombytes("RGB", (pixels.width, pixels.height), pixels.samples).rotate(-angle, expand=True)
    image.save(folder / "scan.png")
    document = pymupdf().open()
    page = document.new_page(width=image.width / 150 * 72, height=image.height / 150 * 72)
    page.insert_image(page.rect, filename=str(folder / "scan.png"))
    return document


def test_headings_passages_and_the_figure_they_speak_of(tmp_path: Path) -> None:
    document = pymupdf().open()
    page = document.new_page()
    page.insert_text((60, 80), "A manual of pumps", fontsize=24, fontname="hebo")
    _chapter(page, "1 How it works", 120, _BODY + "Figure 1 shows the pump at work.")
    for n in range(6):
        page.draw_circle((180 + 40 * n, 360), 30, color=(0, 0, 1), fill=(0.8, 0.8, n / 6))
    page.insert_text((170, 362), "inlet", fontsize=9)
    page.insert_text((60, 420), "Figure 1: The pump and its parts.", fontsize=9)
    _chapter(page, "2 How to mend it", 480)
    made = _extracted(document, tmp_path)

    assert made.title == "A manual of pumps"
    headings = [passage.heading for passage in made.passages]
    assert headings == [(), ("1 How it works",), ("2 How to mend it",)]
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


def test_running_lines_are_left_out_and_a_sentence_over_two_pages_is_whole(tmp_path: Path) -> None:
    document = pymupdf().open()
    for n in range(4):
        page = document.new_page()
        page.insert_text((60, 40), "Pumps quarterly", fontsize=9)
        page.insert_text((300, 810), str(n + 1), fontsize=9)
        opening = "to the very last drop of it. " if n else ""
        text = opening + _page_text(n) + "Then the water flows down"
        _write(page, text, (60, 60, 540, 300), fontsize=10)
    made = _extracted(document, tmp_path)
    texts = [passage.text for passage in made.passages]
    assert not any("quarterly" in text for text in texts)
    assert [text.endswith("flows down to the very last drop of it.") for text in texts] == [True] * 3 + [False]
    assert [passage.page for passage in made.passages] == [1, 2, 3, 4]


def test_a_lone_picture_keeps_its_own_pixels(tmp_path: Path) -> None:
    Image.effect_noise((300, 200), 80).convert("RGB").save(tmp_path / "photo.jpg", quality=95)
    page = pymupdf().open().new_page()
    page.insert_image((100, 100, 400, 300), filename=str(tmp_path / "photo.jpg"))
    _write(page, _BODY * 3, (60, 400, 540, 560), fontsize=10)
    (picture,) = _extracted(page.parent, tmp_path).pictures
    stored = image_path(picture.image, tmp_path / "pictures")
    assert stored.read_bytes() == (tmp_path / "photo.jpg").read_bytes()
    assert picture.box == pytest.approx((100, 100, 400, 300), abs=1)


def test_page_images_on_request(tmp_path: Path) -> None:
    document = pymupdf().open()
    for _ in range(2):
        _write(document.new_page(), _BODY * 8, (60, 60, 540, 500), fontsize=10)
    assert _extracted(document, tmp_path, page_images="visual").pictures == ()
    pages = _extracted(document, tmp_path, page_images="all").pictures
    assert [(picture.kind, picture.page, picture.box) for picture in pages] == [
        ("page", 1, (0, 0, 595, 842)), ("page", 2, (0, 0, 595, 842))
    ]  # fmt: skip
    assert "The pump moves water" in pages[0].words


needs_tesseract = pytest.mark.skipif(
    ocr.choose_engine(Options())[0] != "tesseract", reason="Tesseract is not installed"
)


@pytest.mark.parametrize("top", [60, 400], ids=["overleaf", "far below"])
def test_a_caption_at_the_head_of_the_next_page_belongs_to_the_figure_before(tmp_path: Path, top: float) -> None:
    Image.new("RGB", (300, 200), "teal").save(tmp_path / "teal.png")
    document = pymupdf().open()
    first = document.new_page()
    _chapter(first, "Pumps", 60)
    first.insert_image((60, 300, 540, 790), filename=str(tmp_path / "teal.png"))
    second = document.new_page()
    if top > 100:
        _chapter(second, "Tanks", 60)
    second.insert_text((60, top), "Figure 7. The teal pump overleaf.", fontsize=9)
    _chapter(second, "Valves", top + 60)
    made = _extracted(document, tmp_path)
    (figure,) = (picture for picture in made.pictures if picture.kind == "figure")
    assert (figure.page, figure.label) == ((1, "figure 7") if top < 100 else (1, ""))
    assert any("teal pump" in passage.text for passage in made.passages) is (top > 100)
    assert len(made.report.captions_unmatched) == (top > 100)


@needs_tesseract
@pytest.mark.parametrize("angle", [0, 90])
def test_a_scan_is_read_and_kept_as_an_image(tmp_path: Path, angle: int) -> None:
    made = _extracted(_scan(tmp_path, angle), tmp_path, ocr="auto")
    text = " ".join(passage.text for passage in made.passages)
    assert "moves water from the lower tank" in text
    assert all(passage.ocr for passage in made.passages)
    assert made.report.ocr_pages == (1,)
    whole = next(picture for picture in made.pictures if picture.kind == "page")
    assert whole.image.height > whole.image.width, "it is turned upright"
    assert whole.box == pytest.approx((0, 0, *((595, 842) if angle == 0 else (842, 595))), abs=1)


def test_a_scan_in_strips_with_a_text_layer_shows_its_photo(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 255, (300, 400, 3), np.uint8)
    whole = Image.new("RGB", (600, 800), "white")
    whole.paste(Image.fromarray(noise), (100, 80))
    document = pymupdf().open()
    page = document.new_page(width=600, height=800)
    for n in range(4):
        whole.crop((0, 200 * n, 600, 200 * n + 200)).save(tmp_path / f"{n}.png")
        page.insert_image((0, 200 * n, 600, 200 * n + 200), filename=str(tmp_path / f"{n}.png"))
    page.insert_text((60, 500), "Words that a scanner read here, enough of them to be a text layer.", render_mode=3)
    page.insert_text(
        (60, 530), "And a second line of words, so that nobody takes them for a stray label.", render_mode=3
    )
    pictures = _extracted(document, tmp_path).pictures
    assert [p.box for p in pictures if p.kind == "figure"] == [pytest.approx((100, 80, 500, 380), abs=4)]


@needs_tesseract
def test_a_text_layer_of_rubbish_is_not_believed_and_a_good_one_is(tmp_path: Path) -> None:
    for rubbish in (True, False):
        document = _scan(tmp_path)
        for n, line in enumerate((_LETTERS * 4)[:12]):
            text = "".join(chr(ord(c) + 3) if c.isalpha() else c for c in line) if rubbish else line
            document[0].insert_text((60, 100 + 30 * n), text, fontsize=15, render_mode=3)
        made = _extracted(document, tmp_path, ocr="auto")
        assert "moves water from the lower tank" in " ".join(passage.text for passage in made.passages)
        assert made.report.ocr_pages == ((1,) if rubbish else ())


def test_without_ocr_a_scan_is_still_kept_as_an_image(tmp_path: Path) -> None:
    made = _extracted(_scan(tmp_path), tmp_path)
    assert made.passages == ()
    assert any(picture.kind == "page" for picture in made.pictures)


def test_encrypted_broken_and_empty_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    document = pymupdf().open()
    document.new_page().insert_text((60, 60), "secret")
    with pytest.raises(ExtractionError, match=r"made\.pdf: is encrypted; remove the password"):
        _extracted(document, tmp_path, encryption=pymupdf().PDF_ENCRYPT_AES_256, password="open")
    for content in (b"", b"not a PDF at all", b"%PDF-1.7\n%%EOF"):
        (tmp_path / "broken.pdf").write_bytes(content)
        with pytest.raises(ExtractionError, match=r"broken\.pdf: (cannot be opened|has no pages)"):
            _read(tmp_path / "broken.pdf", tmp_path)


def test_a_broken_page_is_a_problem_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = pymupdf().open()
    for n in range(3):
        _write(document.new_page(), _page_text(n), (60, 60, 540, 300), fontsize=10)
    original = pagewise.work

    def work(page: Any, layout: PageLayout, *rest: Any) -> pagewise.PageParts:
        if layout.number == 2:
            raise RuntimeError("the page is torn")
        return original(page, layout, *rest)

    monkeypatch.setattr(pagewise, "work", work)
    made = _extracted(document, tmp_path)
    assert {passage.page for passage in made.passages} == {1, 3}
    assert [(problem.page, "torn" in problem.reason) for problem in made.report.problems] == [(2, True)]


def test_a_page_set_sideways_is_read_upright(tmp_path: Path) -> None:
    document = pymupdf().open()
    page = document.new_page()
    _write(page, _BODY * 2, (60, 60, 300, 700), fontsize=10, rotate=90)
    made = _extracted(document, tmp_path)
    assert made.passages[0].text.startswith("The pump moves water from the lower tank to the upper one. It does")
    box = made.passages[0].box
    assert box is not None
    assert 55 < box[0] < box[2] < 305
    assert 55 < box[1] < box[3] < 705


def test_text_drawn_twice_for_a_shadow_is_read_once(tmp_path: Path) -> None:
    page = pymupdf().open().new_page()
    for offset in (0, 1):
        page.insert_text((60 + offset, 80 + offset), "Pump care", fontsize=24)
    _write(page, _BODY * 2, (60, 100, 540, 300), fontsize=10)
    made = _extracted(page.parent, tmp_path)
    assert (made.title, "Pump care Pump care" in made.passages[0].text) == ("Pump care", False)
