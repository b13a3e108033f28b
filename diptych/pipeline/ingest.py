"""One document: extract -> encode what is new -> commit. A bad one is quarantined: never lost, never in the way."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from diptych.captioners.caption import Captions
from diptych.captioners.captioner import Captioner
from diptych.errors import ProviderError
from diptych.models.meter import Account, track_charges
from diptych.pipeline.encode import encode_vectors, refused_places
from diptych.store.disk_space import check_disk_space
from diptych.store.points import DocumentDrafts, PointDraft, RequiredVector, document_id, draft_points
from diptych.store.register import DocumentRecord, load_record, write_record
from diptych.store.spaces import Spaces
from diptych.store.switch import (
    UpdatePlan,
    commit_document,
    delete_retired_points,
    plan_update,
    stage_points,
    vectors_by_hash,
    vectors_of_document,
)
from diptych.store.types import Collection, Store, in_batches
from diptych.vectors import Vector
from extractors.errors import ExtractionError
from extractors.formats import find_format
from extractors.types import Extraction, Options, Problem, Source

BATCH = 128  # points encoded before they are stored: what a kill may cost
Status = Literal["complete", "partial", "failed", "unchanged", "waiting"]
"""`waiting`: for a larger budget; nothing of it was stored."""


class Extractor(Protocol):
    """`extractors.sandbox.sandbox.Sandbox`, or anything that reads a document without taking this process down."""

    def extract(self, source: Source, options: Options, pictures: Path) -> Extraction: ...


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What every document goes through."""

    store: Store
    spaces: Spaces
    sandbox: Extractor
    options: Options
    pictures: Path
    """Folder of the picture store."""
    language: str = "english"
    captioner: Captioner | None = None
    check_keys: Callable[[], None] | None = None
    """Called before a document is taken apart: raises `ModelError` when a paid model's key is missing."""

    def fingerprint(self, source: Source) -> str:
        """Changes whenever the same bytes would give other parts. (How parts are read is bound to the whole store.)"""
        row = find_format(source.path)
        options = asdict(replace(self.options, tokenizer=None, pages=None))  # where they lie says nothing
        parts = [row.name if row else "", row.version if row else 0, options]
        if self.captioner:
            parts.append(self.captioner.fingerprint)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def check_disk_space(self) -> None:
        """Raises `StoreError` when a disk that is written to is full."""
        self.store.check_disk_space()
        check_disk_space(self.pictures)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one document."""

    uri: str
    name: str
    status: Status
    pages: int = 0
    passages: int = 0
    pictures: int = 0
    encoded: int = 0
    """Texts and pictures that went through an encoder; the others kept their vectors."""
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    error: str = ""


def needs_work(source: Source, before: DocumentRecord | None, pipeline: Pipeline, *, retry: bool = False) -> bool:
    """Is there work to do? Not when the register has the same bytes through the same pipeline.

    A document that failed for good, or is partial, has work only under `retry`.
    """
    if before is None or before.deleted or before.transient or (retry and before.status != "complete"):
        return True
    return (before.sha256, before.fingerprint) != (source.sha256, pipeline.fingerprint(source))


def ingest_document(source: Source, pipeline: Pipeline, *, retry: bool = False) -> Outcome:
    """Bring the store up to date with one document. Thread-safe for different documents.

    `retry`: try again what failed for good before, or is partial. A document that cannot be read gives an outcome, not
    an exception; what was stored of it stays visible.
    Raises `StoreError` and `ModelError`, which concern every document; of the latter, `BudgetReached` leaves the
    document as it was. A part that an encoder will not take leaves the document partial.
    """
    with pipeline.store.lock_document(document_id(source.uri)), track_charges() as account:
        return _ingest(source, pipeline, retry, account)


def _ingest(source: Source, pipeline: Pipeline, retry: bool, account: Account) -> Outcome:
    start = time.monotonic()
    identity = document_id(source.uri)
    before = load_record(pipeline.store, identity)
    if before and not needs_work(source, before, pipeline, retry=retry):
        delete_retired_points(pipeline.store, before)
        return _unchanged(before, time.monotonic() - start)
    record = DocumentRecord(
        id=identity,
        uri=source.uri,
        name=source.name,
        sha256=source.sha256,
        fingerprint=pipeline.fingerprint(source),
        fields=dict(source.fields),
        updated_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if pipeline.check_keys:
        pipeline.check_keys()
    pipeline.check_disk_space()
    try:
        extraction = pipeline.sandbox.extract(source, pipeline.options, pipeline.pictures)
        pipeline.check_disk_space()  # a picture that found no room would be told as one that is broken
        return _stored(extraction, record, pipeline, account, start)
    except ExtractionError as error:
        pipeline.check_disk_space()
        why, transient = str(error), error.transient
    except ProviderError as error:
        if not error.transient:  # the key, the account, the model: every other document would end here, too
            raise
        why, transient = f"{source.name}: not encoded: {error}; run again later", True
    record = replace(record, usage=account.charges)
    return _failed(pipeline.store, record, before, why, transient, time.monotonic() - start)


def waiting_outcome(source: Source, reason: str) -> Outcome:
    """Of a document that was left as it is, for a reason that concerns the whole run."""
    return Outcome(source.uri, source.name, "waiting", error=reason)


def _stored(
    extraction: Extraction, record: DocumentRecord, pipeline: Pipeline, account: Account, start: float
) -> Outcome:
    report = extraction.report
    told = pipeline.captioner.caption(extraction, pipeline.pictures) if pipeline.captioner else Captions(())
    made = draft_points(extraction, pipeline.spaces.encoding_config(pipeline.language), told.captions)
    record = replace(
        record,
        title=extraction.title,
        pages=report.pages,
        passages=len(extraction.passages),
        pictures=len(extraction.pictures),
        notes=report.notes,
    )
    work = _Encoding(pipeline, vectors_of_document(pipeline.store, record.id))
    to = plan_update(pipeline.store, record.id, *made)
    work.stage(to)
    if to.before:
        work.mend(made, to)
    problems = (*report.problems, *told.problems, *dict.fromkeys(work.problems))  # a page's image says the same
    record = replace(
        record,
        status="partial" if problems else "complete",
        # Where an encoder took nothing at all, it may be the settings and not this document: it is tried again.
        transient=bool(told.problems) or bool(work.problems and not work.encoded),
        problems=tuple(asdict(problem) for problem in problems),
        usage=account.charges,
    )
    commit_document(pipeline.store, record, to)
    return _outcome(record, time.monotonic() - start, work.encoded)


class _Encoding:
    """The vectors of one document, encoded and written batch by batch, so that a kill costs one batch."""

    def __init__(self, pipeline: Pipeline, held: dict[str, Vector]) -> None:
        """`held`: hash -> vector that is stored already: it is kept; what stands twice is encoded once."""
        self._pipeline, self._held = pipeline, held
        self._before = frozenset(held)
        self._refused: dict[str, str] = {}
        self.encoded = 0
        self.problems: list[Problem] = []

    def stage(self, to: UpdatePlan) -> None:
        """What is new, unseen until it is committed."""
        index = self._pipeline.store
        for panel, collection, new in (("text", index.text, to.text), ("images", index.images, to.images)):
            for batch in in_batches(new, BATCH):
                self._encode(panel, collection, batch)
                stage_points(collection, batch, self._held, to.generation)

    def mend(self, made: DocumentDrafts, to: UpdatePlan) -> None:
        """What was stored without a vector, because it was refused, gets one now if it can."""
        index, generation = self._pipeline.store, to.before.generation if to.before else 0
        for panel, collection, parts, new in (
            ("text", index.text, made.text, to.text),
            ("images", index.images, made.images, to.images),
        ):
            fresh = {draft.id for draft in new}
            lacking = [draft for draft in parts if draft.id not in fresh and self._lacks(draft)]
            for batch in in_batches(lacking, BATCH):
                self._encode(panel, collection, batch)
                whole = [draft for draft in batch if any(need.hash in self._held for need in draft.required_vectors)]
                stage_points(
                    collection, whole, self._held, generation
                )  # it says the same as before, and so may be seen

    def _lacks(self, draft: PointDraft) -> bool:
        return any(need.hash not in self._before for need in draft.required_vectors)

    def _encode(self, panel: str, collection: Collection, batch: Sequence[PointDraft]) -> None:
        held, wanted = self._held, {need.hash: need for draft in batch for need in draft.required_vectors}
        held.update(vectors_by_hash(collection, panel, sorted(wanted.keys() - held.keys())))  # of another document
        missing: list[RequiredVector] = [
            need for one, need in wanted.items() if one not in held and one not in self._refused
        ]
        self._pipeline.check_disk_space()  # before anything is paid that could not be kept
        done = encode_vectors(missing, self._pipeline.spaces, self._pipeline.pictures)
        held.update(done.vectors)
        self._refused |= done.refused
        self.encoded += len(done.vectors)
        self.problems += refused_places(batch, self._refused)


def _unchanged(record: DocumentRecord, seconds: float) -> Outcome:
    """What the register says of a document that needs no work; a quarantined one stays failed until it changes."""
    outcome = _outcome(record, seconds, 0)
    return outcome if record.status == "failed" else replace(outcome, status="unchanged")


def _failed(
    index: Store, record: DocumentRecord, before: DocumentRecord | None, why: str, transient: bool, seconds: float
) -> Outcome:
    """Quarantine: the reason is registered, the version that was there before stays what readers see."""
    kept = before if before and not before.deleted else record
    failed = replace(
        kept,
        sha256=record.sha256,
        fingerprint=record.fingerprint,
        status="failed",
        error=why,
        transient=transient,
        updated_at=record.updated_at,
        usage=record.usage,
    )
    write_record(index, failed)
    return _outcome(failed, seconds, 0)


def _outcome(record: DocumentRecord, seconds: float, encoded: int) -> Outcome:
    return Outcome(
        uri=record.uri,
        name=record.name,
        status=record.status,
        pages=record.pages,
        passages=record.passages,
        pictures=record.pictures,
        encoded=encoded,
        seconds=round(seconds, 3),
        problems=tuple(_problem(problem) for problem in record.problems),
        notes=record.notes,
        error=record.error,
    )


def _problem(stored: dict[str, Any]) -> Problem:
    return Problem(stored["reason"], stored.get("page"))
