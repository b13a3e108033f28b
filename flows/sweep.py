"""The flow `sweep`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from diptych.settings import load_settings
from flows.support import maintenance_text as upkeep
from flows.support.open_stores import opened


@flow(name="sweep")
def sweep(store: str | None = None) -> State[Any]:
    """Remove points, pictures and old editions that no live document needs; safe beside a running ingest.

    Args:
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load_settings(store or None)
    with opened(settings) as diptych:
        swept = diptych.maintenance.sweep()
    message = upkeep.swept(swept)
    create_markdown_artifact(f"**{message}**\n\nStore: `{settings.store}`", key="sweep-report")
    return Completed(message=message, data=asdict(swept))
