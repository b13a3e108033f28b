"""The evaluation as a flow: what it leaves in the UI, and how it ends below its gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.cli.main import run
from flows.evaluate import evaluate
from tests.support.papers import write_leaflet


def artifacts(state: State[Any]) -> dict[str | None, Any]:
    of_run = state.state_details.flow_run_id
    assert of_run
    with get_client(sync_client=True) as client:
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[of_run]))
        return {artifact.key: artifact.data for artifact in client.read_artifacts(artifact_filter=mine)}


def test_a_run_leaves_its_tables_and_fails_below_its_gate(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_leaflet(tmp_path / "leaflet.pdf")
    assert run(["ingest", "leaflet.pdf", "--store", "s"]) == 0
    lines = [
        {"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]},
        {"id": 2, "text": "green valve", "document": "gone|away.pdf", "pages": [1]},
    ]
    Path("q.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        passed: State[Any] = evaluate("q.jsonl", gate="page recall@10 >= 0.4", store="s", return_state=True)
        missed: State[Any] = evaluate(
            "q.jsonl", arms=["fused"], gate="page recall@10 >= 0.9", out="o", store="s", return_state=True
        )
        left, told = artifacts(passed), artifacts(missed)
    assert passed.type == StateType.COMPLETED
    assert passed.message == "2 questions, 6 arms"
    assert "| fused |" in left["evaluation"]
    assert "gone\\|away.pdf" in left["evaluation"]
    rows = json.loads(left["evaluation-arms"])
    assert [row["arm"] for row in rows][:2] == ["fused", "passages"]
    assert missed.type == StateType.FAILED
    assert missed.message
    assert missed.message.startswith("below the gate: page recall@10 is 0.500")
    assert "**below the gate" in told["evaluation"]
    assert Path("o/report.html").is_file()
