"""A backfill through batch endpoints: real files, the real SDK, a server of our own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from diptych import Diptych, Settings
from diptych.batches import Prefilled, Waiting
from diptych.costs import Price, Usage
from diptych.prefill import outcome, progress
from diptych.settings import Anthropic
from tests.vendor_anthropic import anthropic_routes
from tests.vendors import Answer, Request, Route, Vendor, served
from tests.visions import chart

MODEL = "anthropic:claude-haiku-5-5"
BATCHES = "/v1/messages/batches"
KEY = "sk-secret-of-the-tests"
SAID = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}

CHILD = """
import sys
from diptych import Diptych, Settings
from diptych.settings import Anthropic
photos, store, url = sys.argv[1:]
settings = Settings(store=store, captioner="anthropic:claude-haiku-5-5", batch_poll_seconds=600, ocr="off", workers=1,
                    anthropic=Anthropic(base_url=url, key="TEST_KEY"))
with Diptych.open(settings) as diptych:
    diptych.prefill(diptych.sources([photos]).sources)
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of different charts."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        chart(number).save(folder / f"{number}.png")
    return folder


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)


@contextmanager
def opened(
    store: Path, *routes: Route, budget: float | None = None, **anthropic: Any
) -> Iterator[tuple[Vendor, Diptych]]:
    with served(*(routes or [anthropic_routes(caption=lambda body: SAID)])) as vendor:
        settings = Settings(
            store=str(store),
            captioner=MODEL,
            prices={MODEL: Price(input=1.0, output=10.0)},
            batch_poll_seconds=0.01,
            ocr="off",
            workers=1,
            anthropic=Anthropic(base_url=vendor.url, key="TEST_KEY", seconds=5, **anthropic),
        )
        with Diptych.open(settings, budget=budget) as diptych:
            yield vendor, diptych


def prefilled(diptych: Diptych, photos: Path, on_wait: Callable[[Waiting], None] | None = None) -> Prefilled:
    (result,) = diptych.prefill(diptych.sources([photos]).sources, on_wait)
    return result


def submitted(vendor: Vendor) -> list[int]:
    """How many items each batch had that was sent."""
    return [len(r.json["requests"]) for r in vendor.requests if r.method == "POST" and r.path == BATCHES]


def asked(vendor: Vendor) -> int:
    """Ordinary requests."""
    return sum(request.path == "/v1/messages" for request in vendor.requests)


def test_a_run_after_its_batches_asks_for_nothing(photos: Path, tmp_path: Path) -> None:
    told: list[Waiting] = []
    routes = anthropic_routes(caption=lambda body: SAID, polls=2)
    with opened(tmp_path / "store", routes) as (vendor, diptych):
        result = prefilled(diptych, photos, told.append)
        assert (result.sent, result.batches, result.failed, result.stopped, result.note) == (3, 1, {}, "", "")
        assert [one.batches for one in told] == [1, 1, 0]
        assert progress(told[0]) == f"{MODEL}: 0 of 3 captions answered, 1 batch under way"
        outcomes = diptych.ingest([photos])
        assert (submitted(vendor), asked(vendor)) == ([3], 0)
        assert {outcome.status for outcome in outcomes} == {"complete"}
        assert diptych.search("six bars")[0].modality == "image"
        ((model, batched), used), *rest = diptych.meter.used().items()
        assert (model, batched, used.requests, rest) == (MODEL, True, 3, [])
        half = Usage(used.input_tokens, 0, used.output_tokens)
        assert diptych.meter.spent == pytest.approx(Price(0.5, 5.0).of(half))
        assert prefilled(diptych, photos).sent == 0


def test_what_a_batch_does_not_answer_is_sent_again_and_then_asked_alone(photos: Path, tmp_path: Path) -> None:
    unlucky: dict[str, int] = {}

    def fate(item: str) -> str:
        unlucky.setdefault(item, len(unlucky))
        return "expired" if unlucky[item] == 0 else "succeeded"

    with opened(tmp_path / "store", anthropic_routes(caption=lambda body: SAID, fate=fate)) as (vendor, diptych):
        result = prefilled(diptych, photos)
        assert submitted(vendor) == [3, 1]
        assert outcome(result) == (
            f"{MODEL}: 4 captions sent in 2 batches; 1 without an answer, which the run asks for one by one "
            "(the batch ended after 24 hours before its turn came)"
        )
        diptych.ingest([photos])
        assert asked(vendor) == 1


def test_lines_that_are_broken_cost_only_their_items(photos: Path, tmp_path: Path) -> None:
    honest = anthropic_routes(caption=lambda body: SAID)
    broken: list[str] = []

    def routes(request: Request) -> Answer | None:
        answer = honest(request)
        if answer and request.path.endswith("/results") and not broken:
            first, second, third = answer.content.decode().splitlines()
            broken.append(first)
            lines = [first[: len(first) // 2], "<html>", second, '{"custom_id": "nobody", "result": {}}', third]
            return Answer(200, "\n".join(lines), {"content-type": "application/x-jsonl"})
        return answer

    with opened(tmp_path / "store", routes) as (vendor, diptych):
        assert prefilled(diptych, photos).failed == {}
        assert submitted(vendor) == [3, 1]


def test_a_budget_that_allows_only_a_part(photos: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "one") as (_, diptych):
        most = diptych.estimate([photos]).batch_dollars
    assert most
    with opened(tmp_path / "store", budget=most * 0.7) as (vendor, diptych):
        result = prefilled(diptych, photos)
        assert submitted(vendor)[0] == 2
        assert sum(submitted(vendor)) == 3  # what was sent cost less than feared
        assert result.stopped == ""
        assert 0 < diptych.meter.spent < most * 0.7
    with opened(tmp_path / "poor", budget=most / 10) as (vendor, diptych):
        assert "run again with a larger budget" in prefilled(diptych, photos).stopped
        assert vendor.requests == []
        assert {outcome.status for outcome in diptych.ingest([photos])} == {"waiting"}


def test_a_process_killed_between_submit_and_fetch_is_resumed_without_a_second_submission(
    photos: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with opened(store, anthropic_routes(caption=lambda body: SAID, polls=1)) as (vendor, diptych):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(photos), str(store), vendor.url])
        deadline = time.monotonic() + 30
        while not any(r.method == "GET" for r in vendor.requests) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert submitted(vendor) == [3]
        result = prefilled(diptych, photos)
        assert (result.resumed, result.sent, result.failed) == (1, 0, {})
        assert submitted(vendor) == [3]
        diptych.ingest([photos])
        assert asked(vendor) == 0
        assert KEY.encode() not in b"".join(p.read_bytes() for p in store.rglob("*") if p.is_file())


def test_a_cloud_without_batches_is_told_and_nothing_is_sent(photos: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "store", platform="vertex", region="here", project="ours") as (vendor, diptych):
        result = prefilled(diptych, photos)
        assert (
            outcome(result) == f"{MODEL} has no batch endpoint here: its requests go out one by one, at the whole price"
        )
        assert (result.sent, vendor.requests) == (0, [])


def test_without_paid_models_there_is_nothing_to_do(photos: Path, tmp_path: Path) -> None:
    with Diptych.open(Settings(store=str(tmp_path / "store"))) as diptych:
        assert diptych.prefill(diptych.sources([photos]).sources) == []
