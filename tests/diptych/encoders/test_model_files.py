"""Files of models: found, fetched, hashed, and asked for in a clear word, at once, when they cannot be had."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders import model_files as weights
from diptych.encoders.fastembed import find
from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings
from tests.support import onnx_models
from tests.support.http_server import Answer, Request, served
from tests.support.vendor_hub import hub_routes

SMALL = "BAAI/bge-small-en-v1.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the default pair."""
    made = tmp_path_factory.mktemp("models")
    onnx_models.write_pair(made)
    return made


@pytest.fixture(autouse=True)
def own_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own choice of a hub has no say."""
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a network."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def test_without_files_and_network_the_error_comes_at_once_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere(monkeypatch)
    encoder = load_encoder("clip", Settings(models=tmp_path / "models", cache=tmp_path / "cache"))
    start = time.monotonic()
    for ask in (lambda: encoder.encode_texts(["red"]), lambda: encoder.fingerprint):
        with pytest.raises(ModelError) as told:
            ask()
        for part in (
            "Qdrant/clip-ViT-B-32-text (250 MB)",
            "cannot be reached",
            f'hf download Qdrant/clip-ViT-B-32-text --include "*.json" --include "model.onnx" --local-dir '
            f"{tmp_path}/models/Qdrant/clip-ViT-B-32-text",
            f"DIPTYCH_MODELS={tmp_path}/models",
        ):
            assert part in str(told.value)
    assert time.monotonic() - start < 5
    assert encoder.tokenizer is None


def test_a_hub_that_does_not_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PATIENCE", 0.2)
    with served() as hub:
        hub.faults.append(Answer(seconds=3))
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        start = time.monotonic()
        with pytest.raises(ModelError, match=r"did not answer|timed out"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])
        assert time.monotonic() - start < 2


def test_offline_by_choice_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])
        assert hub.requests == []


def test_what_is_not_here_is_fetched_once_and_only_what_is_needed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.write_texts(tmp_path / "hub", SMALL, {"red": [0, 1]})
    repository = find(SMALL, Settings()).weights.repository
    (tmp_path / "hub" / repository / "pytorch_model.bin").write_bytes(b"large, and of no use")
    with served(hub_routes(tmp_path / "hub")) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        chosen = Settings(models=folder, cache=tmp_path / "cache")
        first = load_encoder(f"fastembed:{SMALL}", chosen)
        assert first.tokenizer is None
        assert first.encode_texts(["red"])[0, 1] > 0.5
        asked = len(hub.requests)
        again = load_encoder(f"fastembed:{SMALL}", chosen)
        assert again.fingerprint == first.fingerprint
        assert np.array_equal(again.encode_texts(["red"]), first.encode_texts(["red"]))
        assert again.tokenizer == tmp_path / "cache" / "models" / repository / "tokenizer.json"
        assert len(hub.requests) == asked
        assert not any("pytorch_model" in request.path for request in hub.requests)


@pytest.mark.parametrize("answer", [Answer(404), Answer(401), Answer(200, "<html>sign in</html>")])
def test_a_hub_without_the_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    def always(request: Request) -> Answer:
        return answer

    with served(always) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ModelError, match=r"hf download Qdrant/bge-small-en-v1.5-onnx-Q"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])


def test_a_folder_that_lacks_files_is_said_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.write_pair(tmp_path)
    (tmp_path / "Qdrant" / "clip-ViT-B-32-vision" / "preprocessor_config.json").unlink()
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ModelError, match=r"clip-ViT-B-32-vision: without preprocessor_config\.json"):
            load_encoder("clip", Settings(models=tmp_path, cache=tmp_path)).encode_images([tmp_path / "any.png"])
        assert hub.requests == []


def test_a_hugging_face_cache_serves_as_model_folder(folder: Path, tmp_path: Path) -> None:
    for name in ("clip-ViT-B-32-text", "clip-ViT-B-32-vision"):
        kept = tmp_path / f"models--Qdrant--{name}" / "snapshots" / "0123abc"
        kept.parent.mkdir(parents=True)
        kept.symlink_to(folder / "Qdrant" / name)
    theirs = load_encoder("clip", Settings(models=tmp_path, cache=tmp_path / "cache"))
    ours = load_encoder("clip", Settings(models=folder, cache=tmp_path / "cache"))
    assert np.array_equal(theirs.encode_texts(["red"]), ours.encode_texts(["red"]))
    assert theirs.fingerprint == ours.fingerprint


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "tokenizer_config.json"])
def test_broken_files_are_named(tmp_path: Path, file: str) -> None:
    onnx_models.write_pair(tmp_path)
    (tmp_path / "Qdrant" / "clip-ViT-B-32-text" / file).write_bytes(b"\0" * 99)
    with pytest.raises(ModelError, match=r"clip-ViT-B-32-text: cannot be loaded .* again"):
        load_encoder("clip", Settings(models=tmp_path, cache=tmp_path / "cache")).encode_texts(["red"])


def test_the_fingerprint_follows_the_weights_wherever_they_lie(tmp_path: Path) -> None:
    for place in ("here", "there"):
        onnx_models.write_texts(tmp_path / place, SMALL, {"red": [0, 1]})
    cache = tmp_path / "cache"
    name = f"fastembed:{SMALL}"
    here, there = (load_encoder(name, Settings(models=tmp_path / place, cache=cache)) for place in ("here", "there"))
    assert here.fingerprint == there.fingerprint
    onnx_models.write_texts(tmp_path / "there", SMALL, {"red": [0, 2]})  # other numbers, files as long as before
    changed = load_encoder(name, Settings(models=tmp_path / "there", cache=cache))
    assert changed.fingerprint != here.fingerprint
    assert there.fingerprint == here.fingerprint, "what was told stays told"


def test_weights_are_hashed_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(models=folder, cache=tmp_path)
    first = load_encoder("clip", chosen).fingerprint
    hashed: list[object] = []
    monkeypatch.setattr("hashlib.file_digest", lambda *of: hashed.append(of))
    assert load_encoder("clip", chosen).fingerprint == first
    assert hashed == []


def test_a_cache_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    here, there = (load_encoder("clip", Settings(models=folder, cache=tmp_path / name)) for name in ("file", "cache"))
    assert here.fingerprint == there.fingerprint
