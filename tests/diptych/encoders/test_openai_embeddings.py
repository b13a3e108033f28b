"""Encoders behind OpenAI's embeddings API: what is asked for, in requests within limits, and with which settings."""

from __future__ import annotations

import base64
import traceback
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych.encoders.registry import load_encoder
from diptych.errors import ModelError, ProviderError, SettingsError
from diptych.models.openai import embeddings
from diptych.prices import Usage
from diptych.settings import OpenAI, Settings
from tests.support.embedding_fixtures import SEES, SMALL, counted, desk, numbered, picture, place
from tests.support.http_server import Answer, Request, served
from tests.support.openai_batch_server import problem
from tests.support.openai_server import OpenAIRoutes


def test_vectors_are_made_of_unit_length_and_their_tokens_are_counted() -> None:
    with desk() as at:
        vectors = at.encoder.encode_texts(["apple 2", "pear 5"])
        assert vectors.dtype == np.float32
        assert np.allclose(vectors, [[0.6, 0.8, *[0] * 6]] * 2)
        assert at.bodies == [
            {"model": "local", "input": ["apple 2", "pear 5"], "dimensions": 8, "encoding_format": "float"}
        ]
        assert at.meter.usage() == {("openai:local", False): Usage(input_tokens=6, requests=1)}


def test_questions_are_asked_like_passages() -> None:
    with desk() as at:
        at.encoder.encode_texts(["pump"])
        at.encoder.encode_texts(["pump"], query=True)
        assert at.bodies[0] == at.bodies[1]


def test_nothing_costs_nothing() -> None:
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
def test_openais_models_are_asked_for_dimensions_only_when_shortened(
    model: str, wanted: int | None, size: int, asked: int | None
) -> None:
    with desk(f"openai:{model}", wanted, dimensions=size) as at:
        assert at.encoder.size == size
        assert at.encoder.encode_texts(["pump"]).shape == (1, size)
        assert at.bodies[0].get("dimensions") == asked


def test_openai_itself_is_asked_for_base64_and_for_many_texts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.models.openai.errors.host", lambda endpoint: "api.openai.com")
    monkeypatch.setenv("TEST_KEY", "sk-test")
    with desk(SMALL, None, dimensions=1536, vector=numbered) as at:
        vectors = at.encoder.encode_texts([f"text {number}" for number in range(2050)])
        assert [place(row) for row in vectors] == list(range(2050))
        assert sorted(at.sizes) == [2, 2048]
        assert at.bodies[0]["encoding_format"] == "base64"


def test_a_request_holds_no_more_tokens_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "MOST_TOKENS", 100)
    with desk(vector=numbered) as at:
        vectors = at.encoder.encode_texts([f"{'word ' * 15} {number}" for number in range(9)])
        assert [place(row) for row in vectors] == list(range(9))
        assert at.sizes == [2, 2, 2, 2, 1] or sorted(at.sizes) == [1, 2, 2, 2, 2]  # they go out side by side


def test_a_text_longer_than_any_model_reads_is_cut_and_letters_stay_whole() -> None:
    with desk() as at:
        at.encoder.encode_texts(["漢" * 50_000])
        sent = at.bodies[0]["input"][0]
        assert set(sent) == {"漢"}
        assert 2500 < len(sent) < 8192


def test_a_text_of_blanks_and_broken_letters_are_sent_as_something_that_is_accepted() -> None:
    with desk() as at:
        at.encoder.encode_texts([" \n ", "half \ud83d pair"])
        assert at.bodies[0]["input"] == [".", "half ? pair"]


def test_a_model_that_refuses_to_be_told_its_size_is_not_told() -> None:
    def strict(request: Request) -> Answer | None:
        told = "dimensions" in request.json
        return problem(400, "This model does not support matryoshka representation: dimensions") if told else None

    with served(strict, OpenAIRoutes(vector=counted, dimensions=8)) as vendor:
        settings = Settings(openai=OpenAI(base_url=f"{vendor.url}/v1", dimensions=8))
        encoder = load_encoder("openai:plain", settings)
        encoder.encode_texts(["apple"])
        encoder.encode_texts(["pear"])
        assert ["dimensions" in request.json for request in vendor.requests] == [True, False, False]


def test_pictures_are_sent_beside_texts_as_base64(tmp_path: Path) -> None:
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
def test_pictures_are_sent_no_larger_and_no_thinner_than_is_of_use(
    tmp_path: Path, size: tuple[int, int], sent: tuple[int, int]
) -> None:
    with desk(SEES) as at:
        at.encoder.encode_images([picture(tmp_path, size=size)])
        with Image.open(BytesIO(base64.b64decode(at.bodies[0]["input"][0]["image"]))) as image:
            assert image.size == sent


def test_a_picture_that_cannot_be_opened_costs_the_others_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG but no more")
    with desk(SEES) as at:
        files = [picture(tmp_path), tmp_path / "broken.png", tmp_path / "absent.png"]
        vectors = at.encoder.encode_images(files)
        assert [bool(row.any()) for row in vectors] == [True, False, False]
        assert at.sizes == [1]


def test_few_pictures_go_into_one_request(tmp_path: Path) -> None:
    with desk(SEES) as at:
        at.encoder.encode_images([picture(tmp_path)] * 20)
        assert sorted(at.sizes) == [4, 8, 8]


def test_an_encoder_of_texts_reads_no_pictures(tmp_path: Path) -> None:
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
def test_a_setting_that_is_missing_is_named(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_encoder(name, Settings(**settings))


def test_without_a_key_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    encoder = load_encoder(SMALL, Settings())
    with pytest.raises(ModelError, match="OPENAI_API_KEY is empty"):
        encoder.encode_texts(["pump"])


def test_the_key_goes_to_the_server_and_into_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-very-secret-1234")
    with desk() as at:
        at.vendor.faults.append(problem(401, "Incorrect API key: sk-very-secret-1234"))
        with pytest.raises(ProviderError) as caught:
            at.encoder.encode_texts(["pump"])
        assert at.vendor.requests[0].headers["authorization"] == "Bearer sk-very-secret-1234"
        assert "TEST_KEY" in str(caught.value)
        assert "very-secret" not in "".join(traceback.format_exception(caught.value))


def test_another_model_or_size_is_another_space_another_address_is_not() -> None:
    def print_of(name: str, **openai: Any) -> str:
        return load_encoder(name, Settings(openai=OpenAI(**openai))).fingerprint

    prints = [print_of(SMALL), print_of(SMALL, dimensions=512), print_of("openai:text-embedding-3-large")]
    assert len(set(prints)) == 3
    assert print_of(SMALL, base_url="http://gateway/v1") == prints[0]
