"""Flow `retry`: ingest failed documents again."""

from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych.settings import Runner
from flows.deployment.flow_settings import StoreChoice
from flows.output.ingest_report import outcome_line
from flows.output.progress import current_listener
from flows.runs.ingest_tasks import finish_run, ingest_in_tasks, ingest_run
from flows.runs.run_states import ends_with_sentence, name_run


@flow(name="retry")
@ends_with_sentence
def retry(
    everything: bool = False,
    store: StoreChoice = None,
    budget: Annotated[float, Field(gt=0)] | None = None,
    runner: Runner | None = None,
) -> State[Any]:
    """Retry documents that failed temporarily or exceeded a limit, from the places where they are registered.

    The run ends as Completed, Partial or Failed, as `ingest` does. Documents that no longer exist are listed as failed.

    Args:
        everything: Also retry documents that failed permanently or are partial.
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
        budget: Maximum spend on paid models in US dollars; other documents wait for the next run.
        runner: Where the tasks work: threads, processes, or a Dask or Ray cluster. Default: as configured.
    """
    with ingest_run(store, budget, runner=runner) as (diptych, usage):
        found = diptych.maintenance.find_retryable(everything=everything)
        name_run(f"retry ({len(found.sources) + len(found.lost)})", diptych.settings.store)
        current_listener().on_sources(len(found.sources) + len(found.lost), [])
        for outcome in found.lost:
            current_listener().on_outcome(outcome)
            get_run_logger().error("%s", outcome_line(outcome))
        outcomes = [*found.lost, *ingest_in_tasks(diptych, found.sources, retry=True)]
        return finish_run(outcomes, [], usage, diptych.settings)
