"""prefect.yaml on a real server with a real worker: every deployment runs and completes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling

from tests.conftest import PREFECT_HOME, started
from tests.support.papers import write_leaflet

ROOT = Path(__file__).parents[2]
ON_DEMAND = (
    "query/on-demand", "answer/on-demand", "evaluate/on-demand", "backfill/on-demand", "retry/on-demand",
    "reindex/on-demand",
)  # fmt: skip
ALL = ("ingest/nightly", "sweep/weekly", *ON_DEMAND)
PREFECT = [sys.executable, "-m", "prefect"]


@pytest.fixture(scope="module")
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A server to which prefect.yaml was deployed, and a worker on its pool."""
    environment = os.environ | {"PREFECT_API_URL": prefect_server, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with (
        (PREFECT_HOME / "worker.log").open("wb") as log,
        temporary_settings({PREFECT_API_URL: prefect_server}),
        get_client(sync_client=True) as connected,
    ):
        connected.create_work_pool(WorkPoolCreate(name="diptych", type="process"))
        with started([*PREFECT, "worker", "start", "--pool", "diptych"], environment, log.fileno()):
            done = subprocess.run(
                [*PREFECT, "--no-prompt", "deploy", "--all"],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            yield connected


def start(client: SyncPrefectClient, deployment: str, **parameters: Any) -> UUID:
    found = client.read_deployment_by_name(deployment)
    return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def wait(client: SyncPrefectClient, run: UUID, seconds: float = 60) -> FlowRun:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = client.read_flow_run(run)
        if found.state and found.state.is_final():
            return found
        time.sleep(0.3)
    log = (PREFECT_HOME / "worker.log").read_text()
    raise AssertionError(f"flow run {run} did not end: {log[-3000:]}")


def test_every_deployment_runs_and_completes(client: SyncPrefectClient, tmp_path: Path) -> None:
    papers, store = tmp_path / "papers", str(tmp_path / "store")
    papers.mkdir()
    write_leaflet(papers / "leaflet.pdf")
    ingested = wait(client, start(client, "ingest/nightly", paths=[str(papers)], store=store))
    assert ingested.state
    assert ingested.state.name == "Completed"
    assert str(ingested.state.message).startswith("1 document: 1 complete; 2 pages, 2 passages")
    write_leaflet(papers / "another.pdf", pages=1)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]}')
    together = [
        start(client, "query/on-demand", text="green valve", panels="image", limit=1, store=store),
        start(client, "answer/on-demand", text="what?", where="page = 99", model="openai:none", store=store),
        start(client, "backfill/on-demand", paths=[str(papers)], limit=5, store=store),
        start(client, "evaluate/on-demand", questions=str(questions), arms=["fused"], store=store),
        start(client, "sweep/weekly", store=store),
    ]
    answered, silent, filled, measured, swept = (wait(client, run) for run in together)
    for ended in (answered, silent, filled, measured, swept):
        assert ended.state
        assert ended.state.type == StateType.COMPLETED
    assert silent.state
    assert silent.state.result()["unanswered"]  # nothing was found, so nothing was asked
    assert filled.state
    assert str(filled.state.message).startswith("1 document: 1 complete")
    assert answered.state
    (hit,) = answered.state.result()
    assert (hit["modality"], hit["page"]) == ("image", 1)  # of either paper: the backfill runs beside
    assert "do not answer" in str([one.data for one in client.read_artifacts() if one.flow_run_id == silent.id])
    assert "Figure 1" in str([one.data for one in client.read_artifacts() if one.flow_run_id == answered.id])


def test_the_schedule_and_the_limit_are_deployed(client: SyncPrefectClient) -> None:
    nightly = client.read_deployment_by_name("ingest/nightly")
    assert [getattr(one.schedule, "cron", "") for one in nightly.schedules] == ["0 2 * * *"]
    assert nightly.global_concurrency_limit
    assert nightly.global_concurrency_limit.limit == 1
    assert nightly.concurrency_options
    assert nightly.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert nightly.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}]
    for name in ON_DEMAND:
        assert client.read_deployment_by_name(name).schedules == []
    weekly = client.read_deployment_by_name("sweep/weekly")
    assert [getattr(one.schedule, "cron", "") for one in weekly.schedules] == ["0 4 * * 0"]


def test_every_deployment_names_a_flow_of_that_name(client: SyncPrefectClient) -> None:
    deployed = client.read_deployments()
    assert len(deployed) == len(ALL)
    for one in deployed:
        assert one.entrypoint
        flow: Flow[..., Any] = load_flow_from_entrypoint(one.entrypoint)
        assert f"{flow.name}/{one.name}" in ALL
        assert set(one.parameters) <= set(flow.parameters.properties)


def test_the_forms_explain_their_fields(client: SyncPrefectClient) -> None:
    for name in ALL:
        schema: Any = client.read_deployment_by_name(name).parameter_openapi_schema
        assert all(field.get("description") for field in schema["properties"].values())
    panels = client.read_deployment_by_name("query/on-demand").parameter_openapi_schema
    assert panels
    assert panels["properties"]["panels"]["enum"] == ["both", "text", "image"]


def test_a_cancelled_run_leaves_no_process_behind(client: SyncPrefectClient, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    write_leaflet(papers / "long.pdf", pages=600)
    run = start(client, "ingest/nightly", paths=[str(papers)], store=str(tmp_path / "store"))
    marker = f"PREFECT__FLOW_RUN_ID={run}"
    deadline = time.monotonic() + 40
    while not any("extractors" in command for command in _marked(marker)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(_marked(marker)) >= 2  # the flow's process and a worker of ours
    client.set_flow_run_state(run, Cancelling())  # as the button does
    ended = wait(client, run, 25)
    assert ended.state
    assert ended.state.type == StateType.CANCELLED
    time.sleep(1)
    assert _marked(marker) == []


def _marked(marker: str) -> list[str]:
    """Commands of the processes that inherited the environment of a flow run, whoever their parent is by now."""
    found = []
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            if marker.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_text())
        except OSError:
            continue
    return found
