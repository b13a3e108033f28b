"""Documents whose files are gone are deleted from the store, unless suspiciously many are gone at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.support.text import diptych_command, pluralize

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.pipeline.removed_documents import FoundUris, RemovedDocuments
    from diptych.store.register import DocumentRecord
    from extractors.types import Source

MAX_REMOVED_SHARE = 0.25
"""Share of the covered documents above which a disk or folder that is not mounted is more likely than a clean-up."""
MAX_LISTED, MAX_NAMED = 10, 3


@dataclass(frozen=True, slots=True)
class Removals:
    """What a run did about documents whose files are gone."""

    deleted: tuple[DocumentRecord, ...] = ()
    unconfirmed: tuple[DocumentRecord, ...] = ()
    """Kept: too many are gone to delete them without confirmation."""
    warning: str = ""
    """Why they were kept, and how to delete them."""
    skipped: tuple[DocumentRecord, ...] = ()
    """Kept: their files exist but were not read."""

    def lines(self) -> Iterator[str]:
        """One line per deleted document, at most `MAX_LISTED` unconfirmed ones, and what to do about them."""
        for document in self.deleted:
            yield f"deleted    {document.name}: {removal_reason(document)}"
        for document in self.unconfirmed[:MAX_LISTED]:
            yield f"gone       {document.name}: {removal_reason(document)}"
        if self.unconfirmed:
            yield f"note       {self.warning}"
        if self.skipped:
            yield f"note       {self.describe_skipped()}"

    def describe_skipped(self) -> str:
        names = ", ".join(document.name for document in self.skipped[:MAX_NAMED])
        more = f" and {len(self.skipped) - MAX_NAMED:,} more" if len(self.skipped) > MAX_NAMED else ""
        stored = pluralize(len(self.skipped), "stored document")
        return f"{stored} skipped and kept: {names}{more}; `diptych delete NAME` deletes them"

    def records(self) -> Iterator[dict[str, object]]:
        """JSON records with the status `deleted`, or `gone` for the unconfirmed ones."""
        for status, documents in (("deleted", self.deleted), ("gone", self.unconfirmed)):
            for document in documents:
                yield {"uri": document.uri, "name": document.name, "status": status}


NO_REMOVALS = Removals()


def removal_reason(document: DocumentRecord) -> str:
    return "the row was removed from its catalogue" if "#" in document.uri else "its file is gone"


def delete_removed(
    diptych: Diptych,
    paths: Sequence[str],
    sources: Sequence[Source] | FoundUris,
    before: RemovedDocuments,
    confirmed: bool,
) -> Removals:
    """Delete the documents that were gone `before` the run and still are.

    Call it after the ingest, so that the new name of a renamed file can reuse the vectors of the old one. The share is
    that of before the run, so that newly ingested documents do not hide a loss.
    """
    if not before.documents:
        return Removals(skipped=before.skipped)
    count = len(before.documents)
    if count > 1 and before.share > MAX_REMOVED_SHARE and not confirmed:
        command = diptych_command("ingest", *paths, "--confirm-deletes", store=diptych.settings.store)
        warning = (
            f"{count} of {before.covered} documents are gone from their place, too many to delete without "
            f"confirmation. Check for a missing disk or folder; `{command}` deletes them"
        )
        return Removals(unconfirmed=before.documents, warning=warning, skipped=before.skipped)
    still_gone = {record.id for record in diptych.maintenance.find_removed(paths, sources).documents}
    removed = tuple(record for record in before.documents if record.id in still_gone)
    diptych.maintenance.remove(removed)
    return Removals(removed, skipped=before.skipped)
