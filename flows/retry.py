"""The flow `retry`."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych.settings import load_settings
from flows.ingest import conclude, ingest_all
from flows.support import failed_documents as quarantine
from flows.support import ingest_report as report
from flows.support.open_stores import opened
from flows.support.progress import watcher
from flows.support.spending import Spent
from flows.support.task_runners import alone


@flow(name="retry")
def retry(
    everything: bool = False, store: str | None = None, budget: Annotated[float, Field(gt=0)] | None = None
) -> State[Any]:
    """Try again what failed for a reason that may pass, each document from its registered place.

    The run ends as Completed, Partial or Failed, as ingest does; what is lost for good is listed.

    Args:
        everything: Also documents that failed for good, and partial ones.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
        budget: US dollars that paid models may cost in this run; what they would pass it with waits. Empty: no limit.
    """
    settings = load_settings(store or None)
    alone(settings, budget)
    with opened(settings, budget) as diptych:
        used = diptych.meter.usage()
        documents = quarantine.chosen(diptych.documents(), everything)
        found, lost = quarantine.sources(diptych, documents)
        watcher().found(len(documents), [])
        for outcome in lost:
            watcher().done(outcome)
            get_run_logger().error("%s", report.line(outcome))
        outcomes = [*lost, *ingest_all(found, settings, retry=True)]
        return conclude(outcomes, [], Spent(diptych.meter, used), settings)
