"""Paid models in flows and commands: budgets, batches, refused texts and keys, with real SDKs and a local server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client

from diptych import Diptych, Settings
from diptych.endpoints import OpenAI
from diptych.models.meter import Meter
from diptych.prices import Price, Usage
from diptych.settings import load_settings
from flows.ingest import ingest
from flows.runs.local_prefect import DEFAULTS, run_result
from flows.runs.shared_store import RunUsage, block_name, key_variables
from tests.support.command_line import error_line, run_json, run_messages
from tests.support.flow_runs import run_artifacts
from tests.support.http_server import Answer, Request, Vendor, served
from tests.support.openai_server import OpenAIRoutes
from tests.support.papers import write_leaflet, write_paper
from tests.support.scripted_vision import chart
from tests.support.stores import stored_bytes

KEY = "sk-secret-of-the-tests"
LUNA, SMALL = "openai:gpt-6-luna", "openai:text-embedding-3-small"
PRICES = dict.fromkeys((LUNA, SMALL), Price(input=1.0, output=10.0))
CAPTION = {"kind": "chart", "shows": "Six bars.", "axes": [], "labels": [], "findings": [], "visible_text": ""}


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """A model provider on this machine, with the settings that point to it in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_TEST_VENDOR_KEY", KEY)
    with served(OpenAIRoutes(answer=lambda asked: CAPTION, key=KEY)) as running:
        endpoint = {"base_url": f"{running.url}/v1", "key": "DIPTYCH_TEST_VENDOR_KEY", "dimensions": "8"}
        for name, chosen in endpoint.items():
            monkeypatch.setenv(f"DIPTYCH_OPENAI__{name.upper()}", chosen)
        prices = {name: {"input": price.input, "output": price.output} for name, price in PRICES.items()}
        monkeypatch.setenv("DIPTYCH_PRICES", json.dumps(prices))
        for name, chosen in {"CAPTIONER": LUNA, "BATCH_POLL_SECONDS": "0.01", "OCR": "off", "WORKERS": "1"}.items():
            monkeypatch.setenv(f"DIPTYCH_{name}", chosen)
        yield running


@pytest.fixture
def charts(tmp_path: Path) -> str:
    folder = tmp_path / "charts"
    folder.mkdir()
    for number in range(3):
        chart(number).save(folder / f"{number}.png")
    return str(folder)


@pytest.fixture
def recorded(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prefect server; the environment variables of local runs are undone after the test."""
    for name, chosen in DEFAULTS.items():
        monkeypatch.setenv(name, chosen)


def one_caption(charts: str) -> float:
    """Estimated upper bound of the cost of one caption, in US dollars. A little more pays for one but not for two."""
    with Diptych.open(load_settings("estimated")) as diptych:
        (cost,) = diptych.estimate([charts]).costs
        assert cost.dollars
        return cost.dollars / cost.items


def requested(vendor: Vendor) -> list[str]:
    return [f"{request.method} {request.path}" for request in vendor.requests]


@pytest.mark.usefixtures("recorded")
def test_backfill_stops_at_its_budget_and_the_next_run_continues(
    vendor: Vendor, charts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    budget = one_caption(charts) * 1.01
    messages = run_messages(capsys, "backfill", charts, "--store", "s", "--budget", str(budget), code=3)
    assert len(vendor.requests) == 1
    assert messages[-1].startswith("3 documents: 1 complete, 2 waiting; ")
    assert sum("run again with a larger budget to continue" in line for line in messages) == 1
    assert any(line.startswith(f"{LUNA}: 1 request, ") for line in messages)
    assert [line["status"] for line in run_json(capsys, "status", "--store", "s")] == ["complete"]
    messages = run_messages(capsys, "backfill", charts, "--store", "s", "--budget", "1")
    assert len(vendor.requests) == 3
    assert messages[-1].startswith("2 documents: 2 complete; ")
    assert run_messages(capsys, "backfill", charts, "--store", "s")[-1].startswith("nothing to do")


@pytest.mark.usefixtures("recorded")
def test_batch_run_reports_its_progress_and_leaves_nothing_to_request(
    vendor: Vendor, charts: str, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = run_messages(capsys, "backfill", charts, "--store", "s", "--batch-api")
    assert f"note       {LUNA}: 3 captions sent in 1 batch" in messages
    assert any(line.startswith(f"{LUNA}: 3 requests in batches, ") for line in messages)
    assert "POST /v1/responses" not in requested(vendor)
    assert requested(vendor).count("POST /v1/batches") == 1


@pytest.mark.usefixtures("recorded")
def test_flow_keeps_its_budget_and_reports_usage_without_secrets(
    vendor: Vendor, charts: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    budget = one_caption(charts) * 1.01
    monkeypatch.setenv("DIPTYCH_OPENAI__KEY", "DIPTYCH_TEST_KEPT_KEY")
    monkeypatch.setenv("DIPTYCH_TEST_KEPT_KEY", "")  # so that the key set by the run is undone after the test
    Secret(value=KEY).save("diptych-test-kept-key")
    with caplog.at_level(logging.DEBUG):
        state = ingest([charts], store="s", budget=budget, return_state=True)
    data = run_result(state)
    assert (state.name, data["complete"], data["waiting"]) == ("Partial", 1, 2)
    assert data["usage"].keys() == {LUNA}
    assert (data["usage"][LUNA]["requests"], 0 < data["usage"][LUNA]["usd"] < budget) == (1, True)
    run = state.state_details.flow_run_id
    assert run
    stored = " ".join(str(artifact.data) for artifact in run_artifacts(state).values())
    with get_client(sync_client=True) as client:
        stored += client.read_flow_run(run).model_dump_json() + " ".join(str(log.message) for log in client.read_logs())
    assert f"{LUNA}: 1 request, " in stored
    assert "run again with a larger budget" in stored
    assert KEY not in stored + caplog.text + str(data)
    assert KEY.encode() not in stored_bytes(tmp_path / "s")
    assert vendor.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_missing_key_is_reported_in_one_line_before_extraction(
    vendor: Vendor, charts: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIPTYCH_TEST_VENDOR_KEY")
    monkeypatch.setenv("DIPTYCH_OPENAI__BASE_URL", "https://models.example.com/v1")
    line = error_line(capsys, "ingest", charts, "--store", "s")
    assert line == (
        "diptych: no key: the environment variable DIPTYCH_TEST_VENDOR_KEY is empty (setting `openai.key` names it)"
    )
    assert not list(Path("s/pictures").glob("??/*"))  # nothing was extracted
    assert vendor.requests == []


def refuse_texts_about_opening(request: Request) -> Answer | None:
    """Refuse texts about how a valve opens."""
    if request.path == "/v1/embeddings" and "opens" in request.body.decode():
        return Answer(400, {"error": {"message": "This text is not accepted.", "type": "invalid_request_error"}})
    return None


def test_refused_text_leaves_its_document_partial_until_a_retry_succeeds(
    vendor: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_CAPTIONER", "")
    monkeypatch.setenv("DIPTYCH_ENCODER", SMALL)
    (tmp_path / "in").mkdir()
    write_leaflet(tmp_path / "in" / "leaflet.pdf")
    write_paper(tmp_path / "in" / "other.pdf", "The red pump stands beside the door.")
    vendor.faults += [refuse_texts_about_opening] * 40
    done = {line["name"]: line for line in run_json(capsys, "ingest", "in", "--store", "s", code=3)}
    assert {name: line["status"] for name, line in done.items()} == {
        "in/leaflet.pdf": "partial",
        "in/other.pdf": "complete",
    }
    (problem,) = done["in/leaflet.pdf"]["problems"]
    assert problem["page"] == 2
    assert "This text is not accepted" in problem["reason"]
    vendor.faults.clear()
    assert dense_pages(capsys) == {1}
    before = len(vendor.requests)
    assert {line["status"] for line in run_json(capsys, "ingest", "in", "--store", "s", code=3)} == {"unchanged"}
    assert len(vendor.requests) == before
    (retried,) = run_json(capsys, "retry", "--all", "--store", "s")
    assert (retried["status"], retried["problems"]) == ("complete", [])
    assert len(vendor.requests) == before + 2  # the refused passage, and the image of its page
    assert dense_pages(capsys) == {1, 2}


def dense_pages(capsys: pytest.CaptureFixture[str]) -> set[int]:
    """Pages found through the dense vectors."""
    hits = run_json(capsys, "query", "wait for the gauge", "--store", "s")
    return {hit["page"] for hit in hits if "text.dense" in hit["ranks"]}


def test_document_is_ingested_after_the_provider_recovers(
    vendor: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_CAPTIONER", "")
    monkeypatch.setenv("DIPTYCH_ENCODER", SMALL)
    monkeypatch.setenv("DIPTYCH_OPENAI__SECONDS", "0.2")
    write_paper(tmp_path / "a.pdf", "The red pump stands beside the door.")

    def down(request: Request) -> Answer | None:
        return Answer(503, {"error": {"message": "Overloaded."}}, {"retry-after": "30"})

    vendor.faults += [down]
    (done,) = run_json(capsys, "ingest", "a.pdf", "--store", "s", code=4)
    assert (done["status"], "a.pdf: not encoded: " in done["error"]) == ("failed", True)
    (stored,) = run_json(capsys, "status", "--store", "s")
    assert stored["transient"]
    (done,) = run_json(capsys, "ingest", "a.pdf", "--store", "s")
    assert done["status"] == "complete"


def test_wrong_key_stops_the_run_after_one_request(
    vendor: Vendor, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_paper(tmp_path / "a.pdf", "The red pump stands beside the door.")
    monkeypatch.setenv("DIPTYCH_TEST_VENDOR_KEY", "sk-another")
    monkeypatch.setenv("DIPTYCH_CAPTIONER", "")
    monkeypatch.setenv("DIPTYCH_ENCODER", SMALL)
    assert "sk-another" not in error_line(capsys, "ingest", "a.pdf", "--store", "s")
    assert len(vendor.requests) == 1


def test_run_usage_ignores_earlier_usage() -> None:
    meter = Meter(PRICES)
    meter.spend(LUNA, Usage(1000, 0, 10, 1))
    usage = RunUsage(meter)
    assert (usage.numbers, usage.lines) == ({}, [])
    meter.spend(LUNA, Usage(2000, 0, 10, 1))
    meter.spend(LUNA, Usage(2000, 0, 10, 1, batched=True))
    meter.spend("unified:own", Usage(5, 0, 0, 1))
    assert usage.numbers == {
        LUNA: {"requests": 2, "input_tokens": 4000, "output_tokens": 20, "usd": pytest.approx(0.0021 + 0.00105)},
        "unified:own": {"requests": 1, "input_tokens": 5, "output_tokens": 0, "usd": None},
    }
    assert [line.split(":")[1].split(" ")[0] for line in usage.lines] == ["gpt-6-luna", "gpt-6-luna", "own"]


def test_secret_blocks_are_named_after_the_key_variables_of_configured_models(tmp_path: Path) -> None:
    chosen = Settings(store=str(tmp_path), captioner=LUNA, encoder="unified:own", openai=OpenAI(key="openai-key"))
    assert key_variables(chosen) == ["DIPTYCH_UNIFIED_API_KEY", "openai-key"]
    assert [block_name(name) for name in key_variables(chosen)] == ["diptych-unified-api-key", "openai-key"]
    assert key_variables(Settings(store=str(tmp_path))) == []
