"""Documents whose files are gone are deleted from the store, unless suspiciously many are gone at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from extractors.addresses import is_elsewhere, place_path
from extractors.formats import has_rows, is_archive, is_row
from flows.support.wording import diptych_command, pluralize

if TYPE_CHECKING:
    from diptych import Diptych
    from diptych.pipeline.discovery.removed_documents import FoundUris, RemovedDocuments
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
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """See `RemovedDocuments.unreadable`."""
    moved: Mapping[str, str] = field(default_factory=dict)
    """Id of a deleted document -> name of one with the same bytes, which was found."""

    def lines(self) -> Iterator[str]:
        """One line per deleted document, at most `MAX_LISTED` unconfirmed ones, and what to do about them."""
        for document in self.deleted:
            yield f"{'moved' if document.id in self.moved else 'deleted':<9}  {document.name}: {self.reason(document)}"
        for document in self.unconfirmed[:MAX_LISTED]:
            yield f"gone       {document.name}: {removal_reason(document)}"
        if len(self.unconfirmed) > MAX_LISTED:
            yield f"           and {len(self.unconfirmed) - MAX_LISTED:,} more"
        if self.unconfirmed:
            yield f"note       {self.warning}"
        for sentence in self.describe_skipped():
            yield f"note       {sentence}"

    def reason(self, document: DocumentRecord) -> str:
        """Why a document was deleted."""
        place = self.moved.get(document.id)
        return f"is now {place}" if place else removal_reason(document)

    def describe_skipped(self) -> Iterator[str]:
        """One sentence for each file that cannot be read, and one for all other skipped documents."""
        by_file: dict[str, list[DocumentRecord]] = defaultdict(list)
        for document in self.skipped:
            file = urldefrag(document.uri).url
            by_file[file if file in self.unreadable else ""].append(document)
        for file, documents in by_file.items():
            kept = f"{pluralize(len(documents), 'stored document')} skipped and kept: {_list_names(documents)}"
            damage = f"{place_path(file).name}: {self.unreadable[file]}" if file else ""
            yield f"{kept}; {damage or '`diptych delete NAME` deletes them'}"

    def records(self) -> Iterator[dict[str, object]]:
        """JSON records with the status `deleted`, or `gone` for the unconfirmed ones."""
        for status, documents in (("deleted", self.deleted), ("gone", self.unconfirmed)):
            for document in documents:
                yield {"uri": document.uri, "name": document.name, "status": status}


NO_REMOVALS = Removals()


def _list_names(documents: Sequence[DocumentRecord]) -> str:
    names = ", ".join(document.name for document in documents[:MAX_NAMED])
    return names + (f" and {len(documents) - MAX_NAMED:,} more" if len(documents) > MAX_NAMED else "")


def removal_reason(document: DocumentRecord) -> str:
    file, is_part, _ = document.uri.partition("#")
    path = place_path(file)
    if is_part and not is_elsewhere(file) and not path.exists():
        return f"{path.name} is gone"
    if is_row(document.uri):
        return "the row was removed from its catalogue"
    if is_part:
        return f"is no longer in {path.name}"
    could_not_be_read = document.status == "failed" and (is_archive(path) or has_rows(path))
    return "its file is gone" + " or can be read again" * could_not_be_read


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
