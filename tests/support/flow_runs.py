"""Flow runs in the tests: their results and artifacts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, State


def run_artifacts(state: State[Any]) -> dict[str | None, Artifact]:
    """Key -> artifact of the run that ended in `state`."""
    run = state.state_details.flow_run_id
    assert run
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        return {artifact.key: artifact for artifact in client.read_artifacts(artifact_filter=of_run)}


def run_async(flow_run: Awaitable[Any]) -> State[Any]:
    """The final state of an async flow called with `return_state=True`."""
    state: State[Any] = asyncio.run(_awaited(flow_run))
    return state


def async_result(state: State[Any]) -> Any:
    return asyncio.run(_awaited(state.aresult()))


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
