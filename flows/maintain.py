"""The flows that keep a store in order: another try for what failed, leftovers swept up, other encoders."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from diptych.settings import load
from flows import quarantine, report, upkeep
from flows.handles import opened
from flows.ingest import conclude, ingest_all
from flows.progress import watcher
from flows.runners import alone
from flows.usage import Spent


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
    settings = load(store or None)
    alone(settings, budget)
    with opened(settings, budget) as diptych:
        used = diptych.meter.used()
        documents = quarantine.chosen(diptych.documents(), everything)
        found, lost = quarantine.sources(diptych, documents)
        watcher().found(len(documents), [])
        for outcome in lost:
            watcher().done(outcome)
            get_run_logger().error("%s", report.line(outcome))
        outcomes = [*lost, *ingest_all(found, settings, retry=True)]
        return conclude(outcomes, [], Spent(diptych.meter, used), settings)


@flow(name="sweep")
def sweep(store: str | None = None) -> State[Any]:
    """Remove points, pictures and old editions that no live document needs; safe beside a running ingest.

    Args:
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load(store or None)
    with opened(settings) as diptych:
        swept = diptych.sweep()
    message = upkeep.swept(swept)
    create_markdown_artifact(f"**{message}**\n\nStore: `{settings.store}`", key="sweep-report")
    return Completed(message=message, data=asdict(swept))


@flow(name="reindex")
def reindex(store: str | None = None) -> State[Any]:
    """Read everything that is stored anew, with the encoder and the language that the settings name now.

    Nothing is extracted again, and the store keeps answering as before until the new edition is whole. A run that
    died is taken up where it stopped.

    Args:
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load(store or None)
    logger = get_run_logger()
    with opened(settings) as diptych:
        spent = Spent(diptych.meter, diptych.meter.used())
        encoded = diptych.reindex(lambda name: logger.info("read anew  %s", name))
    message = upkeep.reindexed(encoded, settings)
    page = [f"**{message}**", f"Store: `{settings.store}`", *(f"- `{line}`" for line in spent.lines)]
    create_markdown_artifact("\n\n".join(page), key="reindex-report")
    return Completed(message=message, data={"encoded": encoded, "usage": spent.numbers})
