"""The picture store: how images are encoded."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw

from extractors.pictures.store import encode_image


def test_photographs_become_jpeg_and_drawings_png() -> None:
    drawing = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(drawing).ellipse((50, 50, 150, 150), outline="blue", width=3)
    assert encode_image(drawing)[1] == ".png"
    assert encode_image(Image.effect_noise((300, 200), 60))[1] == ".jpg"
    data, suffix = encode_image(Image.effect_noise((300, 200), 60).convert("RGB"))
    assert suffix == ".jpg"
    assert Image.open(BytesIO(data)).size == (300, 200)


def test_drawings_are_encoded_without_loss() -> None:
    drawing = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(drawing).line((0, 0, 63, 63), fill=(10, 20, 30))
    data, _ = encode_image(drawing)
    assert Image.open(BytesIO(data)).convert("RGB").tobytes() == drawing.tobytes()
