"""Crops of a place on a page, rendered by a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from tests.support.papers import write_leaflet

BOX = (40.0, 40.0, 380.0, 100.0)


def test_place_on_a_page_is_rendered_in_a_worker(tmp_path: Path) -> None:
    paper = write_leaflet(tmp_path / "leaflet.pdf")
    with Sandbox(1, 120, 2048) as sandbox:
        crop = sandbox.crop(paper, 1, BOX, tmp_path)
        with Image.open(image_path(crop, tmp_path)) as image:
            assert image.size == (crop.width, crop.height)
            assert crop.width / crop.height == pytest.approx(344 / 64, abs=0.1)
            assert min(image.convert("L").tobytes()) < 100  # dark pixels: text
        with pytest.raises(ExtractionError, match=r"leaflet\.pdf: has no page 3"):
            sandbox.crop(paper, 3, BOX, tmp_path)
        paper.write_bytes(b"%PDF-1.7 and then nothing")
        with pytest.raises(ExtractionError, match=r"leaflet\.pdf"):
            sandbox.crop(paper, 1, BOX, tmp_path)
