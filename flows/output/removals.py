"""What a run did about documents whose files are gone, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from diptych.printable import first_names
from extractors.addresses import is_elsewhere, place_path
from extractors.formats import has_rows, is_archive, is_row
from flows.output.wording import pluralize

if TYPE_CHECKING:
    from diptych.store.register import DocumentRecord

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
            names = first_names([document.name for document in documents], MAX_NAMED)
            kept = f"{pluralize(len(documents), 'stored document')} skipped and kept: {names}"
            if file:
                yield f"{kept}; {place_path(file).name}: {self.unreadable[file]}"
            elif any(is_elsewhere(document.uri) for document in documents):
                yield kept  # their place may just not have answered: nobody should delete them because of that
            else:
                yield f"{kept}; `diptych delete NAME` deletes them"

    def records(self) -> Iterator[dict[str, object]]:
        """JSON records with the status `deleted`, or `gone` for the unconfirmed ones."""
        for status, documents in (("deleted", self.deleted), ("gone", self.unconfirmed)):
            for document in documents:
                yield {"uri": document.uri, "name": document.name, "status": status}


NO_REMOVALS = Removals()


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
