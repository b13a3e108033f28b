"""Paid vectors are requested once: across runs, kills, threads and refusals."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diptych.encoders.encoder import Encoder
from diptych.encoders.ledger_encoder import vector_key, with_ledger
from diptych.encoders.registry import load_encoder
from diptych.endpoints import OpenAI, Unified
from diptych.errors import BudgetReached, ProviderError, StoreError
from diptych.models.ledger import LEDGER_NAME, Ledger
from diptych.models.meter import Meter
from diptych.models.openai import embeddings
from diptych.prices import Price
from diptych.settings import Settings
from tests.support.fakes import WordEncoder
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_server import OpenAIRoutes


@dataclass
class Bench:
    """A server, and encoders for it that share a ledger; each call makes a new one, like another run."""

    vendor: Vendor
    folder: Path

    def encoder(self, name: str = "openai:local", size: int = 8, meter: Meter | None = None) -> Encoder:
        address = f"{self.vendor.url}/v1"
        settings = Settings(
            openai=OpenAI(base_url=address, dimensions=size, at_once=2),
            unified=Unified(base_url=address, dimensions=size),
        )
        return with_ledger(load_encoder(name, settings, meter), Ledger(self.folder))

    @property
    def sent(self) -> list[Any]:
        """Every input of every request."""
        return [one for request in self.vendor.requests for one in request.json["input"]]


@contextmanager
def opened(folder: Path, *routes: Any) -> Iterator[Bench]:
    with served(*routes, OpenAIRoutes()) as vendor:
        yield Bench(vendor, folder)


def picture(folder: Path, name: str, colour: str) -> Path:
    Image.new("RGB", (64, 64), colour).save(folder / name)
    return folder / name


def test_second_run_sends_no_request_and_returns_the_same_vectors(tmp_path: Path) -> None:
    with opened(tmp_path) as bench:
        first = bench.encoder().encode_texts(["pump", "valve", "pump"])
        assert bench.sent == ["pump", "valve"]
        again = bench.encoder().encode_texts(["valve", "pump", "pump"])
        assert bench.sent == ["pump", "valve"]
        assert (first[[1, 0, 2]] == again).all()
        assert np.allclose(np.linalg.norm(again, axis=1), 1)


def test_only_new_texts_are_requested(tmp_path: Path) -> None:
    with opened(tmp_path) as bench:
        bench.encoder().encode_texts(["pump", "valve"])
        bench.encoder().encode_texts(["pump", "seal", "valve"])
        assert bench.sent == ["pump", "valve", "seal"]


def test_another_model_or_size_is_requested_again(tmp_path: Path) -> None:
    with opened(tmp_path) as bench:
        bench.encoder().encode_texts(["pump"])
        assert bench.encoder(size=4).encode_texts(["pump"]).shape == (1, 4)
        assert bench.encoder("openai:other").encode_texts(["pump"]).shape == (1, 8)
        assert bench.sent == ["pump"] * 3


def test_queries_bypass_the_ledger(tmp_path: Path) -> None:
    with opened(tmp_path) as bench:
        encoder = bench.encoder()
        encoder.encode_texts(["pump"], query=True)
        assert not (tmp_path / LEDGER_NAME).exists()
        encoder.encode_texts(["pump"])
        encoder.encode_texts(["pump"], query=True)
        assert bench.sent == ["pump"] * 3


def test_images_are_recognised_by_their_bytes(tmp_path: Path) -> None:
    red, blue = picture(tmp_path, "red.png", "red"), picture(tmp_path, "blue.png", "blue")
    copied = tmp_path / "copy.png"
    shutil.copy(red, copied)
    with opened(tmp_path) as bench:
        first = bench.encoder("unified:seer").encode_images([red, blue])
        again = bench.encoder("unified:seer").encode_images([copied])
        assert len(bench.sent) == 2
        assert (first[0] == again[0]).all()
        picture(tmp_path, "red.png", "green")
        bench.encoder("unified:seer").encode_images([red])
        assert len(bench.sent) == 3


def test_unreadable_image_is_not_recorded(tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(b"not yet a picture")
    with opened(tmp_path) as bench:
        encoder = bench.encoder("unified:seer")
        assert not encoder.encode_images([file, tmp_path / "absent.png"]).any()
        assert Ledger(tmp_path).vectors([vector_key(encoder.fingerprint, file)]) == {}
        assert bench.sent == []


def test_keys_differ_by_fingerprint_and_kind_of_content(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"pump")
    others = (("m", tmp_path / "file"), ("n", "pump"), ("m", "pumps"))
    assert vector_key("m", "pump") not in {vector_key(fingerprint, content) for fingerprint, content in others}


def test_half_a_surrogate_pair_has_its_own_key() -> None:
    assert vector_key("m", "\ud83d") != vector_key("m", "?")


def test_vectors_before_a_refusal_are_recorded(tmp_path: Path) -> None:
    def choosy(request: Request) -> Answer | None:
        bad = "poison" in request.json["input"]
        return Answer(400, {"error": {"message": "not this"}}) if bad else None

    texts = ["pump", "valve", "poison", "seal", "shaft"]
    with opened(tmp_path, choosy) as bench:
        with pytest.raises(ProviderError, match="“poison” cannot be encoded"):
            bench.encoder().encode_texts(texts)
        bench.vendor.requests.clear()
        with pytest.raises(ProviderError, match="“poison” cannot be encoded"):
            bench.encoder().encode_texts(texts)
        assert bench.sent == ["poison"]


def test_vectors_before_the_budget_is_reached_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "OTHER_MAX_TEXTS", 2)
    texts = [f"text number {number}" for number in range(6)]
    with opened(tmp_path) as bench:
        dollar_a_token = {"openai:local": Price(1e6, 0)}
        with pytest.raises(BudgetReached):
            bench.encoder(meter=Meter(dollar_a_token, budget=28)).encode_texts(texts)
        paid = list(bench.sent)
        assert 0 < len(paid) < 6
        bench.encoder().encode_texts(texts)
        assert sorted(bench.sent) == texts


def test_vectors_are_recorded_after_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "OTHER_MAX_TEXTS", 1)
    counts: list[int] = []

    def counting(request: Request) -> None:
        held = Ledger(tmp_path).vectors([vector_key("openai:local-8", text) for text in "abcd"])
        counts.append(len(held))

    with opened(tmp_path, counting) as bench:
        settings = Settings(openai=OpenAI(base_url=f"{bench.vendor.url}/v1", dimensions=8, at_once=1))
        with_ledger(load_encoder("openai:local", settings), Ledger(tmp_path)).encode_texts(list("abcd"))
        assert counts == [0, 1, 2, 3]


RUN = """
import sys
from pathlib import Path
from diptych.encoders.registry import load_encoder
from diptych.encoders.ledger_encoder import with_ledger
from diptych.models.ledger import Ledger
from diptych.models.openai import embeddings
from diptych.endpoints import OpenAI
from diptych.settings import Settings
embeddings.OTHER_MAX_TEXTS = 2
settings = Settings(openai=OpenAI(base_url=sys.argv[1], dimensions=8, at_once=1))
encoder = with_ledger(load_encoder("openai:local", settings), Ledger(Path(sys.argv[2])))
encoder.encode_texts([f"text {number}" for number in range(40)])
"""


def test_kill_loses_one_request(tmp_path: Path) -> None:
    reached, killed = threading.Event(), threading.Event()

    def hold_until_the_kill(request: Request) -> Answer | None:
        if "text 20" in request.json["input"]:
            reached.set()
            killed.wait(60)
        return None

    with opened(tmp_path, hold_until_the_kill) as bench:
        command = [sys.executable, "-c", RUN, f"{bench.vendor.url}/v1", str(tmp_path)]
        process = subprocess.Popen(command)
        assert reached.wait(120)
        process.kill()
        process.wait()
        killed.set()
        before = list(bench.sent)
        assert before[-2:] == ["text 20", "text 21"]
        bench.encoder().encode_texts([f"text {number}" for number in range(40)])
        assert len(bench.sent) == 42


def test_concurrent_threads_request_the_same_text_once(tmp_path: Path) -> None:
    def answer_slowly(request: Request) -> None:
        time.sleep(0.1)  # gives the other threads time to ask for the same text

    with opened(tmp_path, answer_slowly) as bench:
        encoder = bench.encoder()
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda own=own: found.append(encoder.encode_texts(["shared", own])))
            for own in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(bench.sent) == ["a", "b", "c", "d", "shared"]
        assert all((vectors[0] == found[0][0]).all() for vectors in found)


def test_waiter_makes_its_own_request_when_the_leader_fails(tmp_path: Path) -> None:
    requested = threading.Event()

    def fail_once(request: Request) -> Answer | None:
        if requested.is_set():
            return None
        requested.set()
        time.sleep(0.2)  # gives the other thread time to wait for this answer
        return Answer(401, {"error": {"message": "no"}})

    with opened(tmp_path, fail_once) as bench:
        encoder = bench.encoder()
        failed: list[str] = []

        def lead() -> None:
            try:
                encoder.encode_texts(["pump"])
            except ProviderError as error:
                failed.append(str(error))

        thread = threading.Thread(target=lead)
        thread.start()
        assert requested.wait(60)
        assert encoder.encode_texts(["pump"]).any()
        thread.join()
        assert len(failed) == 1
        assert bench.sent == ["pump", "pump"]


def test_damaged_ledger_stops_before_anything_is_paid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "OTHER_MAX_TEXTS", 1)
    (tmp_path / LEDGER_NAME).write_bytes(b"no database at all" * 100)
    with opened(tmp_path) as bench, pytest.raises(StoreError, match="damaged"):
        bench.encoder().encode_texts([f"text {number}" for number in range(20)])
    assert bench.sent == []


def test_free_encoder_is_not_wrapped(tmp_path: Path) -> None:
    words = WordEncoder()
    assert with_ledger(words, Ledger(tmp_path)) is words


def test_wrapped_encoder_has_the_attributes_of_the_encoder(tmp_path: Path) -> None:
    settings = Settings(unified=Unified(base_url="http://localhost:1/v1", dimensions=8))
    plain = load_encoder("unified:seer", settings)
    wrapped = with_ledger(plain, Ledger(tmp_path))
    for name in ("name", "fingerprint", "size", "reads_images", "half", "paid", "tokenizer"):
        assert getattr(wrapped, name) == getattr(plain, name)
