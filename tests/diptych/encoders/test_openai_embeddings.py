"""Encoders behind OpenAI's embeddings API: requests, their limits, and the settings they need."""

from __future__ import annotations

import base64
import traceback
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych.encoders.ledger_encoder import with_ledger
from diptych.encoders.registry import load_encoder
from diptych.endpoints import OpenAI
from diptych.errors import ModelError, ProviderError, SettingsError
from diptych.models.ledger import Ledger
from diptych.models.openai import embeddings
from diptych.prices import Usage
from diptych.settings import Settings
from extractors.text.passages import token_counter
from tests.support import onnx_models
from tests.support.embedding_fixtures import SEES, SMALL, counted, desk, numbered, picture, place
from tests.support.http_server import Answer, Request, served
from tests.support.openai_batch_server import problem
from tests.support.openai_server import OpenAIRoutes


def test_vectors_have_unit_length_and_their_tokens_are_counted() -> None:
    with desk() as at:
        vectors = at.encoder.encode_texts(["apple 2", "pear 5"])
        assert vectors.dtype == np.float32
        assert np.allclose(vectors, [[0.6, 0.8, *[0] * 6]] * 2)
        assert at.bodies == [
            {"model": "local", "input": ["apple 2", "pear 5"], "dimensions": 8, "encoding_format": "float"}
        ]
        assert at.meter.usage() == {("openai:local", False): Usage(input_tokens=6, requests=1)}


def test_queries_are_sent_like_passages() -> None:
    with desk() as at:
        at.encoder.encode_texts(["pump"])
        at.encoder.encode_texts(["pump"], query=True)
        assert at.bodies[0] == at.bodies[1]


def test_prompts_of_known_models_are_sent(tmp_path: Path) -> None:
    with desk("openai:nomic-embed-text") as at:
        at.encoder.encode_texts(["pump"])
        at.encoder.encode_texts(["pump"], query=True)
        assert [body["input"] for body in at.bodies] == [["search_document: pump"], ["search_query: pump"]]
        assert at.encoder.batches is None
        kept = with_ledger(at.encoder, Ledger(tmp_path))
        assert [kept.encode_texts(["pump"]).tolist() for _ in range(2)] == [
            at.encoder.encode_texts(["pump"]).tolist()
        ] * 2
        assert len(at.bodies) == 4, "the second time from the ledger"


def test_prompts_in_the_settings_replace_the_usual_ones() -> None:
    with served(OpenAIRoutes(vector=counted)) as vendor:
        endpoint = OpenAI(base_url=f"{vendor.url}/v1", dimensions=8, query_prompt="find: ", passage_prompt="")
        encoder = load_encoder("openai:nomic-embed-text", Settings(openai=endpoint))
        encoder.encode_texts(["pump"], query=True)
        encoder.encode_texts(["pump"])
        assert [request.json["input"] for request in vendor.requests] == [["find: pump"], ["pump"]]
        plain = load_encoder("openai:plain", Settings(openai=OpenAI(base_url=endpoint.base_url, dimensions=8)))
        assert plain.fingerprint == "openai:plain-8"
        assert encoder.fingerprint.startswith("openai:nomic-embed-text-8-")


def test_passages_are_measured_with_the_models_own_tokenizer(tmp_path: Path) -> None:
    onnx_models.write_text_export(tmp_path, "someone/tiny", {"ab": [1]}, "cls_token")
    for name in ("someone/tiny", str(tmp_path / "someone/tiny/tokenizer.json")):
        settings = Settings(openai=OpenAI(dimensions=8, tokenizer=name), models=tmp_path)
        encoder = load_encoder("openai:tiny", settings)
        assert token_counter(encoder.tokenizer)(["ab abab"]) == [2]
    missing = settings.model_copy(update={"openai": OpenAI(dimensions=8, tokenizer="some/other"), "cache": tmp_path})
    with pytest.raises(ModelError, match="some/other is neither in"):
        assert load_encoder("openai:tiny", missing).tokenizer


def test_no_texts_send_no_request() -> None:
    with desk() as at:
        assert at.encoder.encode_texts([]).shape == (0, 8)
        assert at.vendor.requests == []


@pytest.mark.parametrize(
    ("model", "wanted", "size", "asked"),
    [
        ("text-embedding-3-small", None, 1536, None),
        ("text-embedding-3-large", None, 3072, None),
        ("text-embedding-3-large", 256, 256, 256),
        ("text-embedding-ada-002", None, 1536, None),
        ("text-embedding-ada-002", 1536, 1536, None),
        ("bge-m3", 1024, 1024, 1024),
    ],
)
def test_dimensions_are_requested_only_when_shortened(
    model: str, wanted: int | None, size: int, asked: int | None
) -> None:
    with desk(f"openai:{model}", wanted, dimensions=size) as at:
        assert at.encoder.size == size
        assert at.encoder.encode_texts(["pump"]).shape == (1, size)
        assert at.bodies[0].get("dimensions") == asked


def test_openai_itself_gets_large_requests_for_base64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.models.openai.client.host", lambda endpoint: "api.openai.com")
    monkeypatch.setenv("TEST_KEY", "sk-test")
    with desk(SMALL, None, dimensions=1536, vector=numbered) as at:
        vectors = at.encoder.encode_texts([f"text {number}" for number in range(2050)])
        assert [place(row) for row in vectors] == list(range(2050))
        assert sorted(at.sizes) == [2, 2048]
        assert at.bodies[0]["encoding_format"] == "base64"


def test_requests_keep_the_token_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "MAX_TOKENS", 100)
    with desk(vector=numbered) as at:
        vectors = at.encoder.encode_texts([f"{'word ' * 15} {number}" for number in range(9)])
        assert [place(row) for row in vectors] == list(range(9))
        assert at.sizes == [2, 2, 2, 2, 1] or sorted(at.sizes) == [1, 2, 2, 2, 2]  # requests run concurrently


def test_very_long_text_is_cut_between_characters() -> None:
    with desk() as at:
        at.encoder.encode_texts(["漢" * 50_000])
        sent = at.bodies[0]["input"][0]
        assert set(sent) == {"漢"}
        assert 2500 < len(sent) < 8192


def test_blank_text_and_broken_characters_are_replaced() -> None:
    with desk() as at:
        at.encoder.encode_texts([" \n ", "half \ud83d pair"])
        assert at.bodies[0]["input"] == [".", "half ? pair"]


def test_dimensions_are_omitted_after_the_model_rejects_them() -> None:
    def strict(request: Request) -> Answer | None:
        rejected = "dimensions" in request.json
        return problem(400, "This model does not support matryoshka representation: dimensions") if rejected else None

    with served(strict, OpenAIRoutes(vector=counted, dimensions=8)) as vendor:
        settings = Settings(openai=OpenAI(base_url=f"{vendor.url}/v1", dimensions=8))
        encoder = load_encoder("openai:plain", settings)
        encoder.encode_texts(["apple"])
        encoder.encode_texts(["pear"])
        assert ["dimensions" in request.json for request in vendor.requests] == [True, False, False]


def test_images_are_sent_as_base64(tmp_path: Path) -> None:
    with desk(SEES, vector=lambda item, size: [1.0, 0.0] if isinstance(item, str) else [0.0, 1.0], size=2) as at:
        assert at.encoder.encode_images([picture(tmp_path)]).tolist() == [[0, 1]]
        assert at.encoder.encode_texts(["a pump"]).tolist() == [[1, 0]]
        (sent,) = at.bodies[0]["input"]
        assert sent.keys() == {"type", "image"}
        assert sent["type"] == "image"
        with Image.open(BytesIO(base64.b64decode(sent["image"], validate=True))) as image:
            assert (image.size, image.convert("RGB").getpixel((5, 5))) == ((64, 64), (255, 0, 0))
        assert at.bodies[1]["input"] == ["a pump"]
        assert (at.encoder.reads_images, at.encoder.half, at.encoder.paid) == (True, True, SEES)


@pytest.mark.parametrize(("size", "sent"), [((3000, 1500), (1024, 512)), ((900, 3), (900, 56)), ((4, 4), (56, 56))])
def test_images_are_scaled_down_and_padded(tmp_path: Path, size: tuple[int, int], sent: tuple[int, int]) -> None:
    with desk(SEES) as at:
        at.encoder.encode_images([picture(tmp_path, size=size)])
        with Image.open(BytesIO(base64.b64decode(at.bodies[0]["input"][0]["image"]))) as image:
            assert image.size == sent


def test_unreadable_image_gets_zeros_and_spares_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and nothing else")
    with desk(SEES) as at:
        files = [picture(tmp_path), tmp_path / "broken.png", tmp_path / "absent.png"]
        vectors = at.encoder.encode_images(files)
        assert [bool(row.any()) for row in vectors] == [True, False, False]
        assert at.sizes == [1]


def test_requests_hold_at_most_eight_images(tmp_path: Path) -> None:
    with desk(SEES) as at:
        at.encoder.encode_images([picture(tmp_path)] * 20)
        assert sorted(at.sizes) == [4, 8, 8]


def test_text_encoder_reads_no_images(tmp_path: Path) -> None:
    with desk() as at, pytest.raises(ModelError, match="openai:local reads no images"):
        at.encoder.encode_images([picture(tmp_path)])


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("openai:", {}, "write openai:MODEL"),
        ("openai:bge-m3", {}, "openai:bge-m3: set `openai.dimensions` to the dimensions of its vectors"),
        (SMALL, {"openai": {"dimensions": 2000}}, "is 2000, but the model has at most 1536"),
        ("openai:text-embedding-ada-002", {"openai": {"dimensions": 512}}, "is 512, but the model has exactly 1536"),
        ("unified:", {}, "write unified:MODEL"),
        (SEES, {"unified": {"dimensions": 8}}, "unified:seer needs the endpoint's address .* `unified.base_url`"),
        (SEES, {"unified": {"base_url": "http://localhost/v1"}}, "needs the dimensions .* `unified.dimensions`"),
    ],
)
def test_missing_setting_is_an_error_that_names_it(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_encoder(name, Settings(**settings))


def test_missing_key_sends_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    encoder = load_encoder(SMALL, Settings())
    with pytest.raises(ModelError, match="OPENAI_API_KEY is empty"):
        encoder.encode_texts(["pump"])


def test_key_is_sent_to_the_server_and_appears_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-very-secret-1234")
    with desk() as at:
        at.vendor.faults.append(problem(401, "Incorrect API key: sk-very-secret-1234"))
        with pytest.raises(ProviderError) as caught:
            at.encoder.encode_texts(["pump"])
        assert at.vendor.requests[0].headers["authorization"] == "Bearer sk-very-secret-1234"
        assert "TEST_KEY" in str(caught.value)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))


def test_fingerprint_depends_on_model_and_size_but_not_on_the_address() -> None:
    def print_of(name: str, **openai: Any) -> str:
        return load_encoder(name, Settings(openai=OpenAI(**openai))).fingerprint

    prints = [print_of(SMALL), print_of(SMALL, dimensions=512), print_of("openai:text-embedding-3-large")]
    assert len(set(prints)) == 3
    assert print_of(SMALL, base_url="http://gateway/v1") == prints[0]
