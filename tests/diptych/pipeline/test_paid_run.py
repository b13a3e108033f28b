"""Count the requests of repeated ingests of the sample documents, with every kind of captioner and encoder.

pytest -m slow -s tests/diptych/pipeline/test_paid_run.py        # prints the table
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from diptych import Diptych, Settings
from diptych.captioners import prompt
from diptych.endpoints import Anthropic, OpenAI, Unified
from diptych.prices import Price
from tests.support.anthropic_server import anthropic_routes
from tests.support.http_server import Vendor, served
from tests.support.onnx_models import write_pair
from tests.support.openai_server import openai_routes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DATA = Path(__file__).parents[3] / "data"
KEY = "sk-secret-of-the-tests"
HAIKU, LUNA, SMALL = "anthropic:claude-haiku-5-5", "openai:gpt-6-luna", "openai:text-embedding-3-small"
PRICES = dict.fromkeys((HAIKU, LUNA, SMALL, "unified:sees"), Price(input=1.0, output=10.0))
KINDS: dict[str, dict[str, Any]] = {
    "captioner openai, Responses": {"captioner": LUNA},
    "captioner openai, Chat": {"captioner": LUNA, "api": "chat"},
    "captioner anthropic": {"captioner": HAIKU},
    "encoder openai": {"encoder": SMALL},
    "encoder unified": {"encoder": "unified:sees"},
    "image encoder unified": {"image_encoder": "unified:sees"},
    "image encoder clip, here": {"image_encoder": "clip"},
    "captioner anthropic, encoder openai": {"captioner": HAIKU, "encoder": SMALL},
}


class Shop:
    """A copy of the sample documents, a store, and a server that plays all providers."""

    def __init__(self, folder: Path, vendor: Vendor, api: str = "responses", **fields: Any) -> None:
        self.folder, self.vendor = folder, vendor
        self.files = folder / "files"
        shutil.copytree(DATA, self.files, ignore=shutil.ignore_patterns("*.py", "samples", "*.jsonl", "__pycache__"))
        endpoint: dict[str, Any] = {"base_url": f"{vendor.url}/v1", "key": "TEST_KEY"}
        self.settings = Settings(
            store=str(folder / "store"),
            pictures=folder / "pictures",
            prices=PRICES,
            models=folder / "models",
            openai=OpenAI(**endpoint, api=api, dimensions=64),
            anthropic=Anthropic(**endpoint),
            unified=Unified(**endpoint, dimensions=64),
            **fields,
        )

    def run(self, budget: float | None = None) -> int:
        """Number of requests of one ingest."""
        before = len(self.vendor.requests)
        with Diptych.open(self.settings, budget=budget) as diptych:
            outcomes = diptych.ingest([self.files])
        if budget is None:
            assert {outcome.status for outcome in outcomes} <= {"complete", "unchanged"}, outcomes
        return len(self.vendor.requests) - before

    def stored(self) -> Iterator[bytes]:
        """The content of every file that was written."""
        for path in (*(self.folder / "store").rglob("*"), *(self.folder / "pictures").rglob("*")):
            if path.is_file():
                yield path.read_bytes()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setenv("TEST_KEY", KEY)
    with served(openai_routes(key=KEY), anthropic_routes()) as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_paid_twice(
    tmp_path: Path, vendor: Vendor, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pair(tmp_path / "models")
    shop = Shop(tmp_path, vendor, **KINDS[kind])
    paid = kind != "image encoder clip, here"
    calls = {"first": shop.run(), "second": shop.run()}
    shutil.rmtree(tmp_path / "store")
    calls["store lost"] = shop.run()
    with Image.open(shop.files / "catalogue" / "rain-jacket.jpg") as photo:
        photo.rotate(90, expand=True).save(shop.files / "catalogue" / "rain-jacket.jpg")
    calls["a photo changed"] = shop.run()
    monkeypatch.setattr(prompt, "VERSION", prompt.VERSION + 1)
    calls["prompt changed"] = shop.run()
    with capsys.disabled():
        print(f"\n{kind:<36} " + ", ".join(f"{name} {count}" for name, count in calls.items()))
    assert (calls["first"] > 0) == paid
    assert calls["second"] == calls["store lost"] == 0
    captions = "captioner" in kind
    if kind.startswith("captioner") and "encoder" not in kind:
        assert calls["a photo changed"] == 1
        assert calls["prompt changed"] == calls["first"]
    elif not captions:
        assert calls["prompt changed"] == 0
    written = list(shop.stored())
    assert written
    assert not any(KEY.encode() in content for content in written)
    assert KEY not in capsys.readouterr().err
    assert not any(KEY.encode() in request.body for request in vendor.requests)


def test_run_stopped_by_the_budget_is_continued_by_the_next(tmp_path: Path, vendor: Vendor) -> None:
    whole = Shop(tmp_path / "whole", vendor, captioner=HAIKU)
    needed = whole.run()
    shop = Shop(tmp_path / "little", vendor, captioner=HAIKU)
    first = shop.run(budget=0.03)
    assert 0 < first < needed
    assert shop.run() == needed - first
