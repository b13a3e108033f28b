"""Image files: what is stored, what OCR reads, and which files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageFont

from extractors.errors import ExtractionError
from extractors.ocr.recognition import choose_engine
from extractors.pdf.render import pymupdf
from extractors.photos import extractor as photos_module
from extractors.photos.extractor import extract
from extractors.pictures.decode import normalise_image
from extractors.types import Extraction, Options, Source

pillow_heif.register_heif_opener()

WITHOUT_OCR = Options(ocr="off")
needs_ocr = pytest.mark.skipif(choose_engine(Options())[0] != "tesseract", reason="Tesseract is not installed")
RED, WHITE = (255, 0, 0), (255, 255, 255)


def extract_file(path: Path, options: Options = WITHOUT_OCR) -> Extraction:
    return extract(Source(path, path.as_uri(), path.name, "0", "x"), options, path.parent / "pictures")


def stored_file(extraction: Extraction, folder: Path, number: int = 0) -> Path:
    image = extraction.pictures[number].image
    return folder / "pictures" / image.sha256[:2] / f"{image.sha256}{image.suffix}"


def pixel(extraction: Extraction, folder: Path, at: tuple[int, int] = (0, 0)) -> Any:
    with Image.open(stored_file(extraction, folder)) as image:
        return image.convert("RGB").getpixel(at)


def red_and_white() -> Image.Image:
    """Left half red, right half white."""
    image = Image.new("RGB", (80, 40), WHITE)
    image.paste(RED, (0, 0, 40, 40))
    return image


def text_page(*lines: str) -> Image.Image:
    image = Image.new("L", (1000, 700), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((60, 60 + 50 * number), line, fill=0, font=ImageFont.load_default(30))
    return image


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_png_jpeg_and_webp_keep_their_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    red_and_white().save(path)
    extraction = extract_file(path)
    (picture,) = extraction.pictures
    assert (picture.kind, picture.page, picture.box) == ("photo", 1, None)
    assert (picture.image.width, picture.image.height) == (80, 40)
    assert stored_file(extraction, tmp_path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["a.gif", "a.bmp", "a.tiff", "a.jp2", "a.avif", "a.heic"])
def test_other_formats_are_stored_as_png_or_jpeg(tmp_path: Path, name: str) -> None:
    red_and_white().save(tmp_path / name)
    extraction = extract_file(tmp_path / name)
    assert extraction.pictures[0].image.suffix in (".png", ".jpg")
    assert np.allclose(pixel(extraction, tmp_path, (5, 5)), RED, atol=12)


@pytest.mark.parametrize("name", ["a.avif", "a.heic"])
def test_phone_photo_is_turned_upright(tmp_path: Path, name: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    red_and_white().save(tmp_path / name, exif=exif.tobytes())
    extraction = extract_file(tmp_path / name)
    assert (extraction.pictures[0].image.width, extraction.pictures[0].image.height) == (40, 80)
    assert np.allclose(pixel(extraction, tmp_path, (5, 75)), WHITE, atol=12)


def test_main_image_of_a_heic_file_is_used(tmp_path: Path) -> None:
    others = [Image.new("RGB", (64, 64), colour) for colour in ("blue", "red")]
    Image.new("RGB", (64, 64), "white").save(tmp_path / "a.heic", save_all=True, append_images=others, primary_index=2)
    extraction = extract_file(tmp_path / "a.heic")
    assert np.allclose(pixel(extraction, tmp_path, (5, 5)), RED, atol=12)
    assert "has 3 images: only the main one is used" in extraction.report.notes


@pytest.mark.parametrize("name", ["a.jp2", "a.avif", "a.heic"])
def test_damaged_file_of_a_newer_format_is_refused(tmp_path: Path, name: str) -> None:
    Image.effect_noise((200, 200), 90).convert("RGB").save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 3])
    with pytest.raises(ExtractionError, match=rf"{name}: "):
        extract_file(tmp_path / name)


def test_picture_is_turned_upright_by_its_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be displayed turned 90 degrees clockwise
    red_and_white().save(tmp_path / "a.png", exif=exif)
    extraction = extract_file(tmp_path / "a.png")
    assert (extraction.pictures[0].image.width, extraction.pictures[0].image.height) == (40, 80)
    assert pixel(extraction, tmp_path, (5, 5)) == RED
    assert pixel(extraction, tmp_path, (5, 75)) == WHITE


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    if mode == "P":
        image.quantize(4).save(tmp_path / "a.png")
    else:
        image.convert(mode).save(tmp_path / "a.png")
    assert pixel(extract_file(tmp_path / "a.png"), tmp_path) == WHITE


def test_cmyk_is_converted_to_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (40, 40), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = pixel(extract_file(tmp_path / "a.jpg"), tmp_path)
    assert red > 200
    assert max(green, blue) < 80


def test_colour_profile_is_applied_when_an_image_is_converted(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    Image.new("LAB", (40, 40), (255, 128, 128)).save(tmp_path / "a.tiff", icc_profile=lab.tobytes())
    assert min(pixel(extract_file(tmp_path / "a.tiff"), tmp_path)) > 250


@pytest.mark.parametrize(("full", "middle"), [(65535, 32768), (4095, 2048)])
def test_16_bit_grey_keeps_its_shades(tmp_path: Path, full: int, middle: int) -> None:
    values = np.repeat(np.array([[0, middle, full]] * 40, dtype=np.uint16), 40, axis=1)
    Image.fromarray(values).save(tmp_path / "a.png")
    extraction = extract_file(tmp_path / "a.png")
    assert [pixel(extraction, tmp_path, (x, 20))[0] for x in (20, 60, 100)] == [0, 128, 255]


def test_animation_yields_its_first_frame_and_a_note(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    extraction = extract_file(tmp_path / "a.gif")
    assert len(extraction.pictures) == 1
    assert pixel(extraction, tmp_path) == RED
    assert any("only the first one is used" in note for note in extraction.report.notes)


def test_every_page_of_a_tiff_becomes_a_picture(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (40, 40), color) for color in ("red", "blue", "green")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    extraction = extract_file(tmp_path / "a.tif")
    assert [picture.page for picture in extraction.pictures] == [1, 2, 3]
    assert extraction.report.pages == 3


@needs_ocr
def test_scanned_tiff_yields_text_and_upright_pages(tmp_path: Path) -> None:
    first = text_page("Pump station report", "The northern valve was replaced in March.")
    second = text_page("Costs", "The repair took nine hours and two people.").rotate(180)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    extraction = extract_file(tmp_path / "a.tif", Options())
    assert "northern valve was replaced" in " ".join(p.text for p in extraction.passages if p.page == 1)
    assert all(passage.ocr and passage.box is None for passage in extraction.passages)
    assert "nine hours" in extraction.pictures[1].words
    assert extraction.report.ocr_pages == (1, 2)


@needs_ocr
def test_photographed_page_of_text_has_its_table_and_no_page_number(tmp_path: Path) -> None:
    rows = [("Orchard", "Trees", "Tonnes"), ("North", "1204", "315"), ("South", "986", "270"), ("West", "77", "21")]
    prose = "The harvest was weighed at the gate in autumn, and the trees were counted again in the spring. "
    page = pymupdf().open().new_page(width=420, height=595)
    page.insert_textbox((40, 60, 380, 200), 4 * prose, fontsize=12)
    for n, row in enumerate(rows):
        for x, cell in zip((44, 170, 280), row, strict=True):
            page.insert_text((x, 317 + 22 * n), cell, fontsize=13)
    for y in (300, 324, 394):
        page.draw_line((40, y), (380, y), width=1)
    page.insert_text((204, 560), "17", fontsize=11)
    page.get_pixmap(dpi=200).save(tmp_path / "page.jpg")
    extraction = extract_file(tmp_path / "page.jpg", Options())
    text, table = extraction.passages
    assert (text.kind, text.text) == ("text", (4 * prose).strip())
    assert [line for line in table.text.splitlines() if "---" not in line] == [f"| {' | '.join(row)} |" for row in rows]
    assert "Orchard" in extraction.pictures[0].words


@needs_ocr
def test_words_in_a_photo_are_read_but_do_not_become_a_passage(tmp_path: Path) -> None:
    text_page("SALE TODAY").save(tmp_path / "a.png")
    extraction = extract_file(tmp_path / "a.png", Options())
    assert extraction.pictures[0].words == "SALE TODAY"
    assert extraction.pictures[0].ocr
    assert extraction.passages == ()


def test_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    red_and_white().save(tmp_path / "a.png")
    with pytest.raises(ExtractionError, match=r"a\.png: more than 100 pixels"):
        extract_file(tmp_path / "a.png")


def test_large_image_is_scaled_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractors.pictures.decode.MAX_PIXELS", 800)
    red_and_white().save(tmp_path / "a.png")
    image = extract_file(tmp_path / "a.png").pictures[0].image
    assert (image.width, image.height) == (40, 20)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_truncated_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(ExtractionError, match=rf"{name}: (damaged|not a)"):
        extract_file(path)


def test_file_that_is_not_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("<html>not found</html>")
    with pytest.raises(ExtractionError, match="not an image of a known format"):
        extract_file(tmp_path / "a.png")


def test_page_of_a_tiff_without_dimensions_leaves_the_others(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (40, 40), color) for color in ("red", "blue", "green")]
    path = tmp_path / "a.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    data = bytearray(path.read_bytes())
    first = int.from_bytes(data[4:8], "little")
    second = int.from_bytes(data[(end := first + 2 + 12 * data[first]) : end + 4], "little")
    width = data.index((256).to_bytes(2, "little"), second + 2)  # tag 256 is the width
    data[width : width + 2] = (253).to_bytes(2, "little")
    path.write_bytes(data)
    extraction = extract_file(path)
    assert [picture.page for picture in extraction.pictures] == [1, 3]
    (problem,) = extraction.report.problems
    assert (problem.page, problem.reason) == (2, "page 2 is damaged or incomplete (Missing dimensions)")


def test_damaged_page_of_a_tiff_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [Image.new("RGB", (40, 40), color) for color in ("red", "blue", "green")]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])

    def breaking(image: Image.Image) -> Image.Image:
        if image.tell() == 1:
            raise OSError("cut short")
        return normalise_image(image)

    monkeypatch.setattr(photos_module, "normalise_image", breaking)
    extraction = extract_file(tmp_path / "a.tif")
    assert [picture.page for picture in extraction.pictures] == [1, 3]
    assert [problem.page for problem in extraction.report.problems] == [2]
