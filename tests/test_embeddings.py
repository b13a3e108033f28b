"""Encoders behind OpenAI's embeddings API: requests within limits, answers that are not believed, bad items alone."""

from __future__ import annotations

import base64
import json
import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych import encoders
from diptych.encoders import Encoder
from diptych.errors import BudgetReached, ModelError, ProviderError, SettingsError
from diptych.paid.costs import Meter, Price, Usage
from diptych.providers import embeddings
from diptych.providers.calls import TRIES
from diptych.settings import OpenAI, Settings, Unified
from tests.vendor_batches import problem
from tests.vendor_openai import OpenAIRoutes
from tests.vendors import Answer, Request, Vendor, served

SMALL, SEES = "openai:text-embedding-3-small", "unified:seer"


@dataclass
class Desk:
    """An encoder and the server behind it."""

    encoder: Encoder
    vendor: Vendor
    meter: Meter

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in self.vendor.requests]

    @property
    def sizes(self) -> list[int]:
        """Inputs of each request."""
        return [len(body["input"]) for body in self.bodies]


def counted(item: Any, dimensions: int) -> list[float]:
    """[3, 4, 0 …] times the number that a text ends with, or 1: of unit length [0.6, 0.8, 0 …]."""
    number = float(item.split()[-1]) if isinstance(item, str) and item.split()[-1].isdigit() else 1
    return [3 * number, 4 * number, *[0.0] * (dimensions - 2)]


def numbered(item: Any, dimensions: int) -> list[float]:
    """`text 7` -> [1, 7, 0 …]."""
    return [1.0, float(item.split()[-1]), *[0.0] * (dimensions - 2)]


def place(row: Any) -> int:
    """The number of the text that `numbered` made the row of."""
    return round(float(row[1] / row[0]))


@contextmanager
def desk(
    name: str = "openai:local", size: int | None = 8, budget: float | None = None, **routes: Any
) -> Iterator[Desk]:
    with served(OpenAIRoutes(**{"vector": counted} | routes)) as vendor:
        address = f"{vendor.url}/v1"
        settings = Settings(
            openai=OpenAI(base_url=address, dimensions=size, key="TEST_KEY"),
            unified=Unified(base_url=address, dimensions=size, key="TEST_KEY"),
        )
        meter = Meter({name: Price(1.0, 0.0)}, budget)
        yield Desk(encoders.load(name, settings, meter), vendor, meter)


def answer(*vectors: Any, **fields: Any) -> Answer:
    """Of an embeddings request, the vectors numbered in order."""
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return Answer(200, {"object": "list", "data": data, "usage": {"prompt_tokens": 5, "total_tokens": 5}} | fields)


def picture(folder: Path, name: str = "red.png", size: tuple[int, int] = (64, 64), colour: str = "red") -> Path:
    Image.new("RGB", size, colour).save(folder / name)
    return folder / name


# What is asked for


def test_vectors_are_made_of_unit_length_and_their_tokens_are_counted() -> None:
    with desk() as at:
        vectors = at.encoder.encode_texts(["apple 2", "pear 5"])
        assert vectors.dtype == np.float32
        assert np.allclose(vectors, [[0.6, 0.8, *[0] * 6]] * 2)
        assert at.bodies == [
            {"model": "local", "input": ["apple 2", "pear 5"], "dimensions": 8, "encoding_format": "float"}
        ]
        assert at.meter.used() == {("openai:local", False): Usage(input_tokens=6, requests=1)}


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
    monkeypatch.setattr("diptych.providers.openai_errors.host", lambda endpoint: "api.openai.com")
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
        encoder = encoders.load("openai:plain", settings)
        encoder.encode_texts(["apple"])
        encoder.encode_texts(["pear"])
        assert ["dimensions" in request.json for request in vendor.requests] == [True, False, False]


# Pictures


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


# Settings


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("openai:", {}, "write openai:MODEL"),
        ("openai:bge-m3", {}, "openai:bge-m3: give the dimensions of its vectors in `openai.dimensions`"),
        (SMALL, {"openai": {"dimensions": 2000}}, "is 2000, the model has at most 1536"),
        ("openai:text-embedding-ada-002", {"openai": {"dimensions": 512}}, "is 512, the model has exactly 1536"),
        ("unified:", {}, "write unified:MODEL"),
        (SEES, {"unified": {"dimensions": 8}}, "unified:seer needs the endpoint's address .* `unified.base_url`"),
        (SEES, {"unified": {"base_url": "http://localhost/v1"}}, "needs the dimensions .* `unified.dimensions`"),
    ],
)
def test_a_setting_that_is_missing_is_named(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        encoders.load(name, Settings(**settings))


def test_without_a_key_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    encoder = encoders.load(SMALL, Settings())
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
        return encoders.load(name, Settings(openai=OpenAI(**openai))).fingerprint

    prints = [print_of(SMALL), print_of(SMALL, dimensions=512), print_of("openai:text-embedding-3-large")]
    assert len(set(prints)) == 3
    assert print_of(SMALL, base_url="http://gateway/v1") == prints[0]


# Answers


def test_vectors_in_another_order_find_their_texts() -> None:
    with desk(size=2) as at:
        rows = [{"index": index, "embedding": [1.0, float(index)]} for index in (2, 0, 1)]
        at.vendor.faults.append(Answer(200, {"data": rows}))
        assert [place(row) for row in at.encoder.encode_texts(["a", "b", "c"])] == [0, 1, 2]


def test_a_server_that_numbers_nothing_gives_its_vectors_in_order() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(Answer(200, {"data": [{"embedding": [1, 0]}, {"embedding": [0, 1]}]}))
        assert at.encoder.encode_texts(["a", "b"]).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("numbers", [(0, 0), (1, 2), (0, None), (0, "1"), (False, True)])
def test_vectors_that_are_numbered_wrongly_are_not_taken(numbers: tuple[Any, Any]) -> None:
    with desk(size=2) as at:
        rows = [{"index": number, "embedding": [1, 0]} for number in numbers]
        at.vendor.faults.append(Answer(200, {"data": rows}))
        with pytest.raises(ProviderError, match="numbers its vectors wrongly"):
            at.encoder.encode_texts(["a", "b"])
        assert len(at.vendor.requests) == 1


def test_vectors_of_another_size_are_not_taken_and_the_setting_is_named() -> None:
    with desk(size=8) as at:
        at.vendor.faults.append(answer([1.0] * 12))
        with pytest.raises(ProviderError, match=r"gives vectors of 12 numbers instead of 8; set `openai\.dimensions`"):
            at.encoder.encode_texts(["pump"])
        assert len(at.vendor.requests) == 1
        assert at.meter.used()["openai:local", False].requests == 1  # it was paid for all the same


def test_too_few_vectors_are_asked_for_again_in_halves() -> None:
    with desk(size=8, vector=numbered) as at:
        at.vendor.faults.append(answer([1.0] * 8))
        assert [place(row) for row in at.encoder.encode_texts(["a 1", "b 2", "c 3"])] == [1, 2, 3]
        assert at.sizes == [3, 1, 2]


NOTHING = math.nan


@pytest.mark.parametrize(
    ("vector", "why"),
    [
        ([NOTHING, 1.0], "NaN"),
        ([1e39, 1.0], "infinite"),
        ([10**400, 1], "no vector"),
        ([None, 1.0], "NaN"),
        ([0.0, 0.0], "zeros"),
        ([], "no vector"),
        (None, "no vector"),
        ("!!", "no vector"),
        ([["1"], "x"], "no vector"),
    ],
)
def test_a_text_without_a_usable_vector_is_named(vector: Any, why: str) -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer([3, 4], vector))
        with pytest.raises(ProviderError, match=f"openai:local: the text “odd” cannot be encoded: .*{why}") as caught:
            at.encoder.encode_texts(["fine", "odd"])
        assert (caught.value.transient, caught.value.about) == (False, "item")
        assert len(at.vendor.requests) == 1


@pytest.mark.parametrize(
    "body", [[], {}, {"data": None}, {"data": "x"}, {"data": [1]}, {"data": []}, [1, 2], {"error": {"message": "no"}}]
)
def test_json_that_is_no_answer_gives_a_clear_error(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.providers.calls.FIRST_PAUSE", 0.002)
    with desk() as at:
        at.vendor.faults += [Answer(200, body)] * TRIES
        with pytest.raises(ProviderError, match="openai:local: "):
            at.encoder.encode_texts(["pump"])


@pytest.mark.parametrize("body", [b"", b"<html><title>Hello</title></html>", b'{"data": [{"index"', b"OK"])
def test_what_is_no_json_may_pass_and_is_asked_for_again(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.providers.calls.FIRST_PAUSE", 0.01)
    with desk() as at:
        at.vendor.faults.append(Answer(200, body, {"content-type": "text/html"}))
        assert at.encoder.encode_texts(["pump"]).shape == (1, 8)
        assert len(at.vendor.requests) == 2


def test_errors_that_pass_are_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.providers.calls.FIRST_PAUSE", 0.01)
    with desk() as at:
        at.vendor.faults += [
            problem(429, "slow down", "rate_limit_exceeded", {"retry-after": "0"}),
            Answer(503, "<html>busy</html>"),
            Answer(200, {"data": []}, cut=5),
        ]
        assert at.encoder.encode_texts(["pump"]).shape == (1, 8)
        assert len(at.vendor.requests) == 4


def test_base64_is_understood_whoever_sends_it() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer(base64.b64encode(np.array([3, 4], "<f4").tobytes()).decode()))
        assert np.allclose(at.encoder.encode_texts(["pump"]), [[0.6, 0.8]])


def test_tokens_that_a_server_does_not_count_are_estimated() -> None:
    with desk(size=2) as at:
        at.vendor.faults.append(answer([1, 0], usage=None))
        at.encoder.encode_texts(["pump " * 8])
        assert at.meter.used()["openai:local", False].input_tokens == embeddings.tokens("pump " * 8) == 21


# Refusals


def refusing(*bad: str) -> Any:
    """Refuses every request that holds one of these words."""

    def route(request: Request) -> Answer | None:
        return (
            problem(400, "Invalid input.") if any(word in json.dumps(request.json["input"]) for word in bad) else None
        )

    return route


@contextmanager
def strict_desk(*routes: Any, meter: Meter | None = None) -> Iterator[tuple[Encoder, Vendor]]:
    with served(*routes, OpenAIRoutes(vector=numbered)) as vendor:
        settings = Settings(openai=OpenAI(base_url=f"{vendor.url}/v1", dimensions=8, at_once=2))
        yield encoders.load("openai:local", settings, meter), vendor


def test_a_bad_text_fails_alone_and_is_named_by_its_beginning() -> None:
    meter = Meter()
    with strict_desk(refusing("poison"), meter=meter) as (encoder, vendor):
        texts = [f"text {number}" for number in range(8)]
        texts[5] = "poison " + "and more " * 20
        with pytest.raises(ProviderError) as caught:
            encoder.encode_texts(texts)
        assert str(caught.value).startswith(
            "openai:local: the text “poison and more and more and more and more and more and more…” cannot be encoded"
        )
        assert "Invalid input." in str(caught.value)
        answered = [text for request in vendor.requests for text in request.json["input"] if "poison" not in text]
        assert set(answered) == {text for text in texts if "poison" not in text}
        assert meter.used()["openai:local", False].requests == 3  # halves without it: 4, 1 and 2 texts


def test_a_text_that_is_too_long_for_the_model_is_read_by_its_beginning() -> None:
    def short_sighted(request: Request) -> Answer | None:
        longest = max(map(len, request.json["input"]))
        return problem(400, f"maximum context length is 600, yours is {longest}") if longest > 600 else None

    with strict_desk(short_sighted) as (encoder, vendor):
        long = "7 " * 1000
        vectors = encoder.encode_texts(["text 1", long, "text 3"])
        assert [place(row) for row in vectors] == [1, 7, 3]
        (read,) = [text for request in vendor.requests for text in request.json["input"] if 400 < len(text) <= 600]
        assert long.startswith(read)


def test_many_bad_texts_do_not_cost_a_request_each() -> None:
    with strict_desk(refusing("text")) as (encoder, vendor):
        with pytest.raises(ProviderError, match=r"“text 0” \(and 31 more\) cannot be encoded"):
            encoder.encode_texts([f"text {number}" for number in range(32)])
        assert len(vendor.requests) < 25


def test_a_picture_that_is_refused_is_named(tmp_path: Path) -> None:
    with desk(SEES) as at:
        at.vendor.faults.append(problem(400, "image is not nice"))
        with pytest.raises(ProviderError, match=r"the picture red\.png cannot be encoded: .*not nice"):
            at.encoder.encode_images([picture(tmp_path)])


def test_the_budget_stops_before_the_request_that_would_pass_it() -> None:
    with desk(budget=0.0) as at:
        with pytest.raises(BudgetReached):
            at.encoder.encode_texts(["pump"])
        assert at.vendor.requests == []


def test_what_concerns_every_request_stops_those_that_have_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "FEW_INPUTS", 1)
    with strict_desk(lambda request: problem(401, "no")) as (encoder, vendor):
        with pytest.raises(ProviderError, match="does not accept the key"):
            encoder.encode_texts([f"text {number}" for number in range(20)])
        assert len(vendor.requests) <= 4  # two at once, and what the second began meanwhile
