"""Decoding image files."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.pictures.decode import normalise_image, open_image


def write_bomb(file: Path) -> Path:
    """Write a PNG whose header claims slightly more pixels than Pillow accepts without a warning."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", 10_000, 10_000, 8, 2, 0, 0, 0)
    header_and_data = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\1\0IDAT"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header_and_data)
    return file


def test_stored_picture_is_opened_by_decoders_of_stored_formats_only(tmp_path: Path) -> None:
    """Whatever its suffix: a worker that was taken over may have stored anything."""
    Image.new("L", (9, 9)).save(tmp_path / "a.png", "TIFF")
    with open_image(tmp_path / "a.png", "a.png") as image:
        assert image.format == "TIFF"
    with (
        pytest.raises(ExtractionError, match=r"a\.png: not an image"),
        open_image(tmp_path / "a.png", "a.png", stored=True),
    ):
        pass


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_decompression_bomb_is_refused_with_any_warning_filter(tmp_path: Path, action: str) -> None:
    file = write_bomb(tmp_path / "large.png")
    with warnings.catch_warnings():
        warnings.simplefilter(action, Image.DecompressionBombWarning)  # type: ignore[arg-type]
        with (
            pytest.raises(ExtractionError, match=r"large\.png: .*decompression bomb"),
            open_image(file, "large.png") as image,
        ):
            normalise_image(image)
