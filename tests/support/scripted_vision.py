"""Pictures that a vision model may be asked about, and a model whose answers a person can check by eye."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from diptych.models.vision import BatchApi, Reply, TextPart, VisionRequest
from diptych.prices import Usage
from extractors.pictures.store import save_image_bytes
from extractors.types import Extraction, ImageFile, Picture, Report
from tests.support.fakes import source


class ScriptedVision:
    """A vision model that numbers its answers and records its requests.

    `script`: called with the number of the request, from 1; returns the reply, raises, or returns None for the default.
    """

    name = "scripted:seer"
    max_side, low_side = 2000, 512
    native_citations = False
    batch_api: BatchApi | None = None

    def __init__(self, script: Callable[[int], Reply | None] = lambda number: None) -> None:
        self.asked: list[VisionRequest] = []
        self.script = script
        self._lock = threading.Lock()

    def ask(self, request: VisionRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        with self._lock:
            self.asked.append(request)
            number = len(self.asked)
        scripted = self.script(number)
        return scripted or answer(request, shows=f"Picture {number}.")

    def max_usage(self, request: VisionRequest) -> Usage:
        return Usage(1000, 0, request.max_tokens, 1)


def answer(request: VisionRequest, **fields: Any) -> Reply:
    """A valid reply that contains `fields`; 100 tokens in, 20 out."""
    assert request.schema
    whole = {"kind": "", "shows": "", "axes": [], "labels": [], "findings": [], "visible_text": ""} | fields
    data = request.schema.model_validate(whole)
    return Reply(data.model_dump_json(), data, Usage(100, 0, 20, 1))


def words(request: VisionRequest) -> str:
    """All text sent with the picture."""
    return "\n".join(part.text for part in request.parts if isinstance(part, TextPart))


def chart(seed: int, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A bar chart that depends on the seed."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size
    draw.line([(20, 10), (20, height - 20), (width - 10, height - 20)], "black", 3)
    for bar, share in enumerate(np.random.default_rng(seed).random(6)):
        left = 40 + bar * (width - 60) // 6
        draw.rectangle([left, int(20 + share * (height - 60)), left + width // 10, height - 22], "steelblue")
    return image


def stored(image: Image.Image, folder: Path, form: str = "PNG", **options: Any) -> ImageFile:
    """Save the image in the picture store."""
    file = BytesIO()
    image.save(file, form, **options)
    return save_image_bytes(file.getvalue(), ".jpg" if form == "JPEG" else ".png", image.size, folder)


def picture(image: ImageFile, page: int = 1, **fields: Any) -> Picture:
    """A figure of 200 by 150 points with that image."""
    return replace(Picture("figure", page, image, (50.0, 50.0, 250.0, 200.0)), **fields)


def extraction(*pictures: Picture, name: str = "pumps.pdf", title: str = "Pumps", pages: int = 9) -> Extraction:
    return Extraction(source(name), (), pictures, Report(pages), title)
