"""The flow `reindex`."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from diptych.settings import load_settings
from flows.support import maintenance_text as upkeep
from flows.support.open_stores import opened
from flows.support.spending import Spent


@flow(name="reindex")
def reindex(store: str | None = None) -> State[Any]:
    """Read everything that is stored anew, with the encoder and the language that the settings name now.

    Nothing is extracted again, and the store keeps answering as before until the new edition is whole. A run that
    died is taken up where it stopped.

    Args:
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load_settings(store or None)
    logger = get_run_logger()
    with opened(settings) as diptych:
        spent = Spent(diptych.meter, diptych.meter.usage())
        encoded = diptych.maintenance.reindex(lambda name: logger.info("read anew  %s", name))
    message = upkeep.reindexed(encoded, settings)
    page = [f"**{message}**", f"Store: `{settings.store}`", *(f"- `{line}`" for line in spent.lines)]
    create_markdown_artifact("\n\n".join(page), key="reindex-report")
    return Completed(message=message, data={"encoded": encoded, "usage": spent.numbers})
