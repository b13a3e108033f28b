"""Documents with pictures that two of them share, a vision model that captions them, and the content of a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych
from diptych.settings import load_settings
from tests.support.http_server import Vendor, served
from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import write_leaflet
from tests.support.scripted_vision import chart

LUNA = "openai:gpt-6-luna"
CAPTION = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A vision model on this machine that captions pictures, in the settings that every process reads."""
    monkeypatch.chdir(tmp_path)
    with served(OpenAIRoutes(answer=lambda asked: CAPTION)) as running:
        chosen = {
            "OPENAI__BASE_URL": f"{running.url}/v1", "OPENAI__KEY": "DIPTYCH_TEST_VENDOR_KEY", "CAPTIONER": LUNA,
            "OCR": "off", "WORKERS": "2", "PRICES": json.dumps({LUNA: {"input": 1.0, "output": 10.0}}),
        }  # fmt: skip
        for name, value in chosen.items():
            monkeypatch.setenv(f"DIPTYCH_{name}", value)
        monkeypatch.setenv("DIPTYCH_TEST_VENDOR_KEY", "sk-of-the-tests")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Two leaflets with one figure and three charts, of which two are the same picture."""
    papers = tmp_path / "papers"
    papers.mkdir()
    for name in ("a.pdf", "b.pdf"):
        write_leaflet(papers / name, pages=1)
    for number, seed in enumerate((1, 2, 1)):
        chart(seed).save(papers / f"{number}.png")
    return str(papers)


def store_content(store: str) -> dict[str, list[Any]]:
    """Every point of a store: id, payload and vectors; and the records without their times and costs."""
    with Diptych.open(load_settings(store)) as diptych:
        opened = diptych._runtime.existing()
        points = {
            name: sorted(
                (point.id, sorted(point.payload.items(), key=str), {k: v.tolist() for k, v in point.vectors.items()})
                for point in collection.scroll(vectors=True)
            )
            for name, collection in (("text", opened.text), ("images", opened.images))
        }
        records = [replace(record, updated_at="", usage={}) for record in diptych.documents()]
    return points | {"documents": records}
