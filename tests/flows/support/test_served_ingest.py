"""Ingests of `diptych serve` as runs of the deployment in Prefect."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Completed
from prefect.utilities.urls import url_for

from diptych.errors import SettingsError
from diptych.serve.jobs import Job
from flows.ingest import ingest
from flows.support import served_ingest
from flows.support.served_ingest import ingest_in_prefect

# Prefect leaves a socket to its server open when an event loop ends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class CompletesRun(Event):
    """Stands for the worker: when the job looks at its run for the first time, the run ends."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def wait(self, timeout: float | None = None) -> bool:
        with get_client(sync_client=True) as client:
            (run,) = [run for run in client.read_flow_runs() if url_for("flow-run", obj_id=run.id) == self._job.run]
            assert run.parameters["paths"] == ["/reports"]
            assert run.parameters["store"] == "/library"
            client.set_flow_run_state(run.id, Completed(message="3 documents: 3 complete"), force=True)
        return False


def test_job_follows_its_run(prefect_server: str) -> None:
    job, start = Job("1", ("reports",)), ingest_in_prefect("/library")
    deployment: Any = ingest.to_deployment("on-demand")  # typed as a coroutine, which it is in async functions only
    with pytest.raises(SettingsError, match="diptych deploy"):
        start(["/reports"], job, Event())
    deployment.apply()
    assert start(["/reports"], job, CompletesRun(job)) == "complete"
    assert job.message.endswith(": 3 documents: 3 complete")
    assert served_ingest.ENDS.get("Crashed") is None
