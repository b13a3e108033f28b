"""The flows that only read a store, `query`, `answer` and `evaluate`: messages, results and artifacts of their runs."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType

from diptych.errors import BudgetReached, QueryError
from diptych.search.query.query_options import parse_filter
from diptych.where import parse_where
from flows.answer import answer
from flows.cli.main import run
from flows.evaluate import evaluate
from flows.ingest import ingest
from flows.query import query
from tests.support.anthropic_fixtures import NAME
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.anthropic_server import anthropic_routes
from tests.support.flow_runs import async_result, run_artifacts, run_async
from tests.support.http_server import Vendor, served
from tests.support.papers import write_leaflet, write_rows

# Prefect leaves a socket to its server open when an event loop ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a leaflet and two catalogue rows."""
    folder = tmp_path_factory.mktemp("search")
    write_leaflet(folder / "leaflet.pdf")
    write_rows(folder / "pumps.jsonl", 1, 2)
    store = str(folder / "store")
    assert run(["ingest", str(folder / "leaflet.pdf"), str(folder / "pumps.jsonl"), "--store", store]) == 0
    return store


@pytest.fixture(autouse=True)
def recorded(prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    gc.collect()  # so that the warning about the socket is raised in this file


def test_query_reports_the_number_of_hits(store: str) -> None:
    state = run_async(query("green valve", limit=3, store=store, return_state=True))
    assert state.message == "3 hits"
    assert [hit["rank"] for hit in async_result(state)] == [1, 2, 3]


def test_query_returns_the_numbers_of_passages_and_pictures_asked_for(store: str) -> None:
    state = run_async(query("valve", passages="3", pictures="1", limit=2, store=store, return_state=True))
    assert [hit["modality"] for hit in async_result(state)].count("text") == 3
    assert state.message == "4 hits"


def test_answer_verifies_pictures_and_shows_the_passages_asked_for(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    routes = anthropic_routes(
        says=lambda body: [{"type": "text", "text": "The valve is green. [E1] An elephant sits on it. [E1]"}],
        caption=lambda body: {
            "findings": [
                {"number": 1, "shown": True, "reason": "A green valve."},
                {"number": 2, "shown": False, "reason": "A valve."},
            ]
        },
    )
    with served(routes) as vendor:
        monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
        monkeypatch.setenv("DIPTYCH_PRICES", json.dumps({NAME: {"input": 1.0, "output": 5.0}}))
        state = run_async(
            answer("the valve", model=NAME, verify=True, passages="0", pictures="1", store=store, return_state=True)
        )
    got, page = async_result(state), str(run_artifacts(state)["answer"].data)
    assert len(vendor.requests) == 2
    assert (got["answer"], got["pictures"], len(got["evidence"])) == ("The valve is green. [1] (verified)", 1, 1)
    assert (got["usage"][NAME]["requests"], got["checks"]) == (2, {"verified": 1, "refuted": 1})
    assert got["price"] == pytest.approx(2 * (100 * 1.0 + 20 * 5.0) / 1e6)
    assert "Verified by a second look at the picture" in page
    assert "does not show it: A valve" in page


def test_query_explains_a_filter_that_no_document_passes(store: str) -> None:
    state = run_async(query("green valve", where="prize < 20", store=store, return_state=True))
    assert async_result(state) == []
    assert str(state.message).startswith("nothing found: no document has a field prize; there are ")
    assert "no document has a field prize" in str(run_artifacts(state)["query-hits"].data)


def test_answer_without_evidence_explains_why_and_makes_no_request(store: str) -> None:
    where = 'document = "leaf.pdf"'
    state = run_async(answer("green valve", where=where, model="anthropic:none", store=store, return_state=True))
    assert str(state.message).startswith('nothing found: no document is called "leaf.pdf"')
    assert 'no document is called "leaf.pdf"' in str(run_artifacts(state)["answer"].data)


def test_answer_reports_its_usage_and_keeps_its_budget(
    store: str, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
    monkeypatch.setenv("DIPTYCH_PRICES", json.dumps({NAME: {"input": 1.0, "output": 5.0}}))
    state = run_async(answer("green valve", model=NAME, store=store, budget=1.0, return_state=True))
    assert "source" in str(state.message)
    assert f"{NAME}: " in str(run_artifacts(state)["answer"].data)
    assert async_result(state)["price"] > 0
    requests = len(vendor.requests)
    stopped = run_async(answer("green valve", model=NAME, store=store, budget=0.000001, return_state=True))
    with pytest.raises(BudgetReached):
        async_result(stopped)
    assert len(vendor.requests) == requests


def test_flows_of_one_tenant_find_and_change_nothing_of_another(
    vendor: Vendor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_ANTHROPIC__BASE_URL", vendor.url)
    monkeypatch.setenv("DIPTYCH_PRICES", json.dumps({NAME: {"input": 1.0, "output": 5.0}}))
    rows = "id,description,owner\n1,the secret valve of {0} leaks,{0}\n2,the secret pump of {0} runs,{0}\n"
    for tenant in ("theirs", "ours"):
        monkeypatch.setenv("DIPTYCH_TENANT", tenant)
        Path("shop.csv").write_text(rows.format(tenant))
        assert run(["ingest", "shop.csv", "--store", "shared"]) == 0
    Path("shop.csv").write_text(rows.format("ours").rpartition("2,")[0])
    assert ingest(["shop.csv"], store="shared", confirm_deletes=True, return_state=True).message
    found = run_async(query("secret theirs", where='owner = "theirs" or page > 0', store="shared", return_state=True))
    assert {hit["fields"]["owner"] for hit in async_result(found)} <= {"ours"}
    given = run_async(answer("the secret of theirs", model=NAME, store="shared", return_state=True))
    assert set(async_result(given)["evidence"].values()) == {"shop.csv#1"}
    assert "of theirs leaks" not in "".join(request.body.decode() for request in vendor.requests)
    monkeypatch.setenv("DIPTYCH_TENANT", "theirs")
    both = run_async(query("secret", store="shared", return_state=True))
    assert [hit["fields"]["owner"] for hit in async_result(both)] == ["theirs", "theirs"]


def test_evaluate_stores_its_tables_and_fails_below_its_gate(store: str) -> None:
    questions = [
        {"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]},
        {"id": 2, "text": "green valve", "document": "gone|away.pdf", "pages": [1]},
    ]
    Path("q.jsonl").write_text("\n".join(map(json.dumps, questions)))
    passed: State[Any] = evaluate("q.jsonl", gate="page recall@10 >= 0.4", store=store, return_state=True)
    failed: State[Any] = evaluate(
        "q.jsonl", arms=["fused"], gate="page recall@10 >= 0.9", out="o", store=store, return_state=True
    )
    artifacts = run_artifacts(passed)
    assert passed.type == StateType.COMPLETED
    assert passed.message == "2 questions, 6 arms"
    assert "| fused |" in str(artifacts["evaluation"].data)
    assert "gone\\|away.pdf" in str(artifacts["evaluation"].data)
    assert "| arm | recall@1 |" in str(artifacts["evaluation"].data)
    assert failed.type == StateType.FAILED
    assert str(failed.message).startswith("below the gate: page recall@10 is 0.500")
    assert "**below the gate" in str(run_artifacts(failed)["evaluation"].data)
    assert Path("o/report.html").is_file()


def test_filter_is_combined_with_the_chosen_modality() -> None:
    assert parse_filter(None) is None
    assert parse_filter(" ", "image") == parse_where('modality = "image"')
    assert parse_filter("page > 3", "text") == parse_where('page > 3 and modality = "text"')
    with pytest.raises(QueryError, match="column 7"):
        parse_filter("page <")


def test_run_with_a_wrong_filter_ends_with_our_sentence_under_its_own_name(store: str) -> None:
    state = run_async(query("valve", where="page <", store=store, return_state=True))
    assert state.type == StateType.FAILED
    assert str(state.message).startswith("filter, column 7: expected a number")
    with get_client(sync_client=True) as client:
        assert state.state_details.flow_run_id
        found = client.read_flow_run(state.state_details.flow_run_id)
    assert (found.name, set(found.tags)) == ("query: valve", {"diptych", "store: store"})
    with pytest.raises(QueryError, match="filter, column 7"):
        run_async(query("valve", where="page <", store=store))
