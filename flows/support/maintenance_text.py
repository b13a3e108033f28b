"""The state of a store and of its upkeep in words: `status`, `retry`, `sweep` and `reindex`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flows.support.text import diptych_command, pluralize

if TYPE_CHECKING:
    from diptych.pipeline.sweep import SweepReport
    from diptych.settings import Settings
    from diptych.store.register import DocumentRecord


def status_label(document: DocumentRecord) -> str:
    """`complete`, `partial`, `failed (transient)` or `failed (permanent)`."""
    if document.status != "failed":
        return document.status
    return "failed (transient)" if document.transient else "failed (permanent)"


def describe_missing(document: DocumentRecord) -> str:
    """Why a document failed, or which parts of it are missing; empty for a complete one."""
    if document.status == "failed":
        return document.error + ("; searches still find its last good version" if document.generation else "")
    parts = (f"page {one['page']}: {one['reason']}" if one.get("page") else one["reason"] for one in document.problems)
    return "; ".join(parts)


def suggest_fixes(documents: Sequence[DocumentRecord], store: str) -> Iterator[str]:
    """For each kind of incomplete documents, how many there are and the command that helps."""
    labels = [status_label(document) for document in documents]
    retry, retry_all = diptych_command("retry", store=store), diptych_command("retry", "--all", store=store)
    if count := labels.count("failed (transient)"):
        yield f"{count} failed temporarily: `{retry}` tries again, and so does every ingest"
    if count := labels.count("failed (permanent)"):
        delete = diptych_command("delete", "NAME", store=store)
        yield f"{count} failed permanently: fix the files and ingest them, or `{delete}`; `{retry_all}` tries again"
    if count := labels.count("partial"):
        yield f"{count} partial, with the missing parts listed: `{retry_all}` reads them again"


def nothing_to_retry(documents: Sequence[DocumentRecord], store: str) -> str:
    """Why a retry had nothing to do."""
    return f"nothing to retry: {'; '.join(suggest_fixes(documents, store)) or 'every document is complete'}"


def describe_sweep(swept: SweepReport) -> str:
    """`removed 3 points, 2 pictures, 1 old edition`."""
    counts = ((swept.points, "point"), (swept.pictures, "picture"), (swept.editions, "old edition"))
    parts = ", ".join(pluralize(count, noun) for count, noun in counts if count)
    return f"removed {parts}" if parts else "nothing to remove; unused pictures are kept for an hour"


def describe_reindex(encoded: int, settings: Settings) -> str:
    sweep = diptych_command("sweep", store=settings.store)
    return (
        f"rebuilt with {settings.encoder} ({settings.language}), {pluralize(encoded, 'part')} encoded; the old "
        f"edition is kept until `{sweep}`"
    )
