"""Flow `reindex`: encode what is stored with the current settings."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.deployment.flow_settings import StoreChoice, flow_settings
from flows.output.wording import describe_reindex
from flows.runs.run_states import ends_with_sentence, name_run, store_name
from flows.runs.shared_store import RunUsage, shared_diptych


@flow(name="reindex")
@ends_with_sentence
def reindex(store: StoreChoice = None) -> State[Any]:
    """Rebuild the collections with the encoders and the language of the current settings.

    Nothing is extracted again. Searches use the old edition until the new one is complete. A run that was interrupted
    resumes where it stopped.

    Args:
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
    """
    settings = flow_settings(store)
    logger = get_run_logger()
    name_run(f"reindex {store_name(settings.store)}", settings.store)
    with shared_diptych(settings) as diptych:
        usage = RunUsage(diptych.meter)
        encoded = diptych.maintenance.reindex(lambda name: logger.info("reindexed  %s", name))
    message = describe_reindex(encoded, settings)
    page = [f"**{message}**", f"Store: `{settings.store}`", *(f"- `{line}`" for line in usage.lines)]
    create_markdown_artifact("\n\n".join(page), key="reindex-report")
    return Completed(message=message, data={"encoded": encoded, "usage": usage.numbers})
