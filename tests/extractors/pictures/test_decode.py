"""Image files are opened by several threads at once; Python's warning filters belong to the whole process."""

from __future__ import annotations

import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.pictures.decode import open_image


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def bomb(file: Path) -> Path:
    """Says that it is a little larger than what Pillow warns of."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", 10_000, 10_000, 8, 2, 0, 0, 0)
    pixels_to_come = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\1\0IDAT"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + pixels_to_come)
    return file


def test_threads_leave_the_filters_as_they_were_and_refuse_every_bomb(hurried: None, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    large = bomb(tmp_path / "large.png")
    filters = list(warnings.filters)

    def refused(_: int) -> str:
        with open_image(tmp_path / "small.png", "small.png") as image:
            image.load()
        try:
            with open_image(large, "large.png") as image:
                return f"opened with {image.size}"
        except ExtractionError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(refused, range(400)))
    assert [answer for answer in answers if "decompression bomb" not in answer] == []
    assert list(warnings.filters) == filters
