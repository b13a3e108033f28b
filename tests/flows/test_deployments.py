"""prefect.yaml: its concurrency limits, and its deployments on a real server with a real worker."""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import psutil
import pytest
import yaml  # type: ignore[import-untyped]
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events import emit_event
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.states import Cancelling

from diptych.store.points import document_id
from flows.deployment.deploy import apply_automations, deploy
from tests.conftest import PREFECT_HOME
from tests.support.flow_runs import async_result, run_async
from tests.support.papers import write_leaflet, write_photo
from tests.support.prefect_server import running_program

pytestmark = pytest.mark.timeout(1800)

ROOT = Path(__file__).parents[2]
ON_DEMAND = (
    "ingest/on-demand", "backfill/backfill", "query/query", "answer/answer", "evaluate/evaluate", "retry/retry",
    "reindex/reindex",
)  # fmt: skip
DEPLOYMENTS = ("ingest/nightly", "sweep/sweep", *ON_DEMAND)
PREFECT = [sys.executable, "-m", "prefect"]
CONFIGURED: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
WORKER_LOG = PREFECT_HOME / "worker.log"
RUNS = 8
"""At the same time."""
RUN_SECONDS = 1500.0
"""Limit for a flow run, which takes about 5 s on an idle machine; it never decides the outcome."""


def test_only_scheduled_runs_are_cancelled_when_another_is_running() -> None:
    cancelled = [
        one for one in CONFIGURED if one.get("concurrency_limit", {}).get("collision_strategy") == "CANCEL_NEW"
    ]
    assert {one["name"] for one in cancelled} == {"nightly", "sweep"}
    assert all(one["schedules"] for one in cancelled)


def test_writing_flows_on_demand_wait_for_each_other() -> None:
    waiting = [one for one in CONFIGURED if not one["schedules"] and "concurrency_limit" in one]
    assert {one["name"] for one in waiting} == {"on-demand", "backfill", "retry", "reindex"}


def test_no_deployment_has_a_file_of_this_repository_as_its_default() -> None:
    values = [str(value) for one in CONFIGURED for value in one.get("parameters", {}).values()]
    assert not [value for value in values if value and (ROOT / value).exists()]


def test_deployments_have_names_descriptions_and_the_version_of_the_package() -> None:
    assert len({one["name"] for one in CONFIGURED}) == len(CONFIGURED)
    assert {one["version"] for one in CONFIGURED} == {"{{ project.version }}"}
    assert all(one["description"].endswith(".") for one in CONFIGURED)


def test_every_run_that_a_worker_starts_is_watched_and_no_other_run_but_parts_of_a_backfill() -> None:
    automations = yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
    triggers = [EventTrigger.model_validate(one["trigger"]) for one in automations]

    def watching(**names: str) -> list[float]:
        """Seconds without a heartbeat after which a run is ended; `names`: role of a related resource -> its name."""
        related = [
            {
                "prefect.resource.id": role,
                "prefect.resource.role": role.replace("_", "-"),
                "prefect.resource.name": name,
            }
            for role, name in names.items()
        ]
        run = {"prefect.resource.id": f"prefect.flow-run.{uuid4()}"}
        beat = ReceivedEvent(
            event="prefect.flow-run.heartbeat", id=uuid4(), occurred=datetime.now(UTC), resource=run, related=related
        )
        return [trigger.within.total_seconds() for trigger in triggers if trigger.covers(beat)]

    assert watching(flow="backfill", work_pool="diptych") == [120]
    assert watching(flow="backfill-part") == [600]
    assert watching(flow="backfill") == []
    # A suspended run has no process and no heartbeat.
    assert all(
        "prefect.flow-run.Suspended" in one.expect for one in triggers if one.after == {"prefect.flow-run.heartbeat"}
    )


@pytest.fixture(scope="module")
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A client of a server with the deployments of prefect.yaml, and a worker on its pool, where OCR never ends."""
    write_endless_tesseract(PREFECT_HOME / "bin")
    environment = os.environ | {
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "OPENAI_API_KEY": "never-used",
        "PATH": f"{PREFECT_HOME / 'bin'}:{os.environ['PATH']}",
    }
    worker = [*PREFECT, "worker", "start", "--pool", "diptych"]
    with get_client(sync_client=True) as connected:
        connected.create_work_pool(WorkPoolCreate(name="diptych", type="process"))
        with running_program(worker, environment, WORKER_LOG):
            deploy(ROOT, limit=RUNS)
            yield connected


def write_endless_tesseract(folder: Path) -> None:
    folder.mkdir()
    program = folder / "tesseract"
    program.write_text("#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'x\\neng\\n' || exec sleep 6000\n")
    program.chmod(0o755)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has the papers and the store of the first test. By them, its events are told from those of other files' runs."""
    return tmp_path_factory.mktemp("deployed")


def start(client: SyncPrefectClient, deployment: str, **parameters: Any) -> UUID:
    found = client.read_deployment_by_name(deployment)
    return client.create_flow_run_from_deployment(found.id, parameters=parameters).id


def run_here(client: SyncPrefectClient, deployment: str, **parameters: Any) -> State[Any]:
    """Run the flow of a deployment as the worker does, but in this process."""
    found = client.read_deployment_by_name(deployment)
    assert found.entrypoint
    flow: Flow[..., Any] = load_flow_from_entrypoint(found.entrypoint)
    run = flow(**(found.parameters | parameters), return_state=True)
    return run_async(run) if inspect.isawaitable(run) else cast("State[Any]", run)


def wait(client: SyncPrefectClient, run: UUID) -> FlowRun:
    deadline = time.monotonic() + RUN_SECONDS
    while time.monotonic() < deadline:
        found = client.read_flow_run(run)
        if found.state and found.state.is_final():
            return found
        time.sleep(0.5)
    raise AssertionError(f"flow run {run} did not end: {WORKER_LOG.read_text()[-3000:]}")


def test_every_deployment_runs_and_completes(
    client: SyncPrefectClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker starts one of them; a process for each of the others would only show the same again."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OPENAI_API_KEY", "never-used")
    papers, store = folder / "papers", str(folder / "store")
    papers.mkdir()
    write_leaflet(papers / "leaflet.pdf")
    ingested = run_here(client, "ingest/nightly", paths=[str(papers)], store=store)
    assert ingested.name == "Completed"
    assert str(ingested.message).startswith("1 document: 1 complete; 2 pages, 2 passages")
    query = start(client, "query/query", text="green valve", panels="image", limit=1, store=store)
    write_leaflet(papers / "another.pdf", pages=1)
    questions = folder / "questions.jsonl"
    questions.write_text('{"id": 1, "text": "green valve", "document": "leaflet.pdf", "pages": [1]}')
    filled = run_here(client, "backfill/backfill", paths=[str(papers)], limit=5, store=store)
    silent = run_here(client, "answer/answer", text="what?", where="page = 99", model="openai:none", store=store)
    measured = run_here(client, "evaluate/evaluate", questions=str(questions), arms=["fused"], store=store)
    swept = run_here(client, "sweep/sweep", store=store)
    answered = wait(client, query)
    for state in (answered.state, silent, filled, measured, swept):
        assert state
        assert state.type == StateType.COMPLETED, state.message
    assert async_result(silent)["unanswered"]  # nothing was found, so no request was made
    assert str(filled.message).startswith("1 document: 1 complete")
    assert answered.state
    (hit,) = answered.state.result()
    assert (hit["modality"], hit["page"]) == ("image", 1)  # of either paper, since the backfill runs at the same time
    assert "do not answer" in str(
        [one.data for one in client.read_artifacts() if one.flow_run_id == silent.state_details.flow_run_id]
    )
    assert "Figure 1" in str([one.data for one in client.read_artifacts() if one.flow_run_id == answered.id])


def test_schedules_and_limits_are_deployed(client: SyncPrefectClient) -> None:
    assert client.read_work_pool("diptych").concurrency_limit == RUNS
    nightly = client.read_deployment_by_name("ingest/nightly")
    assert [getattr(one.schedule, "cron", "") for one in nightly.schedules] == ["0 2 * * *"]
    assert nightly.global_concurrency_limit
    assert nightly.global_concurrency_limit.limit == 1
    assert nightly.concurrency_options
    assert nightly.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert nightly.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}]
    for name in ON_DEMAND:
        assert client.read_deployment_by_name(name).schedules == []
    weekly = client.read_deployment_by_name("sweep/sweep")
    assert [getattr(one.schedule, "cron", "") for one in weekly.schedules] == ["0 4 * * 0"]


def test_scheduled_runs_are_created(client: SyncPrefectClient) -> None:
    """The scheduler fails, in its log only, with some versions of SQLAlchemy that Prefect allows."""
    nightly = client.read_deployment_by_name("ingest/nightly")
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[nightly.id]))
    poll(lambda: any(run.auto_scheduled for run in client.read_flow_runs(flow_run_filter=mine)))


def test_every_deployment_has_the_name_and_parameters_of_its_flow(client: SyncPrefectClient) -> None:
    deployed = [one for one in client.read_deployments() if one.work_pool_name == "diptych"]  # not those of other files
    assert len(deployed) == len(DEPLOYMENTS)
    for one in deployed:
        assert one.entrypoint
        flow: Flow[..., Any] = load_flow_from_entrypoint(one.entrypoint)
        assert f"{flow.name}/{one.name}" in DEPLOYMENTS
        assert set(one.parameters) <= set(flow.parameters.properties)


def test_deploying_again_changes_nothing(client: SyncPrefectClient) -> None:
    assert len(client.read_automations()) == 4
    poll(lambda: len(apply_automations(client)) == 1)  # the server may still be writing what the fixture deployed
    (line,) = apply_automations(client)  # the block is created by its user
    assert line.endswith("notify about failed and partial runs: there is no block `diptych-notifications`")
    paused = client.read_automations()[0]
    client.pause_automation(paused.id)
    apply_automations(client)
    assert not client.read_automations_by_name(paused.name)[0].enabled
    client.resume_automation(paused.id)


def test_document_and_run_have_events(client: SyncPrefectClient, folder: Path) -> None:
    """Of the runs of the first test."""
    of_runs = {"event": {"prefix": ["diptych.run."]}, "resource": {"labels": {"diptych.store": str(folder / "store")}}}
    # Some of the runs may have found nothing new.
    poll(lambda: any(one["payload"]["complete"] for one in events(client, of_runs)))
    uri = (folder / "papers" / "leaflet.pdf").as_uri()
    of_document = {"resource": {"id": [f"diptych.document.{document_id(uri)}"]}}
    document = events(client, of_document)[0]
    assert document["event"] == "diptych.document.complete"
    assert document["resource"]["prefect.resource.name"].endswith("leaflet.pdf")
    assert document["payload"]["transient"] is False
    assert set(document["payload"]) == {"pages", "passages", "pictures", "seconds", "problems", "transient", "reason"}
    run = next(one for one in events(client, of_runs) if one["payload"]["complete"])
    assert (run["event"], run["resource"]["diptych.transient"]) == ("diptych.run.finished", "no")
    assert run["payload"]["failed"] == 0


def test_transient_failures_start_a_retry_later(client: SyncPrefectClient) -> None:
    labels = {"diptych.flow": "ingest", "diptych.store": "elsewhere", "diptych.transient": "yes"}
    resource = {"prefect.resource.id": "diptych.run.1", **labels}
    emit_event("diptych.run.finished", resource=resource, payload={"store": "elsewhere"})
    retry = client.read_deployment_by_name("retry/retry")
    mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[retry.id]))

    def retries() -> list[FlowRun]:  # runs of other files may fail temporarily, too
        found = client.read_flow_runs(flow_run_filter=mine)
        return [one for one in found if one.parameters["store"] == "elsewhere"]

    poll(lambda: bool(retries()))
    (run,) = retries()
    assert run.expected_start_time
    assert run.expected_start_time > datetime.now(UTC) + timedelta(minutes=10)
    client.delete_flow_run(run.id)


def events(client: SyncPrefectClient, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.request("POST", "/events/filter", json={"filter": chosen}).json()["events"]
    return found


def test_every_form_field_has_a_short_description(client: SyncPrefectClient) -> None:
    for name in DEPLOYMENTS:
        schema: Any = client.read_deployment_by_name(name).parameter_openapi_schema
        descriptions = [field.get("description", "") for field in schema["properties"].values()]
        assert all(0 < len(description.split()) <= 15 for description in descriptions), descriptions
    panels = client.read_deployment_by_name("query/query").parameter_openapi_schema
    assert panels
    assert panels["properties"]["panels"]["enum"] == ["both", "text", "image"]


def test_cancelled_run_leaves_no_process_behind(client: SyncPrefectClient, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    for number in range(200):  # each costs a program half a minute, after which it is killed
        write_photo(papers / f"{number}.png", str(number))
    run = start(client, "ingest/nightly", paths=[str(papers)], store=str(tmp_path / "store"))
    poll(lambda: any("sleep" in command_of(process) for process in processes_of(run)))
    started = processes_of(run)
    assert len(started) >= 3  # that of the flow, an extraction worker, and the program that it started
    client.set_flow_run_state(run, Cancelling())  # as the button in the UI does
    ended = wait(client, run)
    assert ended.state
    assert ended.state.type == StateType.CANCELLED
    poll(lambda: not any(map(is_alive, [*started, *processes_of(run)])))


def poll(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds."""
    deadline = time.monotonic() + RUN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def processes_of(run: UUID) -> list[psutil.Process]:
    """All processes with the environment of a flow run, whatever their parent is, and those below them."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("PREFECT__FLOW_RUN_ID") == str(run):
                found |= {process, *process.children(recursive=True)}
    return [process for process in found if is_alive(process)]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
