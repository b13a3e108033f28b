"""The doctor says of the models in the settings what is here, what is missing and how it is got; it fetches nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from diptych.doctor import models
from diptych.doctor.checks import Check
from diptych.settings import Settings
from tests.support.http_server import Answer, served
from tests.support.onnx_models import write_pair, write_texts

SMALL = "fastembed:BAAI/bge-small-en-v1.5"


@pytest.fixture(autouse=True)
def own_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub is there."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models=tmp_path / "models", cache=tmp_path / "cache")


def changed(settings: Settings, **values: Any) -> Settings:
    return Settings(**settings.model_dump(include={"models", "cache"}), **values)


def test_nothing_named_is_nothing_missing(settings: Settings) -> None:
    for role in (models.image_encoder, models.captioner, models.answerer):
        assert (role(settings).state, role(settings).mend) == ("ok", "")


def test_files_that_are_here_are_told_with_their_licence(settings: Settings, tmp_path: Path) -> None:
    write_pair(tmp_path / "models")
    one = models.image_encoder(changed(settings, image_encoder="clip"))
    assert one == Check(
        "image encoder",
        "ok",
        f"clip: Qdrant/clip-ViT-B-32-text (mit) in {tmp_path}/models/Qdrant/clip-ViT-B-32-text, "
        f"Qdrant/clip-ViT-B-32-vision (mit) in {tmp_path}/models/Qdrant/clip-ViT-B-32-vision",
    )


def test_files_that_cannot_be_had_are_told_with_the_command_that_gets_them(settings: Settings, tmp_path: Path) -> None:
    one = models.image_encoder(changed(settings, image_encoder="clip"))
    assert one.state == "broken"
    assert "Qdrant/clip-ViT-B-32-text (250 MB), Qdrant/clip-ViT-B-32-vision (340 MB) not here, and http" in one.what
    assert one.mend == (
        f'hf download Qdrant/clip-ViT-B-32-text --include "*.json" --include "model.onnx" --local-dir '
        f"{tmp_path}/models/Qdrant/clip-ViT-B-32-text && "
        f'hf download Qdrant/clip-ViT-B-32-vision --include "*.json" --include "model.onnx" --local-dir '
        f"{tmp_path}/models/Qdrant/clip-ViT-B-32-vision && export DIPTYCH_MODELS={tmp_path}/models"
    )
    assert not (tmp_path / "cache").exists()


def test_files_that_can_be_fetched_are_not(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(lambda request: Answer(200, b"")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        one = models.encoder(changed(settings, encoder=SMALL))
        assert [request.method for request in hub.requests] == ["HEAD"]
    assert (one.state, one.cost) == ("missing", "the first run waits for a download")
    assert "(67 MB) not here, fetched when first used" in one.what
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_lacks_files_is_broken(settings: Settings, tmp_path: Path) -> None:
    write_texts(tmp_path / "models", SMALL.partition(":")[2], {})
    next((tmp_path / "models").rglob("tokenizer_config.json")).unlink()
    one = models.encoder(changed(settings, encoder=SMALL))
    assert one.state == "broken"
    assert "tokenizer_config.json missing" in one.what


def test_passages_longer_than_the_model_reads_cost_something(settings: Settings, tmp_path: Path) -> None:
    write_pair(tmp_path / "models")
    long = models.encoder(changed(settings, encoder="clip"))
    assert (long.state, long.mend) == ("missing", "export DIPTYCH_MAX_TOKENS=77")
    assert "reads 77 tokens, passages may have 256" in long.cost
    assert models.encoder(changed(settings, encoder="clip", max_tokens=77)).state == "ok"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"encoder": "bert"}, "no encoder is called `bert`"),
        ({"encoder": "clip:vit-g"}, "no pair is called `vit-g`"),
        ({"encoder": "openai:some-model"}, "openai.dimensions"),
    ],
)
def test_a_name_that_is_none_is_broken(settings: Settings, values: dict[str, str], told: str) -> None:
    one = models.encoder(changed(settings, **values))
    assert one.state == "broken"
    assert told in one.what


def test_an_image_encoder_has_to_read_pictures(settings: Settings) -> None:
    one = models.image_encoder(changed(settings, image_encoder="minilm:fp32"))
    assert (one.state, one.what) == ("broken", "minilm:fp32 reads no pictures")


def test_keys_are_seen_and_never_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    chosen = changed(
        settings,
        encoder="openai:text-embedding-3-small",
        captioner="openai:gpt-6-luna",
        answerer="anthropic:claude-haiku-5-5",
    )
    found = [models.encoder(chosen), models.captioner(chosen), models.answerer(chosen)]
    assert "very-secret" not in repr(found)
    assert [one.state for one in found] == ["ok", "ok", "broken"]
    assert found[1].what == "openai:gpt-6-luna: OPENAI_API_KEY is set"
    assert found[2].mend == "export ANTHROPIC_API_KEY=…"
    assert found[2].cost == "`diptych ask` cannot answer"


def test_a_server_of_ones_own_needs_no_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with served() as server:
        chosen = changed(settings, captioner="openai:local", openai={"base_url": f"{server.url}/v1"})
        assert models.captioner(chosen).what == f"openai:local at {server.url}/v1: no key, and none is asked"
        assert server.requests == []


def test_claude_through_a_cloud_needs_its_package(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = changed(settings, captioner="anthropic:claude-haiku-5-5", anthropic={"platform": "bedrock", "region": "x"})
    assert models.captioner(chosen).state == "ok"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    one = models.captioner(chosen)
    assert (one.state, one.mend) == ("broken", "pip install 'diptych[bedrock]'")
