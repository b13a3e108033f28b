"""Flow `sweep`: remove unused data from a store."""

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.deployment.flow_settings import StoreChoice, flow_settings
from flows.output.wording import describe_sweep, escape_markdown
from flows.runs.run_states import ends_with_sentence, name_run, store_name
from flows.runs.shared_store import shared_diptych


@flow(name="sweep")
@ends_with_sentence
def sweep(store: StoreChoice = None) -> State[Any]:
    """Remove points, pictures and old editions that no document uses. Safe while documents are being ingested.

    The run is Partial if the store has lost parts of documents; the next ingest stores them again.

    Args:
        store: Folder, URL of a Qdrant server, or a block. Default: Variable `diptych_store`, else as configured.
    """
    settings = flow_settings(store)
    name_run(f"sweep {store_name(settings.store)}", settings.store)
    with shared_diptych(settings) as diptych:
        swept = diptych.maintenance.sweep()
    message = describe_sweep(swept, settings.store)
    create_markdown_artifact(f"**{escape_markdown(message)}**\n\nStore: `{settings.store}`", key="sweep-report")
    return Completed(name="Partial" if swept.incomplete else "Completed", message=message, data=asdict(swept))
