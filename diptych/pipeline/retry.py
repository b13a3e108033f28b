"""Choose the documents that need another try, and find their sources again."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urldefrag

from diptych.errors import SourceError
from diptych.pipeline.discovery.sources import FoundSources
from diptych.pipeline.ingest import Outcome
from diptych.store.register import DocumentRecord, locked_record, write_record
from diptych.store.types import Store
from extractors.types import Source


@dataclass(frozen=True, slots=True)
class Retryable:
    """What a retry works on."""

    sources: tuple[Source, ...]
    lost: tuple[Outcome, ...]
    """A failed outcome for each document that is no longer at its registered address."""


def documents_to_retry(documents: Sequence[DocumentRecord], *, everything: bool = False) -> list[DocumentRecord]:
    """Documents that failed temporarily or exceeded a limit; with `everything`, all failed and partial documents."""
    return [
        document
        for document in documents
        if document.status != "complete"
        and (everything or document.limits or (document.status == "failed" and document.transient))
    ]


def find_retry_sources(
    documents: Sequence[DocumentRecord], find: Callable[[Sequence[str]], FoundSources]
) -> tuple[list[Source], list[tuple[DocumentRecord, str]]]:
    """Find each document at its registered address, under the name it has in the store.

    A catalogue row is found through its catalogue. `find`: `sources.find_sources` or a function like it.
    Returns the sources, and the documents without one, each with the reason.
    """
    files: dict[str, list[DocumentRecord]] = defaultdict(list)
    for document in documents:
        files[urldefrag(document.uri).url].append(document)
    sources: list[Source] = []
    unavailable: list[tuple[DocumentRecord, str]] = []
    for file, registered in files.items():
        reason = "the row was removed from its catalogue"
        try:
            found = {source.uri: source for source in find([file]).sources}
        except SourceError as error:
            found, reason = {}, str(error)
        for document in registered:
            if document.uri in found:
                sources.append(replace(found[document.uri], name=document.name))
            else:
                unavailable.append((document, reason))
    return sources, unavailable


def unavailable_outcome(document: DocumentRecord, reason: str) -> Outcome:
    error = f"{document.name}: cannot be read again: {reason}; restore the file, or delete it with `diptych delete`"
    return Outcome(document.uri, document.name, "failed", error=error, acknowledged=document.acknowledged)


def acknowledge_documents(store: Store, documents: Sequence[DocumentRecord], *, undo: bool) -> list[DocumentRecord]:
    """Mark failed and partial documents as acknowledged, or with `undo` as not; returns those that were changed."""
    changed = []
    for found in documents:
        with locked_record(store, found.id) as record:
            if record and record.status != "complete" and record.acknowledged == undo:
                changed.append(replace(record, acknowledged=not undo))
                write_record(store, changed[-1])
    return changed
