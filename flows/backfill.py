"""The flow that brings in what was there before the schedule: as much as wanted, and failures again on request."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from diptych.settings import load
from flows.departures import NONE
from flows.handles import opened
from flows.ingest import conclude, depart, ingest_all
from flows.progress import watcher
from flows.selection import MOST, changed_since


@flow(name="backfill")
def backfill(
    paths: list[str],
    since: date | None = None,
    limit: Annotated[int, Field(ge=1)] | None = None,
    retry_failed: bool = False,
    confirm_deletes: bool = False,
    store: str | None = None,
) -> State[Any]:
    """Ingest what needs it, at most `limit` documents; run it again for the next ones.

    With neither `since` nor `limit`, documents whose files are gone are deleted.

    Args:
        paths: Files and folders on the worker's machine, relative ones below the project's folder.
        since: Only documents whose file was written on this day or later.
        limit: Most documents of this run; those that are already in do not count.
        retry_failed: Try again what failed for good before, or is partial.
        confirm_deletes: Delete documents whose files are gone even when that is more than a quarter of those there.
        store: Folder of the store or URL of a Qdrant server; empty: the one that the settings name.
    """
    settings = load(store or None)
    with opened(settings) as diptych:
        found = diptych.sources(paths)
        due = diptych.pending(changed_since(found.sources, since), retry=retry_failed)
        chosen = due[: MOST if limit is None else min(limit, MOST)]
        watcher().found(len(chosen), found.left_out)
        before = diptych.gone(paths, found.sources) if since is None and limit is None else None
        outcomes = ingest_all(chosen, settings, retry=retry_failed)
        departures = depart(diptych, paths, found, before, confirm_deletes) if before else NONE
        return conclude(outcomes, found.left_out, settings, departures, waiting=len(due) - len(chosen))
