"""Page encoders: tiny models through fastembed's own loading code, and a server with vLLM's pooling API."""

from __future__ import annotations

import base64
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych.encoders.page_encoder import PageEncoder, load_page_encoder
from diptych.endpoints import Unified, UnifiedEndpoint
from diptych.errors import BudgetReached, ModelError, ProviderError, SettingsError
from diptych.models.meter import Meter
from diptych.prices import Price
from diptych.settings import Settings
from diptych.vectors import Vectors
from tests.support import onnx_models
from tests.support.http_server import Answer, Request, served

LOCAL = ("Qdrant/colpali-v1.3-fp16", "Qdrant/colmodernvbert")
PUBLISHED = {
    "Qdrant/colpali-v1.3-fp16": [
        [-0.0023, 0.1477, 0.1594, 0.046, -0.0196, 0.0554, 0.1567],
        [-0.0139, -0.0057, 0.0932, 0.0052, -0.0678, 0.0131, 0.0537],
    ],
    "Qdrant/colmodernvbert": [
        [0.05, 0.06557, 0.04026, 0.14981, 0.1842, 0.0263, -0.18706],
        [-0.05664, -0.14028, 0.00649, -0.02849, 0.09034, -0.01494, 0.10693],
    ],
}
"""First numbers of the first vectors of "hello world", from tests/test_late_interaction_multimodal.py of fastembed."""


def load(settings: Settings, meter: Meter | None = None) -> PageEncoder:
    encoder = load_page_encoder(settings.for_role("page_encoder"), meter or Meter())
    assert encoder
    return encoder


def similarity(query: Vectors, page: Vectors) -> float:
    return float((query @ page.T).max(axis=1).sum())


def pages(folder: Path, *colours: str, size: tuple[int, int] = (300, 500)) -> list[Path]:
    for colour in colours:
        Image.new("RGB", size, onnx_models.COLOURS[colour]).save(folder / f"{colour}.png")
    return [folder / f"{colour}.png" for colour in colours]


@pytest.mark.parametrize("name", LOCAL)
def test_words_find_pages(name: str, tmp_path: Path) -> None:
    onnx_models.write_page_encoder(tmp_path, name)
    encoder = load(Settings(page_encoder=f"fastembed:{name}", models=tmp_path, cache=tmp_path / "cache"))
    red, blue = encoder.encode_pages(pages(tmp_path, "red", "blue"))
    (query,) = encoder.encode_texts(["a red page"])
    assert red.shape[1] == query.shape[1] == encoder.size == 128
    assert len(red) > 8
    assert similarity(query, red) == pytest.approx(1, abs=1e-3)
    assert similarity(query, blue) < 0.5
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    assert encoder.encode_pages([tmp_path / "broken.png"])[0].shape == (0, 128)
    assert encoder.fingerprint.startswith(f"{name}-")
    assert encoder.encode_texts([]) == []


@pytest.mark.parametrize("name", LOCAL)
def test_published_vectors(name: str) -> None:
    models = os.environ.get("DIPTYCH_MODELS", "")
    if not models or not Path(models, name).is_dir():
        pytest.skip(f"the weights of {name} are not in DIPTYCH_MODELS; get them with `hf download {name}`")
    encoder = load(Settings(page_encoder=f"fastembed:{name}", models=Path(models)))
    (vectors,) = encoder.encode_texts(["hello world"])
    assert vectors[: len(PUBLISHED[name]), :7] == pytest.approx(np.array(PUBLISHED[name]), abs=2e-3)


def pooling(request: Request) -> Answer:
    """Two vectors for every text: its words `red` and `blue`; one for an image: its first pixel."""
    body = request.json
    if "input" in body:
        data: list[Any] = [[[text.count("red"), 0, 1], [0, text.count("blue"), 1]] for text in body["input"]]
    else:
        image, words = body["messages"][0]["content"]
        assert words == {"type": "text", "text": "Describe the image."}
        encoded = image["image_url"]["url"].partition(";base64,")[2]
        pixels = np.asarray(Image.open(BytesIO(base64.b64decode(encoded))).convert("RGB"))
        data = [[[pixels[0, 0, 0] / 255, pixels[0, 0, 2] / 255, 0]]]
    entries = [{"index": index, "object": "pooling", "data": one} for index, one in enumerate(data)]
    return Answer(200, {"object": "list", "data": entries[::-1], "usage": {"prompt_tokens": 7, "total_tokens": 7}})


def remote(url: str, meter: Meter | None = None) -> PageEncoder:
    own = UnifiedEndpoint(base_url=url, dimensions=3)
    return load(Settings(page_encoder="unified:colqwen", unified=Unified(page_encoder=own)), meter)


def test_server_encodes_texts_and_images(tmp_path: Path) -> None:
    meter = Meter({"unified:colqwen": Price(1.0, 0.0)})
    with served(pooling) as vendor:
        encoder = remote(vendor.url, meter)
        red, blue = encoder.encode_pages(pages(tmp_path, "red", "blue"))
        assert (red.tolist(), blue.tolist()) == ([[1, 0, 0]], [[0, 1, 0]])
        first, second = encoder.encode_texts(["blue blue", "red"])
        assert similarity(first, blue) > similarity(first, red)
        assert np.linalg.norm(second, axis=1) == pytest.approx(1)
        assert [request.path for request in vendor.requests] == ["/pooling"] * 3
        assert meter.spent == pytest.approx(21e-6)
        (tmp_path / "broken.png").write_bytes(b"\x89PNG")
        assert encoder.encode_pages([tmp_path / "broken.png"])[0].shape == (0, 3)
        assert len(vendor.requests) == 3
        with pytest.raises(BudgetReached):
            remote(vendor.url, Meter({"unified:colqwen": Price(1e6, 0.0)}, 0.01)).encode_texts(["red"])


@pytest.mark.parametrize("data", [[], [{"data": [1, 2, 3]}], [{"data": [[1, 2]]}], [{"data": "AAAA"}], [{"data": []}]])
def test_answers_of_another_shape_are_errors(data: list[Any]) -> None:
    expected = pytest.raises(ProviderError, match="vectors of 3 numbers for every token")
    with served(lambda request: Answer(200, {"data": data})) as vendor, expected:
        remote(vendor.url).encode_texts(["red"])


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("magic", SettingsError, "no page encoder is called `magic`; write fastembed:Qdrant/colmodernvbert"),
        ("fastembed:magic", ModelError, "known: Qdrant/colmodernvbert, Qdrant/colpali"),
        ("unified:colqwen", SettingsError, r"under \[unified.page_encoder\] the server's `base_url`"),
    ],
)
def test_unusable_settings_are_errors(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(Settings(page_encoder=name))
