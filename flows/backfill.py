"""The flow that brings in what was there before the schedule: as much as wanted, and failures again on request."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych.settings import load
from flows.handles import opened
from flows.ingest import conclude, ingest_all
from flows.progress import watcher
from flows.selection import MOST, changed_since


@flow(name="backfill")
def backfill(
    paths: list[str],
    since: date | None = None,
    limit: Annotated[int, Field(ge=1)] | None = None,
    retry_failed: bool = False,
    store: str | None = None,
) -> State[Any]:
    """Ingest what needs it, at most `limit` documents; run it again for the next ones.

    Args:
        paths: Files and folders on the worker's machine, relative ones below the project's folder.
        since: Only documents whose file was written on this day or later.
        limit: Most documents of this run; those that are already in do not count.
        retry_failed: Try again what failed for good before.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load(store or None)
    with opened(settings) as diptych:
        found = diptych.sources(paths)
        due = diptych.pending(changed_since(found.sources, since), retry=retry_failed)
        chosen = due[: MOST if limit is None else min(limit, MOST)]
        watcher().found(len(chosen), found.left_out)
        outcomes = ingest_all(chosen, settings, retry=retry_failed)
        return conclude(outcomes, found.left_out, settings, waiting=len(due) - len(chosen))
