"""Everything that the flows need on a Prefect server: work pool, deployments, blocks, Variables, automations."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Cancelling
from prefect.variables import Variable

from diptych.errors import SettingsError
from flows.support.automations import apply_automations
from flows.support.flow_settings import PATHS_VARIABLE, STORE_VARIABLE
from flows.support.store_block import DiptychStore
from flows.support.text import pluralize

POOL = "diptych"
OUR_POOL = WorkPoolFilter(name=WorkPoolFilterName(any_=[POOL]))
PROJECT_FILE = Path(__file__).parents[1] / "prefect.yaml"
DEPLOY_SECONDS = 600


def deploy(folder: Path, store: str | None = None, paths: Sequence[str] = ()) -> list[str]:
    """Bring the configured server up to date; the flows will run in `folder`. Returns one line for each change.

    `store` and `paths` become Variables, if given; Variables that exist keep their value otherwise. A prefect.yaml in
    `folder` takes precedence over ours. Raises `SettingsError`.
    """
    with get_client(sync_client=True) as client:
        lines = _create_pool(client)
        DiptychStore.register_type_and_schema()
        lines += _set_variables({STORE_VARIABLE: store, PATHS_VARIABLE: list(paths) or None})
        _create_deployments(folder)
        names = [one.name for one in client.read_deployments(work_pool_filter=OUR_POOL)]
        lines.append(f"deployed   {pluralize(len(names), 'deployment')}, to run in {folder}")
        return lines + apply_automations(client)


def _create_pool(client: SyncPrefectClient) -> list[str]:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        return [f"created    work pool {POOL}"]
    return []


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


def cancel_active_runs(seconds: float) -> list[str]:
    """Cancel the running and pending runs of our pool; wait until the worker has ended them. Returns their names."""
    active = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING]))
    )
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=active, work_pool_filter=OUR_POOL)
        for run in runs:
            client.set_flow_run_state(run.id, Cancelling(message="`diptych up` was stopped"))
        deadline = time.monotonic() + seconds
        waiting = [run.id for run in runs]
        while waiting and time.monotonic() < deadline:
            time.sleep(0.5)
            waiting = [one for one in waiting if not _has_ended(client, one)]
        for one in waiting:
            client.set_flow_run_state(one, Cancelled(message="`diptych up` was stopped"), force=True)
    return [run.name for run in runs]


def _has_ended(client: SyncPrefectClient, run: UUID) -> bool:
    state = client.read_flow_run(run).state
    return bool(state and state.is_final())
