"""Rendering pages and decoding images: rotation, clips, size limits, and poppler where MuPDF fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from extractors.errors import ExtractionError
from extractors.pdf import render
from extractors.pdf.render import decode_embedded_image, pymupdf, render_page
from extractors.pictures.decode import MAX_PIXELS

needs_poppler = pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")


def page_with_mark(rotation: int = 0) -> Any:
    """A page of 200 x 100 points with a red square in its top left corner, before it is rotated."""
    page = pymupdf().open().new_page(width=200, height=100)
    page.draw_rect((0, 0, 20, 20), color=(1, 0, 0), fill=(1, 0, 0))
    page.set_rotation(rotation)
    return page


def is_red(image: Image.Image, x: int, y: int) -> bool:
    return image.getpixel((x, y)) == (255, 0, 0)


def test_mupdf_comes_without_packages_that_are_not_used_and_does_not_block_them() -> None:
    unused = {"pymupdf.layout", "pymupdf4llm", "onnxruntime", "numpy"}
    script = f"import sys; from extractors.pdf.render import pymupdf; pymupdf(); print({unused!r} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_boxes_of_text_are_those_of_the_font() -> None:
    """MuPDF otherwise enlarges low ones to the font size, which pymupdf4llm switches off for the whole process."""
    page = pymupdf().open().new_page()
    page.insert_text((50, 100), "Text", fontname="zadb", fontsize=10)
    (block,) = page.get_text("dict")["blocks"]
    assert block["bbox"][3] - block["bbox"][1] == pytest.approx(9.63, abs=0.01)


def test_page_is_drawn_at_the_given_resolution() -> None:
    image = render_page(page_with_mark(), 144)
    assert (image.size, image.mode) == ((400, 200), "RGB")
    assert is_red(image, 10, 10)
    assert image.getpixel((300, 100)) == (255, 255, 255)


def test_rotated_page_is_drawn_as_displayed() -> None:
    image = render_page(page_with_mark(rotation=90), 72)
    assert image.size == (100, 200)
    assert is_red(image, 95, 5)


def test_clip_is_in_points_of_the_displayed_page() -> None:
    image = render_page(page_with_mark(rotation=90), 72, (80, 0, 100, 20))
    assert image.size == (20, 20)
    assert is_red(image, 10, 10)


def test_clip_starts_at_the_corner_of_the_crop_box() -> None:
    page = page_with_mark()
    page.draw_rect((100, 50, 120, 70), color=(1, 0, 0), fill=(1, 0, 0))
    page.set_cropbox(pymupdf().Rect(100, 50, 200, 100))
    image = render_page(page, 72, (0, 0, 30, 30))
    assert is_red(image, 10, 10)
    assert not is_red(image, 25, 25)


def test_clip_outside_of_the_page_is_drawn_as_one_pixel() -> None:
    assert render_page(page_with_mark(), 72, (500, 500, 500, 500)).size == (1, 1)


def test_resolution_of_a_page_of_a_million_points_is_reduced() -> None:
    page = pymupdf().open().new_page(width=1_000_000, height=2_000)
    image = render_page(page, 600)
    assert image.width * image.height <= MAX_PIXELS * 1.01


def page_that_mupdf_cannot_draw(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page with the mark, rotated, from a file."""
    path = folder / "marked.pdf"
    page_with_mark(rotation=90).parent.save(path)

    def fail(*_: object) -> object:
        raise RuntimeError("cannot decode")

    monkeypatch.setattr(render, "_draw_with_mupdf", fail)
    return pymupdf().open(path)[0]


@needs_poppler
def test_poppler_draws_the_same_part_when_mupdf_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_that_mupdf_cannot_draw(tmp_path, monkeypatch)
    image = render_page(page, 72, (80, 0, 100, 20))
    assert image.size == (20, 20)
    assert is_red(image, 10, 10)


@needs_poppler
def test_poppler_draws_the_page_when_mupdf_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "marked.pdf"
    page_with_mark().parent.save(path)
    page = pymupdf().open(path)[0]
    monkeypatch.setattr(render, "_draw_with_mupdf", lambda *_: (Image.new("RGB", (200, 100), "white"), True))
    assert is_red(render_page(page, 72), 10, 10)


def test_error_without_poppler_names_the_page_and_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_that_mupdf_cannot_draw(tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExtractionError, match=r"marked\.pdf: page 1 cannot be drawn .*cannot decode.*poppler-utils"):
        render_page(page, 72)


def test_empty_page_is_drawn_without_poppler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_draw_with_poppler", lambda *_: pytest.fail("poppler was started"))
    page = pymupdf().open().new_page(width=50, height=50)
    assert render_page(page, 72).getcolors() == [(2500, (255, 255, 255))]


def embed(image: Image.Image, **save_options: Any) -> tuple[Any, int]:
    """A document with `image` (saved as PNG by default) on its only page, and the image's object number."""
    file = BytesIO()
    image.save(file, **({"format": "PNG"} | save_options))
    document = pymupdf().open()
    page = document.new_page(width=100, height=100)
    page.insert_image((0, 0, 100, 100), stream=file.getvalue())
    return document, page.get_images()[0][0]


def test_embedded_image_is_decoded_without_loss() -> None:
    picture = Image.effect_noise((37, 23), 80).convert("RGB")
    assert decode_embedded_image(*embed(picture)).tobytes() == picture.tobytes()


def test_transparent_parts_become_white() -> None:
    picture = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (20, 0, 40, 40))
    image = decode_embedded_image(*embed(picture))
    assert is_red(image, 5, 5)
    assert image.getpixel((30, 5)) == (255, 255, 255)


def test_cmyk_becomes_rgb() -> None:
    image = decode_embedded_image(*embed(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), format="JPEG", quality=95))
    r, g, b = image.getpixel((16, 16))  # type: ignore[misc]
    assert image.mode == "RGB"
    assert r > 180
    assert max(g, b) < 90


def test_huge_embedded_image_is_decoded_at_half_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, 199, 199), fill=(255, 0, 0))
    document, xref = embed(picture)
    monkeypatch.setattr(render, "MAX_PIXELS", 20_000)
    image = decode_embedded_image(document, xref)
    assert image.size == (200, 100)
    assert is_red(image, 50, 50)
    assert not is_red(image, 150, 50)


def test_error_names_the_object_that_is_not_an_image() -> None:
    document, _ = embed(Image.new("L", (4, 4)))
    with pytest.raises(ExtractionError, match="embedded image 1 cannot be read"):
        decode_embedded_image(document, 1)
