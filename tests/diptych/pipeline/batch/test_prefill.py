"""A backfill through batch endpoints, with the real SDKs and a local HTTP server."""

from __future__ import annotations

import json
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
from diptych.captioners.captioner import load_captioner
from diptych.encoders.ledger_encoder import with_ledger
from diptych.encoders.registry import load_encoder
from diptych.endpoints import Anthropic, OpenAI
from diptych.errors import BudgetReached
from diptych.models.ledger import Ledger
from diptych.models.meter import Meter
from diptych.picture_store import PictureStore
from diptych.pipeline.batch.prefill import BatchPrefill, progress_line, result_line
from diptych.pipeline.batch.run import BatchProgress, PrefillResult
from diptych.pipeline.ingest import ingest_document
from diptych.pipeline.pipeline import Pipeline
from diptych.prices import Price, Usage
from diptych.store.spaces import Spaces
from extractors.types import Extraction, Options, Passage
from tests.support.anthropic_server import anthropic_routes
from tests.support.fakes import ScriptedSandbox, WordEncoder, document
from tests.support.http_server import Answer, Request, Route, Vendor, served
from tests.support.openai_server import OpenAIRoutes
from tests.support.scripted_vision import chart, picture, stored
from tests.support.stores import open_store, stored_bytes

HAIKU, LUNA, SMALL = "anthropic:claude-haiku-5-5", "openai:gpt-6-luna", "openai:text-embedding-3-small"
PRICES = dict.fromkeys((HAIKU, LUNA, SMALL), Price(input=1.0, output=10.0))
BATCHES = "/v1/messages/batches"
KEY = "sk-secret-of-the-tests"
CAPTION = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}

CHILD = """
import sys
from diptych import Diptych, Settings
from diptych.endpoints import Anthropic
photos, store, url = sys.argv[1:]
settings = Settings(store=store, captioner="anthropic:claude-haiku-5-5", batch_poll_seconds=600, ocr="off", workers=1,
                    anthropic=Anthropic(base_url=url, key="TEST_KEY"))
with Diptych.open(settings) as diptych:
    diptych.maintenance.prefill(diptych.maintenance.find_sources([photos]).sources)
"""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)


def local_settings(vendor: Vendor, store: Path, **fields: Any) -> Settings:
    """Settings with local providers."""
    known: dict[str, Any] = {
        "captioner": HAIKU,
        "prices": PRICES,
        "batch_poll_seconds": 0.01,
        "ocr": "off",
        "workers": 1,
        "anthropic": Anthropic(base_url=vendor.url, key="TEST_KEY", seconds=300),
        "openai": OpenAI(base_url=f"{vendor.url}/v1", key="TEST_KEY", seconds=300, dimensions=8),
    }
    return Settings(store=str(store), **known | fields)


class PaidDocument:
    """A document of one passage and three charts, a store in memory, and paid models on a local HTTP server."""

    def __init__(self, vendor: Vendor, folder: Path, budget: float | None = None, **fields: Any) -> None:
        self.vendor, settings = vendor, local_settings(vendor, folder, **fields)
        self.pictures, self.meter = folder / "pictures", Meter(settings.prices, budget)
        self.ledger = Ledger(self.pictures)
        paid = load_encoder(SMALL, settings, self.meter) if "encoder" in fields else None
        text = with_ledger(paid, self.ledger) if paid else WordEncoder()
        self.spaces = Spaces(text)
        sandbox = ScriptedSandbox()
        charts = tuple(picture(stored(chart(n), self.pictures), caption=f"Figure {n}: pump") for n in range(3))
        self.document: Extraction = document(Passage("the red pump", 1), pictures=charts)
        self.source = self.document.source
        sandbox.scripts[self.source.name] = self.document
        store = open_store("memory", folder, text.size)
        captioner = load_captioner(settings, self.meter, self.ledger)
        self.pipeline = Pipeline(
            store, self.spaces, sandbox, Options(), PictureStore(self.pictures), captioner=captioner
        )

    def prefill(self, on_wait: Callable[[BatchProgress], None] | None = None) -> list[PrefillResult]:
        return BatchPrefill(self.pipeline, self.ledger, self.meter, 1, 0.01, on_wait).run([self.source])

    def captions(self) -> PrefillResult:
        (result,) = self.prefill()
        return result

    def ingest(self) -> None:
        assert ingest_document(self.source, self.pipeline).status == "complete"

    def asked(self, path: str) -> int:
        return sum(f"{request.method} {request.path}" == path for request in self.vendor.requests)

    @property
    def submitted(self) -> list[int]:
        """Number of requests in each batch sent to Anthropic."""
        return submitted(self.vendor)


def submitted(vendor: Vendor) -> list[int]:
    return [len(r.json["requests"]) for r in vendor.requests if r.method == "POST" and r.path == BATCHES]


@contextmanager
def paid_document(
    folder: Path, route: Route | None = None, budget: float | None = None, **fields: Any
) -> Iterator[PaidDocument]:
    with served(route or anthropic_routes(caption=lambda body: CAPTION)) as vendor:
        yield PaidDocument(vendor, folder, budget, **fields)


def test_run_after_its_batches_sends_no_request(tmp_path: Path) -> None:
    progress: list[BatchProgress] = []
    with paid_document(tmp_path, anthropic_routes(caption=lambda body: CAPTION, polls=2)) as at:
        (result,) = at.prefill(progress.append)
        assert (result.sent, result.batches, result.failed, result.stopped, result.note) == (3, 1, {}, "", "")
        assert [one.batches for one in progress] == [1, 1, 0]
        assert progress_line(progress[0]) == f"{HAIKU}: 0 of 3 captions answered, 1 batch under way"
        at.ingest()
        assert (at.submitted, at.asked("POST /v1/messages")) == ([3], 0)
        captions = [point.payload["model_caption"] for point in at.pipeline.store.images.scroll()]
        assert captions == ["chart: Six bars."] * 3
        ((model, batched), used), *rest = at.meter.usage().items()
        assert (model, batched, used.requests, rest) == (HAIKU, True, 3, [])
        assert at.meter.spent == pytest.approx(Price(0.5, 5.0).cost(Usage(used.input_tokens, 0, used.output_tokens)))
        assert at.captions().sent == 0


def test_batch_without_token_counts_is_charged_at_what_was_reserved(tmp_path: Path) -> None:
    uncounted = {"content": [{"type": "text", "text": json.dumps(CAPTION)}], "usage": {}}
    with paid_document(tmp_path, anthropic_routes(message=lambda body: uncounted)) as at:
        captioner = at.pipeline.captioner
        assert captioner
        asked = [request for _, request in captioner.pending_requests(at.document, at.pictures)]
        at.prefill()
        most = sum(PRICES[HAIKU].max_cost(captioner.model.max_usage(request)) / 2 for request in asked)
        assert at.meter.spent == pytest.approx(most)


def test_unanswered_request_is_sent_again_and_then_left_to_the_run(tmp_path: Path) -> None:
    unlucky: dict[str, int] = {}

    def fate(item: str) -> str:
        unlucky.setdefault(item, len(unlucky))
        return "expired" if unlucky[item] == 0 else "succeeded"

    with paid_document(tmp_path, anthropic_routes(caption=lambda body: CAPTION, fate=fate)) as at:
        assert result_line(at.captions()) == (
            f"{HAIKU}: 4 captions sent in 2 batches; 1 without an answer, sent again one by one "
            "(the batch ended after 24 hours before this request was sent)"
        )
        assert at.submitted == [3, 1]
        at.ingest()
        assert at.asked("POST /v1/messages") == 1


def test_malformed_answer_is_reported_by_the_run_and_paid_once(tmp_path: Path) -> None:
    cut_off = {"content": [{"type": "text", "text": "{"}], "stop_reason": "max_tokens"}
    with paid_document(tmp_path, anthropic_routes(message=lambda body: cut_off)) as at:
        result = at.captions()
        assert (result.sent, result.failed) == (3, {})
        assert at.captions().sent == 0, "a run that was killed before it ingested pays again"
        outcome = ingest_document(at.source, at.pipeline)
        assert outcome.status == "partial"
        assert (at.submitted, at.asked("POST /v1/messages")) == ([3], 0)
        captioner = at.pipeline.captioner
        assert captioner
        assert len(list(captioner.pending_requests(at.document, at.pictures))) == 3, "a retry asks again"


def test_broken_lines_only_lose_their_own_requests(tmp_path: Path) -> None:
    honest = anthropic_routes(caption=lambda body: CAPTION)
    broken: list[str] = []

    def routes(request: Request) -> Answer | None:
        answer = honest(request)
        if answer and request.path.endswith("/results") and not broken:
            first, second, third = answer.content.decode().splitlines()
            broken.append(first)
            lines = [first[: len(first) // 2], "<html>", second, '{"custom_id": "nobody", "result": {}}', third]
            return Answer(200, "\n".join(lines), {"content-type": "application/x-jsonl"})
        return answer

    with paid_document(tmp_path, routes) as at:
        assert at.captions().failed == {}
        assert at.submitted == [3, 1]


def test_budget_for_only_a_part(tmp_path: Path) -> None:
    with paid_document(tmp_path) as at:
        asks = at.pipeline.captioner.pending_requests(at.document, at.pictures)  # type: ignore[union-attr]
        one = max(PRICES[HAIKU].max_cost(at.pipeline.captioner.model.max_usage(ask)) / 2 for _, ask in asks)  # type: ignore[union-attr]
    with paid_document(tmp_path, budget=one * 2.1) as at:
        assert at.captions().stopped == ""  # two, and then the third, since they cost less than feared
        assert at.submitted == [2, 1]
        assert 0 < at.meter.spent < one * 2.1
    with paid_document(tmp_path / "poor", budget=one * 0.5) as at:
        assert "run again with a larger budget" in at.captions().stopped
        assert at.vendor.requests == []
        with pytest.raises(BudgetReached):
            ingest_document(at.source, at.pipeline)


def test_process_killed_before_it_fetches_resumes_without_sending_again(tmp_path: Path) -> None:
    photos, store = tmp_path / "photos", tmp_path / "store"
    photos.mkdir()
    for number in range(3):
        chart(number).save(photos / f"{number}.png")
    with served(anthropic_routes(caption=lambda body: CAPTION, polls=1)) as vendor:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(photos), str(store), vendor.url])
        while not any(r.method == "GET" for r in vendor.requests):
            assert child.poll() is None
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert submitted(vendor) == [3]
        with Diptych.open(local_settings(vendor, store)) as diptych:
            (result,) = diptych.maintenance.prefill(diptych.maintenance.find_sources([photos]).sources)
            assert (result.resumed, result.sent, result.failed) == (1, 0, {})
            assert {done.status for done in diptych.ingest([photos])} == {"complete"}
            assert diptych.search("six bars")[0].modality == "image"
        assert submitted(vendor) == [3]
        assert not any(request.path == "/v1/messages" for request in vendor.requests)
        assert KEY.encode() not in stored_bytes(store)


def test_cloud_without_batch_endpoint_is_reported_and_nothing_is_sent(tmp_path: Path) -> None:
    cloud = Anthropic(platform="vertex", region="here", project="ours", key="TEST_KEY")
    with paid_document(tmp_path, anthropic=cloud) as at:
        result = at.captions()
        assert result_line(result).startswith(f"{HAIKU} has no batch endpoint here: its requests are sent one by one")
        assert (result.sent, at.vendor.requests) == (0, [])


def test_nothing_is_prefilled_without_paid_models(tmp_path: Path) -> None:
    with paid_document(tmp_path, captioner="") as at:
        assert at.prefill() == []


class FirstFails(dict[str, int]):
    """The first item fails, the others do not."""

    def get(self, item: str, default: Any = None) -> Any:
        self.setdefault(item, 0 if self else 1)
        return self[item] or default


def test_openai_answers_in_two_files_and_expired_requests_are_sent_again(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION, key=KEY, batch_status="expired", batch_faults=FirstFails())
    with paid_document(tmp_path, routes, captioner=LUNA) as at:
        result = at.captions()
        assert (result.sent, result.batches) == (4, 2)
        assert [why.split(".")[0] for why in result.failed.values()] == [
            "This request was not executed before the batch expired"
        ]
        assert at.asked("POST /v1/batches") == 2
        at.ingest()
        assert at.asked("POST /v1/responses") == 1
        assert [used.requests for (_, batched), used in at.meter.usage().items() if batched] == [2]


def test_batch_that_fails_as_a_whole_is_sent_twice_and_then_left_to_the_run(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION, batch_status="failed")
    with paid_document(tmp_path, routes, captioner=LUNA) as at:
        result = at.captions()
        assert (result.batches, len(result.failed)) == (2, 3)
        assert "Enqueued token limit reached" in result_line(result)
        assert at.meter.spent == 0


def test_server_without_batch_endpoint_is_reported(tmp_path: Path) -> None:
    whole = OpenAIRoutes(answer=lambda asked: CAPTION)

    def routes(request: Request) -> Answer | None:
        return None if request.path.startswith(("/v1/files", "/v1/batches")) else whole(request)

    with paid_document(tmp_path, routes, captioner=LUNA) as at:
        assert "one by one" in at.captions().note
        at.ingest()
        assert at.asked("POST /v1/responses") == 3


def test_vectors_are_sent_after_the_captions_they_include(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION)
    with paid_document(tmp_path, routes, captioner=LUNA, encoder=SMALL) as at:
        captions, vectors = at.prefill()
        assert (captions.sent, vectors.sent, vectors.kind, vectors.model) == (3, 4, "embeddings", SMALL)
        sent = routes.files[routes.batches[list(routes.batches)[-1]]["input_file_id"]].decode()
        assert sent.count("Six bars.") == 3
        assert at.meter.spent > 0
        spent = at.meter.spent
        at.ingest()
        assert (at.asked("POST /v1/responses"), at.asked("POST /v1/embeddings")) == (0, 0)
        assert at.meter.spent == spent
        assert [result.sent for result in at.prefill()] == [0, 0]


def test_vector_missing_from_a_batch_is_left_to_the_run(tmp_path: Path) -> None:
    routes = OpenAIRoutes(batch_faults=FirstFails())
    with paid_document(tmp_path, routes, captioner="", encoder=SMALL) as at:
        (result,) = at.prefill()
        assert (result.sent, result.batches, len(result.failed)) == (5, 2, 1)
        at.ingest()
        assert at.asked("POST /v1/embeddings") == 1


def test_descriptions_without_captions_are_left_to_the_run(tmp_path: Path) -> None:
    routes = OpenAIRoutes(answer=lambda asked: CAPTION, batch_status="expired", batch_faults=FirstFails())
    with paid_document(tmp_path, routes, captioner=LUNA, encoder=SMALL) as at:
        captions, vectors = at.prefill()
        assert (len(captions.failed), vectors.sent) == (1, 3)
