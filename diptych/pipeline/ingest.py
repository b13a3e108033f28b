"""Ingest one document: extract it, encode what is new, commit. A document that fails is quarantined."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from diptych.captioners.caption import Captions
from diptych.errors import ProviderError
from diptych.models.meter import Account, track_charges
from diptych.pipeline.pipeline import Pipeline, Prepared, needs_work
from diptych.pipeline.point_writer import PointWriter
from diptych.pipeline.stages import RunStage, Stages, run_directly
from diptych.store.copies import text_fingerprint
from diptych.store.points import document_id, draft_points
from diptych.store.register import DocumentRecord, load_records, locked_record, write_record
from diptych.store.switch import (
    commit_document,
    delete_document,
    delete_retired_points,
    plan_update,
)
from diptych.store.types import Store
from extractors.addresses import place_uri
from extractors.errors import ExtractionError, WorkerStopped
from extractors.formats import is_row
from extractors.timing import utc_now
from extractors.types import Extraction, Problem, Source

Status = Literal["complete", "partial", "failed", "unchanged", "waiting"]
"""`waiting`: the document needs a larger budget and was not touched."""
EMPTY = "contains neither text nor pictures"
"""A note about a document in which nothing was found, which would seem to be stored otherwise."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of ingesting one document."""

    uri: str
    name: str
    status: Status
    pages: int = 0
    passages: int = 0
    pictures: int = 0
    encoded: int = 0
    """Texts and pictures that were encoded; the others kept their vectors."""
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""
    acknowledged: bool = False
    """It failed or is partial, as somebody has acknowledged."""
    transient: bool = False
    """What is missing may succeed later, such as captions from a model that did not answer."""
    needs_action: bool = False
    """A person must do something first, such as adding a password."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage that was run."""
    usd: float = 0.0
    """US dollars that paid models with a known price have cost."""


def unchanged_outcome(
    source: Source, records: Mapping[str, DocumentRecord], pipeline: Pipeline, *, retry: bool = False
) -> Outcome | None:
    """The outcome of a document that needs nothing; None if it may need something.

    `records`: register entries by id, including those of documents made from the pictures of the source.
    """
    record = records.get(document_id(source.uri))
    made_from_pictures = any(document_id(place_uri(image)) in records for image in source.images)
    if record is None or record.retired or made_from_pictures or needs_work(source, record, pipeline, retry=retry):
        return None
    return _as_before(record)


def ingest_document(
    source: Source,
    pipeline: Pipeline,
    *,
    retry: bool = False,
    prepared: Prepared | None = None,
    run_stage: RunStage = run_directly,
) -> Outcome:
    """Bring the store up to date with one document. Thread-safe for different documents.

    `retry`: try again if it failed permanently or is partial. `prepared`: what `prepare_group` returned for it.
    `run_stage` runs each stage. A
    document that cannot be extracted returns a failed outcome, and its stored version stays visible. Parts that an
    encoder refuses leave the document partial. Raises `StoreError` and `ModelError` for failures that concern every
    document; after `BudgetReached` the document is as it was.
    """
    account, stages = prepared.account if prepared else None, Stages(run_stage)
    with (
        locked_record(pipeline.store, document_id(source.uri)) as before,
        track_charges(account) as account,
    ):
        outcome = _ingest(source, before, pipeline, retry, account, prepared, stages)
    usd = sum(charge.usd or 0.0 for charge in account.charges.values())
    outcome = replace(outcome, stages=stages.seconds, usd=usd)
    shows_pictures = outcome.status in ("complete", "partial", "unchanged") and outcome.pictures >= len(source.images)
    # After the lock is released, because two documents may share one.
    deleted = _delete_pictures_of_row(source, pipeline.store) if source.images and shows_pictures else []
    notes = (f"{name} is no longer a document of its own, because this row shows it" for name in deleted)
    return replace(outcome, notes=(*outcome.notes, *notes)) if deleted else outcome


def waiting_outcome(source: Source, reason: str) -> Outcome:
    """Of a document that was not touched, for a reason that concerns the whole run."""
    return Outcome(source.uri, source.name, "waiting", error=reason)


def _ingest(
    source: Source,
    before: DocumentRecord | None,
    pipeline: Pipeline,
    retry: bool,
    account: Account,
    prepared: Prepared | None,
    stages: Stages,
) -> Outcome:
    start = time.monotonic()
    if before and before.retired and not needs_work(source, before, pipeline, retry=retry):
        delete_retired_points(pipeline.store, before)
        before = replace(before, retired=())
    if before and (outcome := unchanged_outcome(source, {before.id: before}, pipeline, retry=retry)):
        return outcome
    reader = _Reader(source, before, pipeline, retry)
    try:
        extraction = prepared.extraction if prepared else stages.run("extract", reader.extract)
        if extraction is None:
            return reader.mark_as_seen()
        if isinstance(extraction, ExtractionError):
            raise extraction
        reader.sha256 = extraction.source.sha256
        captions = prepared.captions if prepared else _caption(extraction, pipeline, stages)
        return _store(extraction, captions, before, reader.record(), pipeline, account, stages, start)
    except ExtractionError as error:
        reason, transient, needs_action = str(error), error.transient, error.needs_action
        limits = str(pipeline.sandbox.limits) if isinstance(error, WorkerStopped) else ""
    except ProviderError as error:
        if not error.transient:  # the key, the account, the model: every other document would fail, too
            raise
        reason, transient, limits = f"{source.name}: not encoded: {error}; run again later", True, ""
        needs_action = False
    failed = replace(
        _quarantined(before, reader.record(), reason),
        transient=transient,
        needs_action=needs_action,
        limits=limits,
        usage=account.charges,
    )
    write_record(pipeline.store, failed, replaced=before.generation if before else 0)
    return _outcome(failed, start)


def _quarantined(before: DocumentRecord | None, record: DocumentRecord, reason: str) -> DocumentRecord:
    """What is registered of a failed document; the version that was there before stays visible."""
    return replace(
        before if before and not before.deleted else record,
        sha256=record.sha256,
        marker=record.marker,
        fingerprint=record.fingerprint,
        status="failed",
        error=reason,
        acknowledged=record.acknowledged,
        updated_at=record.updated_at,
    )


class _Reader:
    """Reads a document, and knows what the register says of its bytes then."""

    def __init__(self, source: Source, before: DocumentRecord | None, pipeline: Pipeline, retry: bool) -> None:
        self._source, self._before, self._pipeline, self._retry = source, before, pipeline, retry
        self.sha256 = source.sha256
        """Empty until the bytes are read."""

    def extract(self) -> Extraction | None:
        """The parts of the document; None if its bytes turn out to be those that were read before."""
        before, pipeline = self._before, self._pipeline
        with pipeline.places.opened(self._source) as local:
            self.sha256 = local.sha256
            if before and unchanged_outcome(local, {before.id: before}, pipeline, retry=self._retry):
                return None
            if pipeline.check_models:
                pipeline.check_models()
            return pipeline.extract(local)

    def mark_as_seen(self) -> Outcome:
        """The outcome of an unchanged document, which need not be read the next time."""
        before, marker = self._before, self._source.state.marker
        assert before
        if marker and marker != before.marker:
            before = replace(before, marker=marker)
            write_record(self._pipeline.store, before, replaced=before.generation)
        return _as_before(before)

    def record(self) -> DocumentRecord:
        """The register entry that the ingest begins with."""
        source, before = self._source, self._before
        return DocumentRecord(
            id=document_id(source.uri),
            uri=source.uri,
            name=source.name,
            sha256=self.sha256,
            marker=source.state.marker,
            fingerprint=self._pipeline.fingerprint(source),
            fields=dict(source.fields),
            images=tuple(place_uri(image) for image in source.images),
            acknowledged=bool(before and before.acknowledged and before.sha256 == self.sha256),
            updated_at=utc_now(),
        )


def _caption(extraction: Extraction, pipeline: Pipeline, stages: Stages) -> Captions:
    captioner = pipeline.captioner
    if captioner is None:
        return Captions(())
    return stages.run("caption", lambda: captioner.caption(extraction, pipeline.pictures))


def _store(
    extraction: Extraction,
    captions: Captions,
    before: DocumentRecord | None,
    record: DocumentRecord,
    pipeline: Pipeline,
    account: Account,
    stages: Stages,
    start: float,
) -> Outcome:
    report = extraction.report
    drafts = draft_points(extraction, pipeline.spaces.encoding_config(pipeline.language), captions.captions)
    plan = plan_update(pipeline.store, before, drafts)
    writer = PointWriter(pipeline, plan.vectors)
    stages.run("encode", lambda: writer.write(record.id, drafts, plan))
    unusable = [Problem(captions.unusable)] if captions.unusable else []
    refused = [captions.refused] if captions.refused else []
    problems = (*report.problems, *captions.problems, *unusable, *dict.fromkeys(writer.problems))  # some are repeated
    if is_row(record.name):
        problems = tuple(replace(problem, page=None) for problem in problems)
    record = replace(
        record,
        title=extraction.title,
        fields=dict(extraction.source.fields),
        language=drafts.language,
        text_fingerprint=text_fingerprint(passage.text for passage in extraction.passages),
        pages=report.pages,
        passages=len(extraction.passages),
        pictures=len(extraction.pictures),
        notes=(*report.notes, *refused, *([] if extraction.passages or extraction.pictures or problems else [EMPTY])),
        status="partial" if problems else "complete",
        # If an encoder refused everything, the cause may be the settings and not this document: it is retried.
        transient=bool(captions.problems) or bool(writer.problems and not writer.encoded),
        limits=str(pipeline.sandbox.limits) if report.worker_stopped else "",
        acknowledged=record.acknowledged and bool(problems),
        problems=tuple(asdict(problem) for problem in problems),
        usage=account.charges,
    )

    def commit() -> None:
        pipeline.save_pictures(drafts.images, plan.shown)
        commit_document(pipeline.store, record, plan)

    stages.run("commit", commit)
    return _outcome(record, start, writer.encoded)


def _delete_pictures_of_row(row: Source, store: Store) -> list[str]:
    """Delete documents made from the row's pictures before its catalogue was known; return their names."""
    documents = load_records(store, (document_id(place_uri(image)) for image in row.images)).values()
    for record in documents:
        delete_document(store, record)
    return [record.name for record in documents]


def _as_before(record: DocumentRecord) -> Outcome:
    outcome = _outcome(record, time.monotonic())
    return outcome if record.status == "failed" else replace(outcome, status="unchanged")


def _outcome(record: DocumentRecord, start: float, encoded: int = 0) -> Outcome:
    return Outcome(
        uri=record.uri,
        name=record.name,
        status=record.status,
        pages=record.pages,
        passages=record.passages,
        pictures=record.pictures,
        encoded=encoded,
        seconds=round(time.monotonic() - start, 3),
        problems=tuple(Problem(problem["reason"], problem.get("page")) for problem in record.problems),
        notes=record.notes,
        error=record.error,
        acknowledged=record.acknowledged,
        transient=record.transient,
        needs_action=record.needs_action,
    )
