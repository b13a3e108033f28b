"""Flow `ingest`: bring a store up to date with folders of documents, one task per document."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych.settings import Runner
from extractors.page_range import PATTERN
from flows.deployment.flow_settings import StoreChoice, flow_paths
from flows.output.progress import current_listener
from flows.runs.ingest_tasks import delete_removed_documents, finish_run, ingest_in_tasks, ingest_run
from flows.runs.run_states import describe_paths, ends_with_sentence, name_run


@flow(name="ingest")
@ends_with_sentence
def ingest(
    paths: list[str] | None = None,
    confirm_deletes: bool = False,
    store: StoreChoice = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
    include: list[str] | None = None,
    exclude: list[str] | None = None,
    runner: Runner | None = None,
    pages: Annotated[str, Field(pattern=PATTERN)] | None = None,
) -> State[Any]:
    """Bring the store up to date with files and folders. Only new and changed documents are processed.

    Documents whose files are gone are deleted. The run ends as Completed; as Partial if parts of documents are missing,
    or documents wait for a larger budget or for their deletion to be confirmed; or as Failed if documents failed. The
    report lists all of these.

    Args:
        paths: Files and folders on the worker's machine. Default: Variable `diptych_paths`.
        confirm_deletes: Delete documents whose files are gone, even more than a quarter of them.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
        budget: Maximum spend on paid models in US dollars; other documents wait for the next run.
        include: Only read files that match one of these patterns, as in .gitignore. Default: as configured.
        exclude: Skip files and folders that match one of these patterns. Default: as configured.
        runner: Where the tasks work: threads, processes, or a Dask or Ray cluster. Default: as configured.
        pages: Only read these pages of each document: 7, 1-50 or 51-. Default: all.
    """
    with ingest_run(store, budget, include, exclude, runner, pages) as (diptych, usage):
        paths = flow_paths(paths)
        name_run(f"ingest {describe_paths(paths)}", diptych.settings.store)  # the number of documents follows
        found = diptych.maintenance.find_sources(paths)
        name_run(f"ingest {describe_paths(paths)} ({len(found.sources)})", diptych.settings.store)
        current_listener().on_sources(len(found.sources), found.skipped)
        diptych.maintenance.store_skipped(paths, found)
        gone = diptych.maintenance.find_removed(paths, found.sources)
        outcomes = ingest_in_tasks(diptych, found.sources)
        removals = delete_removed_documents(diptych, paths, found.sources, gone, confirm_deletes)
        return finish_run(outcomes, found.skipped, usage, diptych.settings, removals)
