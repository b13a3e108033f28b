"""Ingests of `diptych serve` as runs of the deployment in Prefect."""

from __future__ import annotations

from threading import Event
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Completed

from diptych.errors import SettingsError
from diptych.serve.jobs import Job
from flows.deployment import deploy
from flows.ingest import ingest
from flows.runs import served_ingest
from flows.runs.served_ingest import ingest_in_prefect

# Prefect leaves a socket to its server open when an event loop ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class CompletesRun(Event):
    """Stands for the worker: when the job looks at its run for the first time, the run ends."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def wait(self, timeout: float | None = None) -> bool:
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(UUID(self._job.run.rpartition("/")[2]))
            assert run.parameters["paths"] == ["/reports"]
            assert run.parameters["store"] == "/library"
            client.set_flow_run_state(run.id, Completed(message="3 documents: 3 complete"), force=True)
        return False


def test_job_follows_its_run(prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "ON_DEMAND", "ingest/served")  # tests of deployments use the real one
    job, start = Job("1", ("reports",)), ingest_in_prefect("/library")
    deployment: Any = ingest.to_deployment("served")  # typed as a coroutine, which it is in async functions only
    with pytest.raises(SettingsError, match="diptych deploy"):
        start(["/reports"], job, Event())
    deployment.apply()
    assert start(["/reports"], job, CompletesRun(job)) == "complete"
    assert job.message.endswith(": 3 documents: 3 complete")
    assert served_ingest.ENDS.get("Crashed") is None
