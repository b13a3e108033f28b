"""What a store lacks: documents that failed or are partial, the reasons, the commands that mend them, another try."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from flows.support.shell import command

if TYPE_CHECKING:
    from diptych import Diptych, Outcome
    from diptych.store.register import DocumentRecord
    from extractors.types import Source


def kind(document: DocumentRecord) -> str:
    """`complete`, `partial`, `failed (transient)` or `failed (permanent)`."""
    if document.status != "failed":
        return document.status
    return "failed (transient)" if document.transient else "failed (permanent)"


def missing(document: DocumentRecord) -> str:
    """Why a document failed, or which of its places are missing; empty for a complete one."""
    if document.status == "failed":
        return document.error + ("; its last good version still answers" if document.generation else "")
    places = (f"page {one['page']}: {one['reason']}" if one.get("page") else one["reason"] for one in document.problems)
    return "; ".join(places)


def ways_out(documents: Sequence[DocumentRecord], store: str) -> Iterator[str]:
    """One sentence for each kind of trouble, with the command that mends it."""
    kinds = [kind(document) for document in documents]
    again, everything = command("retry", store=store), command("retry", "--all", store=store)
    if count := kinds.count("failed (transient)"):
        yield f"{count} failed for a reason that may pass: `{again}` tries again, and so does every ingest"
    if count := kinds.count("failed (permanent)"):
        delete = command("delete", "NAME", store=store)
        yield f"{count} failed for good: mend and ingest them, or `{delete}`; `{everything}` tries again"
    if count := kinds.count("partial"):
        yield f"{count} partial: what is missing is listed; `{everything}` reads them again"


def chosen(documents: Sequence[DocumentRecord], everything: bool) -> list[DocumentRecord]:
    """Those to try again: failed for a reason that may pass; `everything`: failed for good and partial ones as well."""
    return [d for d in documents if (d.status == "failed" and d.transient) or (everything and d.status != "complete")]


def sources(diptych: Diptych, documents: Sequence[DocumentRecord]) -> tuple[list[Source], list[Outcome]]:
    """The documents as they lie at their registered addresses now, a row through its catalogue, under the names they
    have in the store; and a failed outcome for each that cannot be met there."""
    from diptych import Outcome
    from diptych.errors import SourceError

    found: list[Source] = []
    lost: list[Outcome] = []
    files: dict[str, list[DocumentRecord]] = defaultdict(list)
    for document in documents:
        files[urldefrag(document.uri).url].append(document)
    for file, registered in files.items():
        reason = "its catalogue has that row no more"
        try:
            there = {source.uri: source for source in diptych.maintenance.find_sources([file]).sources}
        except SourceError as error:
            there, reason = {}, str(error)
        for document in registered:
            if document.uri in there:
                found.append(replace(there[document.uri], name=document.name))
            else:
                delete = command("delete", document.name, store=diptych.settings.store)
                error_text = f"{document.name}: cannot be read again: {reason}; `{delete}` removes it from the store"
                lost.append(Outcome(document.uri, document.name, "failed", error=error_text))
    return found, lost


def nothing_to_do(documents: Sequence[DocumentRecord], store: str) -> str:
    """Why a retry had nothing to do."""
    rest = "; ".join(ways_out(documents, store))
    return "nothing to retry" + (f": {rest}" if rest else ": every document is complete")
