"""The flow that brings a store up to date with folders of documents: one task a document, a batch for small ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Completed, Failed
from pydantic import Field

from diptych.library.diptych import Diptych
from diptych.pipeline.ingest import Outcome
from diptych.pipeline.removed_documents import RemovedDocuments
from diptych.pipeline.sources import FoundSources
from diptych.settings import Settings, load_settings
from extractors.types import Source
from flows.support import ingest_report as report
from flows.support import ingest_task as documents
from flows.support.batching import batches
from flows.support.open_stores import opened
from flows.support.progress import watcher
from flows.support.removed_documents import NONE, Departures, settle
from flows.support.spending import Spent
from flows.support.task_runners import alone, stop_children, task_runner


@flow(name="ingest")
def ingest(
    paths: list[str],
    confirm_deletes: bool = False,
    store: str | None = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
) -> State[Any]:
    """Bring the store up to date with folders and files; only what is new or changed is done.

    Documents whose files are gone are deleted. The run ends as Completed, as Partial (places are missing, deletes wait
    to be confirmed, or documents wait for a larger budget; all are listed), or as Failed (documents are missing, and
    listed; all the others are in).

    Args:
        paths: Files and folders on the worker's machine, relative ones below the project's folder.
        confirm_deletes: Delete documents whose files are gone even when that is more than a quarter of those there.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
        budget: US dollars that paid models may cost in this run; what they would pass it with waits. Empty: no limit.
    """
    settings = load_settings(store or None)
    alone(settings, budget)
    with opened(settings, budget) as diptych:
        used = diptych.meter.usage()
        found = diptych.maintenance.find_sources(paths)
        watcher().found(len(found.sources), found.left_out)
        before = diptych.maintenance.find_removed(paths, found.sources)
        outcomes = ingest_all(found.sources, settings)
        departures = depart(diptych, paths, found, before, confirm_deletes)
        return conclude(outcomes, found.left_out, Spent(diptych.meter, used), settings, departures)


def depart(
    diptych: Diptych, paths: Sequence[str], found: FoundSources, before: RemovedDocuments, confirmed: bool
) -> Departures:
    """`settle`, told to the run's log and to whoever watches."""
    departures = settle(diptych, paths, found.sources, before, confirmed)
    watcher().settled(departures)
    for line in report.departed(departures):
        get_run_logger().warning("%s", line)
    return departures


def ingest_all(sources: Sequence[Source], settings: Settings, *, retry: bool = False) -> list[Outcome]:
    """Ingest within a flow run, in tasks. Whatever ends this early, no worker process outlives it."""
    here = settings.runner == "threads"
    # A task in a process of its own opens the store in its turn, and brings one worker.
    theirs = settings if here else settings.model_copy(update={"workers": 1})
    with opened(settings) if here else nullcontext() as diptych, task_runner(settings) as runner:
        try:
            futures = [
                runner.submit(
                    ingest_documents, {"label": label(batch), "sources": batch, "settings": theirs, "retry": retry}
                )
                for batch in batches(sources)
            ]
            outcomes = [outcome for future in as_completed(futures) for outcome in _outcomes(future, here)]
        except BaseException:
            # The runner waits for its tasks, and they for their workers: so the workers have to go first.
            if diptych:
                diptych.close()
            stop_children()
            raise
    with opened(settings) as diptych:
        diptych.maintenance.optimize_after(outcomes)
    return outcomes


@task(name="ingest documents", task_run_name="{label}", cache_policy=NO_CACHE, persist_result=False)
def ingest_documents(label: str, sources: list[Source], settings: Settings, retry: bool) -> State[Any]:
    """One document after the other; a bad one fails this task at its end and stops nothing."""
    outcomes = documents.ingest(sources, settings, retry)
    failed = any(outcome.status == "failed" for outcome in outcomes)
    return (Failed if failed else Completed)(message=report.sentence(outcomes), data=outcomes)


def label(batch: Sequence[Source]) -> str:
    """What a task is called in the UI."""
    return batch[0].name if len(batch) == 1 else f"{batch[0].name} and {len(batch) - 1} more"


def conclude(
    outcomes: Sequence[Outcome],
    left_out: Sequence[str],
    spent: Spent,
    settings: Settings,
    departures: Departures = NONE,
    waiting: int = 0,
) -> State[Any]:
    """The report as artifacts, and a final state that hides nothing. `waiting`: documents left for another run."""
    message = report.sentence(outcomes, departures) + (f"; {waiting} more wait for the next run" if waiting else "")
    page = report.markdown(outcomes, left_out, settings.store, departures, spent.lines)
    create_markdown_artifact(page, key="ingest-report")
    if why := report.stopped(outcomes):
        get_run_logger().warning("%s", why)
    create_table_artifact(report.rows(outcomes), key="ingest-documents", description=message)
    left = {"left_out": len(left_out), "deleted": len(departures.deleted), "gone": len(departures.kept)}
    counts = report.counts(outcomes)
    data = {**counts, **left, "waiting": waiting + counts["waiting"], "usage": spent.numbers}
    state = report.state(outcomes, departures)
    if state == "failed":
        return Failed(message=message, data=data)
    return Completed(name="Partial" if state == "partial" else "Completed", message=message, data=data)


def _outcomes(future: PrefectFuture[Any], reported: bool) -> list[Outcome]:
    """What a task's documents came to; what concerns them all (the store, the model) is raised."""
    result = future.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    outcomes: list[Outcome] = result
    if not reported:
        for outcome in outcomes:
            watcher().done(outcome)
    return outcomes
