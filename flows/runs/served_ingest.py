"""Ingests that clients of `diptych serve` start: in its own process, or as runs of a deployment in Prefect."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TYPE_CHECKING

from flows.output.ingest_report import IngestReport
from flows.runs.deletes import delete_removed

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.serve.jobs import Ingest, Job, JobStatus

POLL_SECONDS = 2.0
ENDS: dict[str, JobStatus] = {"Completed": "complete", "Partial": "partial"}
"""Name of a run's final state -> status of the job; any other has failed."""


def ingest_here(diptych: Diptych) -> Ingest:
    """Ingests into a store that is searched meanwhile, with one core left for the searches."""

    def ingest(paths: Sequence[str], job: Job, stopped: Event) -> JobStatus:
        maintenance = diptych.maintenance
        found = maintenance.find_sources(paths)
        job.total = len(found.sources)
        maintenance.store_skipped(paths, found)
        gone = maintenance.find_removed(paths, found.sources)
        outcomes = []
        # Not `ingest_sources`, which closes the store when it fails.
        pool = ThreadPoolExecutor(max(1, diptych.settings.workers - 1), thread_name_prefix="diptych-ingest")
        running = [pool.submit(maintenance.ingest_group, group) for group in maintenance.split(found.sources)]
        try:
            for future in as_completed(running):
                outcomes += future.result()
                for outcome in future.result():
                    job.on_outcome(outcome)
                if stopped.is_set():
                    job.message = "the server was stopped; the next ingest continues from here"
                    return "failed"
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        maintenance.optimize_after(outcomes)
        removals = delete_removed(diptych, paths, found.sources, gone, confirmed=False)
        report = IngestReport(outcomes, removals, found.skipped)
        job.message = "; ".join(filter(None, (report.summary, report.stop_reason, removals.warning)))
        return report.status

    return ingest


def ingest_in_prefect(store: str) -> Ingest:
    """Starts runs of the deployment `ingest/on-demand`, and waits for them. `store` as workers reach it."""

    def ingest(paths: Sequence[str], job: Job, stopped: Event) -> JobStatus:
        from flows.runs.local_prefect import local_prefect

        with local_prefect():
            from prefect.utilities.urls import url_for

            from flows.deployment.deploy import read_run, start_ingest

            run = start_ingest({"paths": list(paths), "store": store})
            job.run = url_for("flow-run", obj_id=run.id) or ""
            while not (run.state and run.state.is_final()) and not stopped.wait(POLL_SECONDS):
                run = read_run(run.id)
                message = run.state.message if run.state else ""
                job.message = f"{run.name}: {message or run.state_name or ''}"
        return ENDS.get(run.state_name or "", "failed")

    return ingest
