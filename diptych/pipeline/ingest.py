"""Ingest one document: extract it, encode what is new, commit. A document that fails is quarantined."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from diptych.captioners.caption import Captions
from diptych.errors import ProviderError
from diptych.models.meter import Account, track_charges
from diptych.pipeline.encode import encode_vectors, refused_places
from diptych.pipeline.pipeline import Pipeline, Prepared
from diptych.pipeline.stages import RunStage, Stages, run_directly
from diptych.store.points import DocumentDrafts, PointDraft, document_id, draft_points
from diptych.store.register import DocumentRecord, load_record, load_records, write_record
from diptych.store.switch import (
    UpdatePlan,
    commit_document,
    delete_document,
    delete_retired_points,
    plan_update,
    stage_points,
    vectors_by_hash,
    vectors_of_document,
)
from diptych.store.types import Collection, Store, in_batches
from diptych.vectors import Vector
from extractors.errors import ExtractionError, WorkerStopped
from extractors.types import Extraction, Problem, Source

BATCH = 128  # points encoded before they are stored: the most that a kill can lose
Status = Literal["complete", "partial", "failed", "unchanged", "waiting"]
"""`waiting`: the document needs a larger budget and was not touched."""


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
    """What is missing may succeed by itself later, such as captions from a model that did not answer."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each stage that was run."""
    usd: float = 0.0
    """US dollars that paid models with a known price have cost."""


def needs_work(source: Source, before: DocumentRecord | None, pipeline: Pipeline, *, retry: bool = False) -> bool:
    """Whether a document must be ingested.

    Its bytes or the pipeline changed, it failed temporarily, or it exceeded limits that have changed.

    `retry`: also if it failed permanently or is partial.
    """
    if before is None or before.deleted or before.transient or (retry and before.status != "complete"):
        return True
    if before.limits and before.limits != str(pipeline.sandbox.limits):
        return True
    return (before.sha256, before.fingerprint) != (source.sha256, pipeline.fingerprint(source))


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
    with pipeline.store.lock_document(document_id(source.uri)), track_charges(account) as account:
        outcome = _ingest(source, pipeline, retry, account, prepared, stages)
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
    source: Source, pipeline: Pipeline, retry: bool, account: Account, prepared: Prepared | None, stages: Stages
) -> Outcome:
    start = time.monotonic()
    store = pipeline.store
    before = load_record(store, document_id(source.uri))
    if before and not needs_work(source, before, pipeline, retry=retry):
        delete_retired_points(store, before)
        outcome = _outcome(before, start)
        return outcome if before.status == "failed" else replace(outcome, status="unchanged")
    record = DocumentRecord(
        id=document_id(source.uri),
        uri=source.uri,
        name=source.name,
        sha256=source.sha256,
        fingerprint=pipeline.fingerprint(source),
        fields=dict(source.fields),
        images=tuple(image.as_uri() for image in source.images),
        acknowledged=bool(before and before.acknowledged and before.sha256 == source.sha256),
        updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if pipeline.check_models:
        pipeline.check_models()
    try:
        extraction = prepared.extraction if prepared else stages.run("extract", lambda: pipeline.extract(source))
        if isinstance(extraction, ExtractionError):
            raise extraction
        captions = prepared.captions if prepared else _caption(extraction, pipeline, stages)
        return _store(extraction, captions, record, pipeline, account, stages, start)
    except ExtractionError as error:
        reason, transient = str(error), error.transient
        limits = str(pipeline.sandbox.limits) if isinstance(error, WorkerStopped) else ""
    except ProviderError as error:
        if not error.transient:  # the key, the account, the model: every other document would fail, too
            raise
        reason, transient, limits = f"{source.name}: not encoded: {error}; run again later", True, ""
    # Quarantine: register the reason; the version that was there before stays visible.
    failed = replace(
        before if before and not before.deleted else record,
        sha256=record.sha256,
        fingerprint=record.fingerprint,
        status="failed",
        error=reason,
        transient=transient,
        limits=limits,
        acknowledged=record.acknowledged,
        updated_at=record.updated_at,
        usage=account.charges,
    )
    write_record(store, failed)
    return _outcome(failed, start)


def _caption(extraction: Extraction, pipeline: Pipeline, stages: Stages) -> Captions:
    captioner = pipeline.captioner
    if captioner is None:
        return Captions(())
    return stages.run("caption", lambda: captioner.caption(extraction, pipeline.pictures))


def _store(
    extraction: Extraction,
    captions: Captions,
    record: DocumentRecord,
    pipeline: Pipeline,
    account: Account,
    stages: Stages,
    start: float,
) -> Outcome:
    report = extraction.report
    drafts = draft_points(extraction, pipeline.spaces.encoding_config(pipeline.language), captions.captions)
    writer = _PointWriter(pipeline, vectors_of_document(pipeline.store, record.id))
    plan = plan_update(pipeline.store, record.id, *drafts)
    stages.run("encode", lambda: writer.write(drafts, plan))
    problems = (*report.problems, *captions.problems, *dict.fromkeys(writer.problems))  # a page's image has the same
    record = replace(
        record,
        title=extraction.title,
        language=drafts.language,
        pages=report.pages,
        passages=len(extraction.passages),
        pictures=len(extraction.pictures),
        notes=report.notes,
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
    documents = load_records(store, (document_id(image.as_uri()) for image in row.images)).values()
    for record in documents:
        with store.lock_document(record.id):
            delete_document(store, record)
    return [record.name for record in documents]


class _PointWriter:
    """Encodes and writes the points of one document batch by batch, so that a kill loses at most one batch."""

    def __init__(self, pipeline: Pipeline, vectors: dict[str, Vector]) -> None:
        """`vectors`: stored vectors of the document by hash, which are reused."""
        self._pipeline, self._vectors = pipeline, vectors
        self._stored_hashes = frozenset(vectors)
        self._refused: dict[str, str] = {}
        self.encoded = 0
        self.problems: list[Problem] = []

    def write(self, drafts: DocumentDrafts, plan: UpdatePlan) -> None:
        """Encode and store the points of a new version, which nobody sees yet."""
        self._stage_new_points(plan)
        if plan.before:
            self._complete_stored_points(drafts, plan, plan.before.generation)

    def _stage_new_points(self, plan: UpdatePlan) -> None:
        for name, drafts in (("text", plan.text), ("images", plan.images)):
            for batch in in_batches(drafts, BATCH):
                self._encode(name, batch)
                stage_points(self._collection(name), batch, self._vectors, plan.generation)

    def _complete_stored_points(self, drafts: DocumentDrafts, plan: UpdatePlan, generation: int) -> None:
        """Encode again what was stored without a vector because an encoder refused it."""
        new = {draft.id for draft in (*plan.text, *plan.images)}
        for name, parts in (("text", drafts.text), ("images", drafts.images)):
            incomplete = [draft for draft in parts if draft.id not in new and self._is_incomplete(draft)]
            for batch in in_batches(incomplete, BATCH):
                self._encode(name, batch)
                encoded = [d for d in batch if any(required.hash in self._vectors for required in d.required_vectors)]
                # The content is the same as before, so the points may be visible at once.
                stage_points(self._collection(name), encoded, self._vectors, generation)

    def _is_incomplete(self, draft: PointDraft) -> bool:
        return any(required.hash not in self._stored_hashes for required in draft.required_vectors)

    def _encode(self, name: str, batch: Sequence[PointDraft]) -> None:
        vectors, required = self._vectors, {one.hash: one for draft in batch for one in draft.required_vectors}
        # Vectors of other documents with the same content.
        vectors.update(vectors_by_hash(self._collection(name), name, sorted(required.keys() - vectors.keys())))
        missing = [one for hash, one in required.items() if hash not in vectors and hash not in self._refused]
        self._pipeline.check_disk_space()  # before paying for anything that could not be stored
        result = encode_vectors(missing, self._pipeline.spaces, self._pipeline.pictures)
        vectors.update(result.vectors)
        self._refused |= result.refused
        self.encoded += len(result.vectors)
        self.problems += refused_places(batch, self._refused)

    def _collection(self, name: str) -> Collection:
        return self._pipeline.store.text if name == "text" else self._pipeline.store.images


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
    )
