"""Everything that the flows need on a Prefect server: work pool, deployments, blocks, Variables, automations."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import yaml  # type: ignore[import-untyped]
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments import run_deployment
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled
from prefect.variables import Variable

from diptych.errors import SettingsError
from diptych.settings import load_settings
from flows.deployment.flow_settings import PATHS_VARIABLE, STORE_VARIABLE
from flows.deployment.prefect_limits import create_limits
from flows.deployment.store_block import DiptychStore
from flows.output.wording import pluralize

POOL = "diptych"
OUR_POOL = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
PROJECT_FILE = Path(__file__).parents[1] / "prefect.yaml"
AUTOMATIONS_FILE = Path(__file__).parents[1] / "automations.yaml"
ON_DEMAND = "ingest/on-demand"
"""The deployment that ingests what was asked for."""
DEPLOY_SECONDS = 600


def deploy(folder: Path, store: str | None = None, paths: Sequence[str] = (), limit: int | None = None) -> list[str]:
    """Bring the configured server up to date; the flows will run in `folder`. Returns one line for each change.

    `store` and `paths` become Variables, if given; Variables that exist keep their value otherwise. `limit`: runs of
    the pool at the same time. A prefect.yaml in `folder` takes precedence over ours. Raises `SettingsError`.
    """
    with get_client(sync_client=True) as client:
        lines = _create_pool(client, limit)
        DiptychStore.register_type_and_schema()
        lines += _set_variables({STORE_VARIABLE: store, PATHS_VARIABLE: list(paths) or None})
        lines += create_limits(client, load_settings().prefect_limits)
        _create_deployments(folder)
        names = [one.name for one in client.read_deployments(work_pool_filter=OUR_POOL)]
        lines.append(f"deployed   {pluralize(len(names), 'deployment')}, to run in {folder}")
        return lines + apply_automations(client)


def _create_pool(client: SyncPrefectClient, limit: int | None) -> list[str]:
    """The pool has the limit: a worker with `--limit` ends when a run is resumed before its process has ended."""
    lines = []
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        lines.append(f"created    work pool {POOL}")
    if limit:
        client.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=limit))
    return lines


def _set_variables(values: dict[str, str | list[str] | None]) -> list[str]:
    lines = []
    for name, value in values.items():
        if value is not None and Variable.get(name) != value:
            Variable.set(name, value, overwrite=True)
            lines.append(f"set        Variable {name}")
    return lines


def _create_deployments(folder: Path) -> None:
    """Run `prefect deploy`, which has no function to call."""
    own = folder / PROJECT_FILE.name
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    ended = subprocess.run(
        [*command, "--prefect-file", str(own if own.is_file() else PROJECT_FILE)],
        cwd=folder,
        env=os.environ | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEPLOY_SECONDS,
    )
    if ended.returncode:
        raise SettingsError(f"`prefect deploy` failed: {_last_line(ended.stderr) or _last_line(ended.stdout)}")


def _last_line(text: str) -> str:
    return next((line.strip(" │") for line in reversed(text.splitlines()) if line.strip(" │╰╯─")), "")


def cancel_runs(killed: Collection[UUID]) -> list[str]:
    """Set runs that were killed, and those of our pool that had not started yet, to Cancelled. Returns their names."""
    unfinished = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING]))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=unfinished), work_pool_filter=OUR_POOL)
        runs = [run for run in found if run.id in killed or run.state_type == StateType.PENDING]
        for run in runs:
            client.set_flow_run_state(run.id, Cancelled(message="the worker was stopped"), force=True)
    return [run.name for run in runs]


def start_ingest(parameters: dict[str, Any]) -> FlowRun:
    """Start a run of the deployment `ingest/on-demand`. Raises `SettingsError` if there is none."""
    try:
        started = run_deployment(ON_DEMAND, parameters=parameters, as_subflow=False, timeout=0)
    except ObjectNotFound as error:
        raise SettingsError(
            f"the Prefect server has no deployment {ON_DEMAND}; create it with `diptych deploy`"
        ) from error
    return cast(FlowRun, started)


def read_run(run: UUID) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run)


def apply_automations(client: SyncPrefectClient) -> list[str]:
    """Create and update those of automations.yaml on a server that has the deployments. Twice changes nothing.

    Returns a line for each change.
    """
    lines = []
    blocks = {block.name: block.id for block in client.read_block_documents(include_secrets=False) if block.name}
    for template in yaml.safe_load(AUTOMATIONS_FILE.read_text("utf-8"))["automations"]:
        missing = [
            action["block"] for action in template["actions"] if action.get("block", None) not in {None, *blocks}
        ]
        if missing:
            lines.append(f"left out   {template['name']}: there is no block `{missing.pop()}`")
            continue
        if change := _apply(client, _resolve(client, template, blocks)):
            lines.append(f"{change:<10} {template['name']}")
    return lines


def _apply(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """What was done; empty if nothing was necessary."""
    known = client.read_automations_by_name(wanted.name)
    if not known:
        client.create_automation(wanted)
        return "created"
    wanted.enabled = known[0].enabled
    if _content(known[0]) == _content(wanted):
        return ""
    client.update_automation(known[0].id, wanted)
    return "updated"


def _content(automation: AutomationCore) -> dict[str, Any]:
    """What the template determines, without the ids and times that the server adds.

    Sets stay sets: as JSON, their order would differ from one process to the next.
    """
    return automation.model_dump(
        include={"name", "description", "enabled", "trigger", "actions"}, exclude={"trigger": {"id"}}
    )


def _resolve(client: SyncPrefectClient, template: Mapping[str, Any], blocks: Mapping[str, Any]) -> AutomationCore:
    """A template with the ids of its deployments and blocks."""
    actions = []
    for action in template["actions"]:
        resolved = dict(action)
        if name := resolved.pop("deployment", None):
            resolved |= {"source": "selected", "deployment_id": client.read_deployment_by_name(name).id}
        if name := resolved.pop("block", None):
            resolved["block_document_id"] = blocks[name]
        actions.append(resolved)
    return AutomationCore.model_validate({**template, "actions": actions})
