"""Fixtures for tests of OpenAI's models at a local server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from pydantic import BaseModel, Field

from diptych.endpoints import OpenAI
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.models.vision import ImagePart, TextPart, VisionModel, VisionRequest
from diptych.settings import Settings
from tests.support.http_server import Vendor, served
from tests.support.openai_server import OpenAIRoutes, openai_routes

SECRET = "sk-proj-0123456789abcdefSECRET"
MODEL = "openai:gpt-6-luna"
APIS = ("responses", "chat")
QUESTION = VisionRequest("Answer.", (TextPart("Why?"),))


class Seen(BaseModel):
    text: str = Field(min_length=1, max_length=40)
    axes: list[str] = []


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)


@pytest.fixture
def routes() -> OpenAIRoutes:
    return openai_routes(key=SECRET)


@pytest.fixture
def vendor(routes: OpenAIRoutes) -> Iterator[Vendor]:
    with served(routes) as vendor:
        yield vendor


def model(vendor: Vendor, meter: Meter | None = None, *, api: Any = "responses", seconds: float = 20) -> VisionModel:
    endpoint = OpenAI(base_url=f"{vendor.url}/v1", api=api, seconds=seconds)
    return providers.load_vision_model(MODEL, Settings(openai=endpoint), meter or Meter())


def png(width: int = 64, height: int = 48) -> ImagePart:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    return ImagePart(file.getvalue(), "image/png")


def ask(schema: type[BaseModel] | None = Seen, *parts: Any) -> VisionRequest:
    return VisionRequest("Describe.", parts or (TextPart("What is this?"), png()), schema, max_tokens=200, detail="low")
