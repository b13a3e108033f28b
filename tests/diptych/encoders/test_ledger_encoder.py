"""What was paid for once is never paid for again: over runs, kills, threads, refusals and lost stores."""

from __future__ import annotations

import os
import shutil
import signal
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
from diptych.errors import BudgetReached, ProviderError, StoreError
from diptych.models.ledger import LEDGER_NAME, Ledger
from diptych.models.meter import Meter
from diptych.models.openai import embeddings
from diptych.prices import Price
from diptych.settings import OpenAI, Settings, Unified
from tests.support.fakes import WordEncoder
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_server import OpenAIRoutes


@dataclass
class Shelf:
    """A server, and encoders in front of it that share a ledger; each is made anew, as another run would."""

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
    def asked(self) -> list[Any]:
        """Every input of every request."""
        return [one for request in self.vendor.requests for one in request.json["input"]]


@contextmanager
def opened(folder: Path, *routes: Any) -> Iterator[Shelf]:
    with served(*routes, OpenAIRoutes()) as vendor:
        yield Shelf(vendor, folder)


def picture(folder: Path, name: str, colour: str) -> Path:
    Image.new("RGB", (64, 64), colour).save(folder / name)
    return folder / name


def test_a_second_run_asks_for_nothing_and_gets_the_same_vectors(tmp_path: Path) -> None:
    with opened(tmp_path) as shelf:
        first = shelf.encoder().encode_texts(["pump", "valve", "pump"])
        assert shelf.asked == ["pump", "valve"]
        again = shelf.encoder().encode_texts(["valve", "pump", "pump"])
        assert shelf.asked == ["pump", "valve"]
        assert (first[[1, 0, 2]] == again).all()
        assert np.allclose(np.linalg.norm(again, axis=1), 1)


def test_only_what_is_new_is_asked_for(tmp_path: Path) -> None:
    with opened(tmp_path) as shelf:
        shelf.encoder().encode_texts(["pump", "valve"])
        shelf.encoder().encode_texts(["pump", "seal", "valve"])
        assert shelf.asked == ["pump", "valve", "seal"]


def test_another_model_or_size_is_asked_anew(tmp_path: Path) -> None:
    with opened(tmp_path) as shelf:
        shelf.encoder().encode_texts(["pump"])
        assert shelf.encoder(size=4).encode_texts(["pump"]).shape == (1, 4)
        assert shelf.encoder("openai:other").encode_texts(["pump"]).shape == (1, 8)
        assert shelf.asked == ["pump"] * 3


def test_questions_are_neither_looked_up_nor_kept(tmp_path: Path) -> None:
    with opened(tmp_path) as shelf:
        encoder = shelf.encoder()
        encoder.encode_texts(["pump"], query=True)
        assert not (tmp_path / LEDGER_NAME).exists()
        encoder.encode_texts(["pump"])
        encoder.encode_texts(["pump"], query=True)
        assert shelf.asked == ["pump"] * 3


def test_pictures_are_known_by_their_bytes_wherever_they_lie(tmp_path: Path) -> None:
    red, blue = picture(tmp_path, "red.png", "red"), picture(tmp_path, "blue.png", "blue")
    copied = tmp_path / "copy.png"
    shutil.copy(red, copied)
    with opened(tmp_path) as shelf:
        first = shelf.encoder("unified:seer").encode_images([red, blue])
        again = shelf.encoder("unified:seer").encode_images([copied])
        assert len(shelf.asked) == 2
        assert (first[0] == again[0]).all()
        picture(tmp_path, "red.png", "green")
        shelf.encoder("unified:seer").encode_images([red])
        assert len(shelf.asked) == 3


def test_a_picture_that_cannot_be_opened_is_tried_again_another_time(tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(b"not yet a picture")
    with opened(tmp_path) as shelf:
        encoder = shelf.encoder("unified:seer")
        assert not encoder.encode_images([file, tmp_path / "absent.png"]).any()
        assert Ledger(tmp_path).vectors([vector_key(encoder.fingerprint, file)]) == {}
        assert shelf.asked == []


def test_a_text_and_a_picture_of_the_same_bytes_are_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"pump")
    others = (("m", tmp_path / "file"), ("n", "pump"), ("m", "pumps"))
    assert vector_key("m", "pump") not in {vector_key(fingerprint, content) for fingerprint, content in others}


def test_half_a_surrogate_pair_has_a_key_of_its_own() -> None:
    assert vector_key("m", "\ud83d") != vector_key("m", "?")


def test_what_was_answered_before_a_refusal_is_kept(tmp_path: Path) -> None:
    def choosy(request: Request) -> Answer | None:
        bad = "poison" in request.json["input"]
        return Answer(400, {"error": {"message": "not this"}}) if bad else None

    texts = ["pump", "valve", "poison", "seal", "shaft"]
    with opened(tmp_path, choosy) as shelf:
        with pytest.raises(ProviderError, match="“poison” cannot be encoded"):
            shelf.encoder().encode_texts(texts)
        shelf.vendor.requests.clear()
        with pytest.raises(ProviderError, match="“poison” cannot be encoded"):
            shelf.encoder().encode_texts(texts)
        assert shelf.asked == ["poison"]


def test_what_was_answered_before_the_budget_ended_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "FEW_INPUTS", 2)
    texts = [f"text number {number}" for number in range(6)]
    with opened(tmp_path) as shelf:
        dollar_a_token = {"openai:local": Price(1e6, 0)}
        with pytest.raises(BudgetReached):
            shelf.encoder(meter=Meter(dollar_a_token, budget=28)).encode_texts(texts)
        paid = list(shelf.asked)
        assert 0 < len(paid) < 6
        shelf.encoder().encode_texts(texts)
        assert sorted(shelf.asked) == texts


def test_vectors_are_kept_request_by_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "FEW_INPUTS", 1)
    counts: list[int] = []

    def counting(request: Request) -> None:
        held = Ledger(tmp_path).vectors([vector_key("openai:local-8", text) for text in "abcd"])
        counts.append(len(held))

    with opened(tmp_path, counting) as shelf:
        settings = Settings(openai=OpenAI(base_url=f"{shelf.vendor.url}/v1", dimensions=8, at_once=1))
        with_ledger(load_encoder("openai:local", settings), Ledger(tmp_path)).encode_texts(list("abcd"))
        assert counts == [0, 1, 2, 3]


RUN = """
import sys
from pathlib import Path
from diptych.encoders.registry import load_encoder
from diptych.encoders.ledger_encoder import with_ledger
from diptych.models.ledger import Ledger
from diptych.models.openai import embeddings
from diptych.settings import OpenAI, Settings
embeddings.FEW_INPUTS = 2
settings = Settings(openai=OpenAI(base_url=sys.argv[1], dimensions=8, at_once=1))
encoder = with_ledger(load_encoder("openai:local", settings), Ledger(Path(sys.argv[2])))
encoder.encode_texts([f"text {number}" for number in range(40)])
"""


def test_a_kill_costs_one_request(tmp_path: Path) -> None:
    slow = threading.Event()

    def halting(request: Request) -> Answer | None:
        if "text 20" in request.json["input"] and not slow.is_set():
            slow.set()
            time.sleep(0.5)
        return None

    with opened(tmp_path, halting) as shelf:
        command = [sys.executable, "-c", RUN, f"{shelf.vendor.url}/v1", str(tmp_path)]
        process = subprocess.Popen(command)
        assert slow.wait(30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = list(shelf.asked)
        assert before[-2:] == ["text 20", "text 21"]
        shelf.encoder().encode_texts([f"text {number}" for number in range(40)])
        assert len(shelf.asked) == 42


def test_two_threads_ask_for_the_same_text_once(tmp_path: Path) -> None:
    def slow(request: Request) -> None:
        time.sleep(0.1)

    with opened(tmp_path, slow) as shelf:
        encoder = shelf.encoder()
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda own=own: found.append(encoder.encode_texts(["shared", own])))
            for own in "abcd"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(shelf.asked) == ["a", "b", "c", "d", "shared"]
        assert all((vectors[0] == found[0][0]).all() for vectors in found)


def test_who_waits_for_a_thread_that_fails_asks_itself(tmp_path: Path) -> None:
    waiting = threading.Event()

    def failing_once(request: Request) -> Answer | None:
        if waiting.is_set():
            return None
        waiting.set()
        time.sleep(0.2)
        return Answer(401, {"error": {"message": "no"}})

    with opened(tmp_path, failing_once) as shelf:
        encoder = shelf.encoder()
        failed: list[str] = []

        def first() -> None:
            try:
                encoder.encode_texts(["pump"])
            except ProviderError as error:
                failed.append(str(error))

        thread = threading.Thread(target=first)
        thread.start()
        assert waiting.wait(10)
        assert encoder.encode_texts(["pump"]).any()
        thread.join()
        assert len(failed) == 1
        assert shelf.asked == ["pump", "pump"]


def test_a_ledger_that_cannot_be_written_stops_what_would_be_paid_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "FEW_INPUTS", 1)
    (tmp_path / LEDGER_NAME).write_bytes(b"no database at all" * 100)
    with opened(tmp_path) as shelf, pytest.raises(StoreError, match="damaged"):
        shelf.encoder().encode_texts([f"text {number}" for number in range(20)])
    assert shelf.asked == []


def test_an_encoder_that_costs_nothing_has_no_memory(tmp_path: Path) -> None:
    words = WordEncoder()
    assert with_ledger(words, Ledger(tmp_path)) is words


def test_it_is_the_same_space_with_and_without_a_memory(tmp_path: Path) -> None:
    settings = Settings(unified=Unified(base_url="http://localhost:1/v1", dimensions=8))
    plain = load_encoder("unified:seer", settings)
    remembering = with_ledger(plain, Ledger(tmp_path))
    for name in ("name", "fingerprint", "size", "reads_images", "half", "paid", "tokenizer"):
        assert getattr(remembering, name) == getattr(plain, name)
