"""The flows `query` and `answer` as the UI starts them: what their runs say, also when nothing was found."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL, temporary_settings

from diptych.errors import BudgetReached
from flows.answer import answer
from flows.cli.main import run
from flows.evaluate import evaluate
from flows.query import query
from tests.support.anthropic_fixtures import NAME
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.http_server import Vendor
from tests.support.papers import write_leaflet, write_rows

# Prefect leaves a socket to its server open when an event loop ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def store(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A leaflet and two rows of a catalogue, in `s` of the working folder."""
    monkeypatch.chdir(tmp_path)
    write_leaflet(tmp_path / "leaflet.pdf")
    write_rows(tmp_path / "pumps.jsonl", 1, 2)
    assert run(["ingest", "leaflet.pdf", "pumps.jsonl", "--store", "s"]) == 0
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield
    gc.collect()  # so that the warning about a socket is this file's


def ended(run: Any) -> State[Any]:
    async def awaited() -> Any:
        return await run

    return asyncio.run(awaited())


def data(state: State[Any]) -> Any:
    return asyncio.run(state.aresult())


def artifact(state: State[Any], key: str) -> Any:
    of_run = state.state_details.flow_run_id
    assert of_run
    with get_client(sync_client=True) as client:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[of_run]))
        return next(one for one in client.read_artifacts(artifact_filter=mine) if one.key == key)


def test_a_query_says_how_many_hits_it_has() -> None:
    found = ended(query("green valve", limit=3, store="s", return_state=True))
    assert found.message == "3 hits"
    assert [hit["rank"] for hit in data(found)] == [1, 2, 3]


def test_a_filter_that_nothing_passes_is_told_as_such() -> None:
    found = ended(query("green valve", where="prize < 20", store="s", return_state=True))
    assert data(found) == []
    assert str(found.message).startswith("nothing found: no document has a field prize; there are ")
    assert "no document has a field prize" in artifact(found, "query-hits").description


def test_an_answer_without_evidence_says_why_and_costs_nothing() -> None:
    found = ended(
        answer("green valve", where='document = "leaf.pdf"', model="anthropic:none", store="s", return_state=True)
    )
    assert str(found.message).startswith('nothing found: no document is called "leaf.pdf"')
    assert 'no document is called "leaf.pdf"' in artifact(found, "answer").data


def test_an_answer_tells_what_it_used_and_keeps_its_budget(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
    monkeypatch.setenv("DIPTYCH_PRICES", json.dumps({NAME: {"input": 1.0, "output": 5.0}}))
    found = ended(answer("green valve", model=NAME, store="s", budget=1.0, return_state=True))
    assert "source" in str(found.message)
    assert f"{NAME}: " in artifact(found, "answer").data
    assert data(found)["price"] > 0
    asked = len(vendor.requests)
    poor = ended(answer("green valve", model=NAME, store="s", budget=0.000001, return_state=True))
    with pytest.raises(BudgetReached):
        data(poor)
    assert len(vendor.requests) == asked


def test_the_columns_of_an_evaluation_are_named_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]}')
    found: State[Any] = evaluate("q.jsonl", arms=["fused"], store="s", return_state=True)
    (row,) = json.loads(artifact(found, "evaluation-arms").data)
    assert {"arm", "recall@10", "mrr", "ms"} <= set(row)
