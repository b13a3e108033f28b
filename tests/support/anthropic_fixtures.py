"""Fixtures for tests of Claude at a local server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from diptych.endpoints import Anthropic
from diptych.models import vision as providers
from diptych.models.meter import Meter
from diptych.models.vision import CitableText, TextPart, VisionModel, VisionRequest
from diptych.prices import Usage
from diptych.settings import Settings
from tests.support.anthropic_server import anthropic_routes
from tests.support.http_server import Vendor, served

SECRET = "sk-ant-a-very-secret-key"
HAIKU = "claude-haiku-5-5"
NAME = f"anthropic:{HAIKU}"
PAID = Usage(100, 4, 20, 1, False, 6)
"""Usage of every answer of the local server."""
QUESTION = VisionRequest("Be brief.", (TextPart("What is it?"),), max_tokens=50)
SOURCES = (
    CitableText("p1", "Report, page 3", "Pumps leak when seals age. Valves do not."),
    CitableText("f2", "", "Fig. 2"),
)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with served(anthropic_routes()) as running:
        yield running


@pytest.fixture(autouse=True)
def only_this_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set `SECRET` as the key and remove all other variables that the SDK reads."""
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "CLOUD_ML_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)


def model(vendor: Vendor, meter: Meter | None = None, name: str = HAIKU, **endpoint: Any) -> VisionModel:
    """A model at the local server; `endpoint` overrides its settings."""
    section = Anthropic(**{"base_url": vendor.url, "seconds": 20.0} | endpoint)
    return providers.load_vision_model(f"anthropic:{name}", Settings(anthropic=section), meter or Meter())
