"""Fingerprints and ledger keys are stored: changing one makes users pay for every caption again."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.captioners.captioner import Captioner, load_captioner
from diptych.captioners.prompt import Prompt
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.settings import Settings
from extractors.types import ImageFile
from tests.support.scripted_vision import chart, extraction, picture


def captioner(folder: Path, **settings: str) -> Captioner:
    loaded = load_captioner(Settings.model_validate(settings), Meter(), Ledger(folder))
    assert loaded
    return loaded


def test_prompt_fingerprint() -> None:
    assert Prompt().fingerprint == "8b6c34a7fb84d69a"


@pytest.mark.parametrize(
    ("model", "detail", "fingerprint"),
    [
        ("openai:gpt-6-luna", "low", "e88b8e28b5909d89"),
        ("openai:gpt-6-luna", "high", "f7d0de738add360f"),
        ("openai:gpt-6-luna", "auto", "2fdc0af8ac45be67"),
        ("anthropic:claude-haiku-5-5", "low", "d8d594ab8a8b2ca6"),
        ("anthropic:claude-haiku-5-5", "high", "ba55e1a5ea927582"),
        ("anthropic:claude-haiku-5-5", "auto", "088b596dff27d007"),
    ],
)
def test_captioner_fingerprint(tmp_path: Path, model: str, detail: str, fingerprint: str) -> None:
    assert captioner(tmp_path, captioner=model, caption_detail=detail).fingerprint == fingerprint


def test_ledger_key_of_a_picture(tmp_path: Path) -> None:
    image = ImageFile("5" * 64, ".png", 400, 300)
    (tmp_path / "55").mkdir()
    chart(1).save(tmp_path / "55" / f"{image.sha256}.png")
    one = captioner(tmp_path, captioner="openai:gpt-6-luna")
    ((key, _),) = one.pending_requests(extraction(picture(image, caption="Fig. 1. A pump")), tmp_path)
    assert key == "cc1353f430272e85e55e9c5790859335e66e3c4a68ebd93facc82c5256e311c9"
