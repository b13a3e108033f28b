"""Model files are found, downloaded and hashed; missing ones fail at once with the command that gets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diptych.encoders import model_files
from diptych.encoders.fastembed import find_model
from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError
from diptych.settings import Settings
from tests.support import onnx_models
from tests.support.http_server import Answer, Request, served
from tests.support.hub_server import hub_routes

SMALL = "BAAI/bge-small-en-v1.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the default pair."""
    made = tmp_path_factory.mktemp("models")
    onnx_models.write_pair(made)
    return made


@pytest.fixture(autouse=True)
def default_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore the hub settings of this machine."""
    for name in ("HF_HUB_OFFLINE", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the hub unreachable."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def test_missing_files_without_a_network_are_an_error_with_the_download_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnect(monkeypatch)
    encoder = load_encoder("clip", Settings(models=tmp_path / "models", cache=tmp_path / "cache"))
    for ask in (lambda: encoder.encode_texts(["red"]), lambda: encoder.fingerprint):
        with pytest.raises(ModelError) as error:
            ask()
        for part in (
            "Qdrant/clip-ViT-B-32-text (250 MB)",
            "cannot be reached",
            f'hf download Qdrant/clip-ViT-B-32-text --include "*.json" --include "model.onnx" --local-dir '
            f"{tmp_path}/models/Qdrant/clip-ViT-B-32-text",
            f"DIPTYCH_MODELS={tmp_path}/models",
        ):
            assert part in str(error.value)
    assert encoder.tokenizer is None


def test_silent_hub_is_not_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "HUB_TIMEOUT", 0.2)
    with served() as hub:
        hub.faults.append(Answer(seconds=3))
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ModelError, match=r"did not answer|timed out"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])


def test_offline_mode_sends_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])
        assert hub.requests == []


def test_missing_files_are_downloaded_once_and_no_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.write_texts(tmp_path / "hub", SMALL, {"red": [0, 1]})
    repository = find_model(SMALL, Settings()).files.repository
    (tmp_path / "hub" / repository / "pytorch_model.bin").write_bytes(b"large and not needed")
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
def test_hub_without_the_model_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    def always(request: Request) -> Answer:
        return answer

    with served(always) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ModelError, match=r"hf download Qdrant/bge-small-en-v1.5-onnx-Q"):
            load_encoder(f"fastembed:{SMALL}", Settings(cache=tmp_path)).encode_texts(["red"])


def test_incomplete_user_folder_is_an_error_and_nothing_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx_models.write_pair(tmp_path)
    (tmp_path / "Qdrant" / "clip-ViT-B-32-vision" / "preprocessor_config.json").unlink()
    with served() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(ModelError, match=r"clip-ViT-B-32-vision: preprocessor_config\.json missing"):
            load_encoder("clip", Settings(models=tmp_path, cache=tmp_path)).encode_images([tmp_path / "any.png"])
        assert hub.requests == []


def test_hugging_face_cache_works_as_model_folder(folder: Path, tmp_path: Path) -> None:
    for name in ("clip-ViT-B-32-text", "clip-ViT-B-32-vision"):
        kept = tmp_path / f"models--Qdrant--{name}" / "snapshots" / "0123abc"
        kept.parent.mkdir(parents=True)
        kept.symlink_to(folder / "Qdrant" / name)
    theirs = load_encoder("clip", Settings(models=tmp_path, cache=tmp_path / "cache"))
    ours = load_encoder("clip", Settings(models=folder, cache=tmp_path / "cache"))
    assert np.array_equal(theirs.encode_texts(["red"]), ours.encode_texts(["red"]))
    assert theirs.fingerprint == ours.fingerprint


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "tokenizer_config.json"])
def test_broken_files_are_an_error_that_names_the_folder(tmp_path: Path, file: str) -> None:
    onnx_models.write_pair(tmp_path)
    (tmp_path / "Qdrant" / "clip-ViT-B-32-text" / file).write_bytes(b"\0" * 99)
    with pytest.raises(ModelError, match=r"clip-ViT-B-32-text: cannot be loaded .* again"):
        load_encoder("clip", Settings(models=tmp_path, cache=tmp_path / "cache")).encode_texts(["red"])


def test_fingerprint_depends_on_the_weights_and_not_on_their_folder(tmp_path: Path) -> None:
    for place in ("here", "there"):
        onnx_models.write_texts(tmp_path / place, SMALL, {"red": [0, 1]})
    cache = tmp_path / "cache"
    name = f"fastembed:{SMALL}"
    here, there = (load_encoder(name, Settings(models=tmp_path / place, cache=cache)) for place in ("here", "there"))
    assert here.fingerprint == there.fingerprint
    onnx_models.write_texts(tmp_path / "there", SMALL, {"red": [0, 2]})  # other weights, same file sizes
    changed = load_encoder(name, Settings(models=tmp_path / "there", cache=cache))
    assert changed.fingerprint != here.fingerprint
    assert there.fingerprint == here.fingerprint, "a fingerprint stays the same for the life of an encoder"


def test_unchanged_weights_are_hashed_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(models=folder, cache=tmp_path)
    first = load_encoder("clip", chosen).fingerprint
    hashed: list[object] = []
    monkeypatch.setattr("hashlib.file_digest", lambda *of: hashed.append(of))
    assert load_encoder("clip", chosen).fingerprint == first
    assert hashed == []


def test_unwritable_cache_does_not_change_the_fingerprint(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    here, there = (load_encoder("clip", Settings(models=folder, cache=tmp_path / name)) for name in ("file", "cache"))
    assert here.fingerprint == there.fingerprint
