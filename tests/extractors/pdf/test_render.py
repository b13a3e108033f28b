"""Pixels of pages and images: turned, cropped, bounded, and drawn by the second engine when the first draws nothing."""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from extractors.errors import ExtractionError
from extractors.pdf import render
from extractors.pictures import decode
from extractors.pictures.store import encode_image


def page_with_mark(rotation: int = 0) -> Any:
    """A page of 200 x 100 points with a red square in its top left corner, before it is turned."""
    page = render.pymupdf().open().new_page(width=200, height=100)
    page.draw_rect((0, 0, 20, 20), color=(1, 0, 0), fill=(1, 0, 0))
    page.set_rotation(rotation)
    return page


def red(image: Image.Image, x: int, y: int) -> bool:
    return image.getpixel((x, y)) == (255, 0, 0)


def test_a_page_is_drawn_at_the_resolution_asked_for() -> None:
    image = render.render_page(page_with_mark(), 144)
    assert (image.size, image.mode) == ((400, 200), "RGB")
    assert red(image, 10, 10)
    assert image.getpixel((300, 100)) == (255, 255, 255)


def test_a_turned_page_is_drawn_as_displayed() -> None:
    image = render.render_page(page_with_mark(rotation=90), 72)
    assert image.size == (100, 200)
    assert red(image, 95, 5)


def test_a_clip_counts_in_displayed_points() -> None:
    image = render.render_page(page_with_mark(rotation=90), 72, (80, 0, 100, 20))
    assert image.size == (20, 20)
    assert red(image, 10, 10)


def test_a_clip_counts_from_the_corner_of_the_crop_box() -> None:
    page = page_with_mark()
    page.draw_rect((100, 50, 120, 70), color=(1, 0, 0), fill=(1, 0, 0))
    page.set_cropbox(render.pymupdf().Rect(100, 50, 200, 100))
    image = render.render_page(page, 72, (0, 0, 30, 30))
    assert red(image, 10, 10)
    assert not red(image, 25, 25)


def test_a_clip_outside_of_the_page_gives_pixels_all_the_same() -> None:
    assert render.render_page(page_with_mark(), 72, (500, 500, 500, 500)).size == (1, 1)


def test_pixels_are_bounded_on_a_page_of_a_million_points() -> None:
    page = render.pymupdf().open().new_page(width=1_000_000, height=2_000)
    image = render.render_page(page, 600)
    assert image.width * image.height <= decode.MAX_PIXELS * 1.01


def drawn_by_poppler_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page with the mark, from a file, with a MuPDF that fails on it."""
    path = folder / "marked.pdf"
    page_with_mark(rotation=90).parent.save(path)
    page = render.pymupdf().open(path)[0]

    def fail(*_: object) -> object:
        raise RuntimeError("cannot decode")

    monkeypatch.setattr(render, "_draw", fail)
    return page


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
def test_poppler_draws_the_same_part_when_mupdf_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = drawn_by_poppler_only(tmp_path, monkeypatch)
    image = render.render_page(page, 72, (80, 0, 100, 20))
    assert image.size == (20, 20)
    assert red(image, 10, 10)


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
def test_poppler_is_asked_when_mupdf_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "marked.pdf"
    page_with_mark().parent.save(path)
    page = render.pymupdf().open(path)[0]
    monkeypatch.setattr(render, "_draw", lambda *_: (Image.new("RGB", (200, 100), "white"), True))
    assert red(render.render_page(page, 72), 10, 10)


def test_without_poppler_the_error_names_page_and_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = drawn_by_poppler_only(tmp_path, monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExtractionError, match=r"marked\.pdf: page 1 cannot be drawn .*cannot decode.*poppler-utils"):
        render.render_page(page, 72)


def test_an_empty_page_stays_white_without_a_second_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_poppler", lambda *_: pytest.fail("poppler was asked"))
    page = render.pymupdf().open().new_page(width=50, height=50)
    assert render.render_page(page, 72).getcolors() == [(2500, (255, 255, 255))]


def embedded(image: Image.Image, **how: Any) -> Any:
    """A document with `image` (as a PNG or, given `format`, another file) placed on its only page."""
    file = BytesIO()
    image.save(file, **({"format": "PNG"} | how))
    document = render.pymupdf().open()
    page = document.new_page(width=100, height=100)
    page.insert_image((0, 0, 100, 100), stream=file.getvalue())
    return document, page.get_images()[0][0]


def test_an_embedded_picture_keeps_its_own_pixels() -> None:
    picture = Image.effect_noise((37, 23), 80).convert("RGB")
    image = render.decode_embedded_image(*embedded(picture))
    assert image.tobytes() == picture.tobytes()


def test_transparency_is_laid_on_white() -> None:
    picture = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    picture.paste((0, 0, 0, 0), (20, 0, 40, 40))
    image = render.decode_embedded_image(*embedded(picture))
    assert red(image, 5, 5)
    assert image.getpixel((30, 5)) == (255, 255, 255)


def test_four_inks_become_three_lights() -> None:
    picture = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    image = render.decode_embedded_image(*embedded(picture, format="JPEG", quality=95))
    r, g, b = image.getpixel((16, 16))  # type: ignore[misc]
    assert image.mode == "RGB"
    assert r > 180
    assert max(g, b) < 90


def test_a_huge_embedded_picture_is_read_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, 199, 199), fill=(255, 0, 0))
    document, xref = embedded(picture)
    monkeypatch.setattr(render, "MAX_PIXELS", 20_000)
    image = render.decode_embedded_image(document, xref)
    assert image.size == (200, 100)
    assert red(image, 50, 50)
    assert not red(image, 150, 50)


def test_an_object_that_is_no_picture_is_refused_by_name() -> None:
    document, _ = embedded(Image.new("L", (4, 4)))
    with pytest.raises(ExtractionError, match="embedded image 1 cannot be read"):
        render.decode_embedded_image(document, 1)


def test_photographs_become_jpeg_and_drawings_png() -> None:
    drawing = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(drawing).ellipse((50, 50, 150, 150), outline="blue", width=3)
    assert encode_image(drawing)[1] == ".png"
    assert encode_image(Image.effect_noise((300, 200), 60))[1] == ".jpg"
    data, suffix = encode_image(Image.effect_noise((300, 200), 60).convert("RGB"))
    assert suffix == ".jpg"
    assert Image.open(BytesIO(data)).size == (300, 200)


def test_drawings_lose_nothing() -> None:
    drawing = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(drawing).line((0, 0, 63, 63), fill=(10, 20, 30))
    data, _ = encode_image(drawing)
    assert Image.open(BytesIO(data)).convert("RGB").tobytes() == drawing.tobytes()
