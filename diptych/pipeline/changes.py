"""Whether a document must be processed again."""

from diptych.pipeline.pipeline import Pipeline
from diptych.store.register import DocumentRecord
from extractors.types import Source


def needs_work(source: Source, before: DocumentRecord | None, pipeline: Pipeline, *, retry: bool = False) -> bool:
    """Whether a document must be ingested.

    Its bytes or the pipeline changed, it failed temporarily, or it exceeded limits that have changed. A document that
    is stored as a whole is left so when only some pages are read.

    `retry`: also if it failed permanently or is partial.
    """
    if before is None or before.deleted or before.transient or (retry and before.status != "complete"):
        return True
    if before.limits and before.limits != str(pipeline.sandbox.limits):
        return True
    accepted = pipeline.fingerprint(source), pipeline.fingerprint(source, whole=True)
    return not _has_bytes_of(before, source) or before.fingerprint not in accepted


def _has_bytes_of(before: DocumentRecord, source: Source) -> bool:
    """Whether a document was made from the bytes that the source has now, as far as that is known without reading."""
    marker = source.state.marker
    return before.sha256 == source.sha256 if source.sha256 else bool(marker) and before.marker == marker
