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
