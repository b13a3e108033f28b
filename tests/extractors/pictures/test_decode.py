"""Opening image files in several threads at once, although Python's warning filters belong to the whole process."""

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
def eager_switching() -> Iterator[None]:
    """Let threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def write_bomb(file: Path) -> Path:
    """Write a PNG whose header claims slightly more pixels than Pillow accepts without a warning."""
    header = struct.pack(">4sIIBBBBB", b"IHDR", 10_000, 10_000, 8, 2, 0, 0, 0)
    header_and_data = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\1\0IDAT"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header_and_data)
    return file


def test_threads_refuse_every_bomb_and_restore_the_warning_filters(eager_switching: None, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    large = write_bomb(tmp_path / "large.png")
    filters = list(warnings.filters)

    def open_both(_: int) -> str:
        with open_image(tmp_path / "small.png", "small.png") as image:
            image.load()
        try:
            with open_image(large, "large.png") as image:
                return f"opened with {image.size}"
        except ExtractionError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        messages = set(pool.map(open_both, range(400)))
    assert [message for message in messages if "decompression bomb" not in message] == []
    assert list(warnings.filters) == filters
