"""Deletes the documents whose files are gone, unless suspiciously many are gone at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flows.output.removals import Removals
from flows.output.wording import diptych_command

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.pipeline.discovery.removed_documents import FoundUris, RemovedDocuments
    from extractors.types import Source

MAX_REMOVED_SHARE = 0.25
"""Share of the covered documents above which a disk or folder that is not mounted is more likely than a clean-up."""


def delete_removed(
    diptych: Diptych,
    paths: Sequence[str],
    sources: Sequence[Source] | FoundUris,
    before: RemovedDocuments,
    confirmed: bool,
) -> Removals:
    """Delete the documents that were gone `before` the run and still are.

    Call it after the ingest, so that the new name of a renamed file can reuse the vectors of the old one. The share is
    that of before the run, so that newly ingested documents do not hide a loss. Files that were moved are no loss.
    """
    if not before.documents:
        return Removals(skipped=before.skipped, unreadable=before.unreadable)
    now = diptych.maintenance.find_removed(paths, sources)
    moved = now.moved
    no_loss = moved.keys() | {record.id for record in before.documents if not record.generation}  # nothing was stored
    lost = tuple(record for record in before.documents if record.id not in no_loss)
    count = len(lost)
    unconfirmed = count > 1 and count / max(1, before.covered) > MAX_REMOVED_SHARE and not confirmed
    warning = ""
    if unconfirmed:
        command = diptych_command("ingest", *paths, "--confirm-deletes", store=diptych.settings.store)
        warning = (
            f"{count} of {before.covered} documents are gone from their place, too many to delete without "
            f"confirmation. Check for a missing disk or folder; `{command}` deletes them"
        )
    still_gone = {record.id for record in now.documents}
    chosen = still_gone & no_loss if unconfirmed else still_gone
    removed = tuple(record for record in before.documents if record.id in chosen)
    diptych.maintenance.remove(removed)
    return Removals(removed, lost if unconfirmed else (), warning, before.skipped, before.unreadable, moved)
