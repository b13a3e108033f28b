"""Flow `sweep`: remove unused data from a store."""

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from diptych.settings import load_settings
from flows.support.shared_store import shared_diptych
from flows.support.text import describe_sweep


@flow(name="sweep")
def sweep(store: str | None = None) -> State[Any]:
    """Remove points, pictures and old editions that no document uses. Safe while documents are being ingested.

    Args:
        store: Folder of the store, or URL of a Qdrant server. Default: as configured.
    """
    settings = load_settings(store or None)
    with shared_diptych(settings) as diptych:
        swept = diptych.maintenance.sweep()
    message = describe_sweep(swept)
    create_markdown_artifact(f"**{message}**\n\nStore: `{settings.store}`", key="sweep-report")
    return Completed(message=message, data=asdict(swept))
