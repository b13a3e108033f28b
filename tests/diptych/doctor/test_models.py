"""Doctor reports the files and keys of the configured models, and downloads nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.doctor.machine import Check
from diptych.doctor.models import (
    check_answerer,
    check_captioner,
    check_encoder,
    check_image_encoder,
    check_page_encoder,
    check_reranker,
)
from diptych.endpoints import Rerank
from diptych.settings import Settings
from tests.support.http_server import Answer, served
from tests.support.onnx_models import write_pair, write_texts

SMALL = "fastembed:BAAI/bge-small-en-v1.5"


@pytest.fixture(autouse=True)
def unreachable_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the hub unreachable."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models=tmp_path / "models", cache=tmp_path / "cache")


def changed(settings: Settings, **values: Any) -> Settings:
    return Settings(**settings.model_dump(include={"models", "cache"}), **values)


def test_unset_models_are_ok(settings: Settings) -> None:
    for role in (check_image_encoder, check_captioner, check_answerer):
        assert (role(settings).state, role(settings).fix) == ("ok", "")


def test_present_files_are_listed_with_their_licence(settings: Settings, tmp_path: Path) -> None:
    write_pair(tmp_path / "models")
    check = check_image_encoder(changed(settings, image_encoder="clip"))
    assert check == Check(
        "image encoder",
        "ok",
        f"clip: Qdrant/clip-ViT-B-32-text (mit) in {tmp_path}/models/Qdrant/clip-ViT-B-32-text, "
        f"Qdrant/clip-ViT-B-32-vision (mit) in {tmp_path}/models/Qdrant/clip-ViT-B-32-vision, on cpu",
    )


def test_missing_files_without_a_hub_are_broken_with_the_download_command(settings: Settings, tmp_path: Path) -> None:
    check = check_image_encoder(changed(settings, image_encoder="clip"))
    assert check.state == "broken"
    assert (
        "files of Qdrant/clip-ViT-B-32-text (250 MB), Qdrant/clip-ViT-B-32-vision (340 MB) missing, and http"
        in check.what
    )
    assert check.fix == (
        f'hf download Qdrant/clip-ViT-B-32-text --include "*.json" --include "model.onnx" --local-dir '
        f"{tmp_path}/models/Qdrant/clip-ViT-B-32-text && "
        f'hf download Qdrant/clip-ViT-B-32-vision --include "*.json" --include "model.onnx" --local-dir '
        f"{tmp_path}/models/Qdrant/clip-ViT-B-32-vision && export DIPTYCH_MODELS={tmp_path}/models"
    )
    assert not (tmp_path / "cache").exists()


def test_downloadable_files_are_not_downloaded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(lambda request: Answer(200, b"")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        check = check_encoder(changed(settings, encoder=SMALL))
        assert [request.method for request in hub.requests] == ["HEAD"]
    assert (check.state, check.cost) == ("missing", "the first run waits for a download")
    assert "(67 MB) missing; downloaded when first used" in check.what
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("setting", "check", "model", "without"),
    [
        ("reranker", check_reranker, "BAAI/bge-reranker-base", "hits are not reranked"),
        (
            "page_encoder", check_page_encoder, "Qdrant/colmodernvbert",
            "images of pages are not searched by late interaction",
        ),
    ],
)  # fmt: skip
def test_optional_models_are_checked_like_the_others(
    setting: str,
    check: Callable[[Settings], Check],
    model: str,
    without: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert check(settings).what == f"none set: {without}"
    missing = check(changed(settings, **{setting: f"fastembed:{model}"}))
    assert (missing.state, missing.fix.partition(" --include")[0]) == ("missing", f"hf download {model}")
    assert check(changed(settings, **{setting: "magic"})).state == "broken"


@pytest.mark.parametrize(
    ("check", "changes", "found"),
    [
        (
            check_reranker, {"reranker": "rerank:tiny", "rerank": Rerank(base_url="http://localhost:9/v1")},
            "rerank:tiny at http://localhost:9/v1: needs no key",
        ),
        (
            check_page_encoder,
            {
                "page_encoder": "unified:tiny",
                "unified": {"page_encoder": {"base_url": "http://localhost:9/v1", "dimensions": 8}},
            },
            "unified:tiny at http://localhost:9/v1 (`unified.page_encoder.base_url`): needs no key",
        ),
    ],
)  # fmt: skip
def test_optional_models_on_a_server_need_no_download(
    check: Callable[[Settings], Check], changes: dict[str, Any], found: str, settings: Settings
) -> None:
    assert check(changed(settings, **changes)).what == found


def test_incomplete_folder_is_broken(settings: Settings, tmp_path: Path) -> None:
    write_texts(tmp_path / "models", SMALL.partition(":")[2], {})
    next((tmp_path / "models").rglob("tokenizer_config.json")).unlink()
    check = check_encoder(changed(settings, encoder=SMALL))
    assert check.state == "broken"
    assert "tokenizer_config.json missing" in check.what


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder": "bert"}, "no encoder is called `bert`"),
        ({"encoder": "clip:vit-g"}, "no pair is called `vit-g`"),
        ({"encoder": "openai:some-model"}, "openai.dimensions"),
    ],
)
def test_unknown_name_is_broken(settings: Settings, values: dict[str, str], message: str) -> None:
    check = check_encoder(changed(settings, **values))
    assert check.state == "broken"
    assert message in check.what


def test_image_encoder_must_read_images(settings: Settings) -> None:
    check = check_image_encoder(changed(settings, image_encoder="minilm:fp32"))
    assert (check.state, check.what) == ("broken", "minilm:fp32 reads no images")


def test_keys_are_detected_but_not_shown(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    chosen = changed(
        settings,
        encoder="openai:text-embedding-3-small",
        captioner="openai:gpt-6-luna",
        answerer="anthropic:claude-haiku-5-5",
    )
    found = [check_encoder(chosen), check_captioner(chosen), check_answerer(chosen)]
    assert "very-secret" not in repr(found)
    assert [check.state for check in found] == ["ok", "ok", "broken"]
    assert found[1].what == "openai:gpt-6-luna at api.openai.com: OPENAI_API_KEY is set"
    assert found[2].fix == "export ANTHROPIC_API_KEY=…"
    assert found[2].cost == "`diptych ask` cannot answer"


def test_local_server_needs_no_key(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with served() as server:
        chosen = changed(settings, captioner="openai:local", openai={"base_url": f"{server.url}/v1"})
        assert check_captioner(chosen).what == f"openai:local at {server.url}/v1: needs no key"
        assert server.requests == []


def test_each_role_shows_its_endpoint_without_credentials(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:secret@gateway.example/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    own = {"captioner": {"base_url": "http://gpu-box/v1"}, "answerer": {"base_url": "gpu-box"}}
    chosen = changed(
        settings, encoder="openai:text-embedding-3-small", captioner="openai:a", answerer="openai:b", openai=own
    )
    found = [check_encoder(chosen), check_captioner(chosen), check_answerer(chosen)]
    assert [one.what for one in found] == [
        "openai:text-embedding-3-small at https://gateway.example/v1 (OPENAI_BASE_URL): OPENAI_API_KEY is set",
        "openai:a at http://gpu-box/v1 (`openai.captioner.base_url`): needs no key",
        "openai:b: `openai.answerer.base_url` is `gpu-box`; it must begin with http:// or https:// and have a host",
    ]


def test_cloud_platform_needs_its_package(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = changed(settings, captioner="anthropic:claude-haiku-5-5", anthropic={"platform": "bedrock", "region": "x"})
    assert check_captioner(chosen).state == "ok"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check = check_captioner(chosen)
    assert (check.state, check.fix) == ("broken", "pip install 'diptych[bedrock]'")
