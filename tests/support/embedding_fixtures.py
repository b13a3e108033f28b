"""Encoders at a local server with OpenAI's embeddings API, and vectors that can be checked by eye."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from diptych.encoders.encoder import Encoder
from diptych.encoders.registry import load_encoder
from diptych.endpoints import OpenAI, Unified
from diptych.models.meter import Meter
from diptych.prices import Price
from diptych.settings import Settings
from tests.support.http_server import Answer, Vendor, served
from tests.support.openai_server import OpenAIRoutes

SMALL, SEES = "openai:text-embedding-3-small", "unified:seer"


@dataclass
class Desk:
    """An encoder and the server behind it."""

    encoder: Encoder
    vendor: Vendor
    meter: Meter

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.vendor.requests]

    @property
    def sizes(self) -> list[int]:
        """Inputs of each request."""
        return [len(body["input"]) for body in self.bodies]


def counted(item: Any, dimensions: int) -> list[float]:
    """[3, 4, 0 …] times the number at the end of the text, or 1; normalised [0.6, 0.8, 0 …]."""
    number = float(item.split()[-1]) if isinstance(item, str) and item.split()[-1].isdigit() else 1
    return [3 * number, 4 * number, *[0.0] * (dimensions - 2)]


def numbered(item: Any, dimensions: int) -> list[float]:
    """`text 7` -> [1, 7, 0 …]."""
    return [1.0, float(item.split()[-1]), *[0.0] * (dimensions - 2)]


def place(row: Any) -> int:
    """The number of the text from which `numbered` made the row."""
    return round(float(row[1] / row[0]))


@contextmanager
def desk(
    name: str = "openai:local", size: int | None = 8, budget: float | None = None, **routes: Any
) -> Iterator[Desk]:
    with served(OpenAIRoutes(**{"vector": counted} | routes)) as vendor:
        address = f"{vendor.url}/v1"
        settings = Settings(
            openai=OpenAI(base_url=address, dimensions=size, key="TEST_KEY"),
            unified=Unified(base_url=address, dimensions=size, key="TEST_KEY"),
        )
        meter = Meter({name: Price(1.0, 0.0)}, budget)
        yield Desk(load_encoder(name, settings, meter), vendor, meter)


def answer(*vectors: Any, **fields: Any) -> Answer:
    """An embeddings response with these vectors, indexed in order."""
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return Answer(200, {"object": "list", "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}} | fields)


def picture(folder: Path, name: str = "red.png", size: tuple[int, int] = (64, 64), colour: str = "red") -> Path:
    Image.new("RGB", size, colour).save(folder / name)
    return folder / name


@contextmanager
def strict_desk(*routes: Any, meter: Meter | None = None) -> Iterator[tuple[Encoder, Vendor]]:
    with served(*routes, OpenAIRoutes(vector=numbered)) as vendor:
        settings = Settings(openai=OpenAI(base_url=f"{vendor.url}/v1", dimensions=8, at_once=2))
        yield load_encoder("openai:local", settings, meter), vendor
