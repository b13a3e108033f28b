"""The documents register: one entry per document, and the entry that binds the store to its encoders."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal, cast

from pydantic import TypeAdapter

from diptych.errors import StoreMismatch
from diptych.models.meter import Charge
from diptych.store.languages import AUTO, DEFAULT
from diptych.store.points import EncodingConfig
from diptych.store.types import (
    STORE_ID,
    VERSION_ID,
    Payload,
    Point,
    Store,
    current_edition,
    in_batches,
    language_id,
    small_facts,
)

STORE_FORMAT = 2
"""Of the stored points, in the register point `STORE_ID`. 1: BM25 read payload fields, not sparse vectors."""
READ_TOGETHER = 990
"""Register points that are read as of one moment."""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """One document in the register."""

    id: str
    uri: str
    name: str
    sha256: str = ""
    fingerprint: str = ""
    """Of the pipeline that made the points."""
    generation: int = 0
    """Points of a higher generation are not committed yet; 0: nothing is visible."""
    retired: tuple[str, ...] = ()
    """Ids of points that no longer count but may still be stored."""
    deleted: bool = False
    """The document is being deleted: none of its points count."""
    status: Literal["complete", "partial", "failed"] = "complete"
    error: str = ""
    transient: bool = False
    """Whether the failure may go away without a change to the document."""
    needs_action: bool = False
    """Whether a person must do something first, such as adding a password; every ingest tries again."""
    limits: str = ""
    """The limits of time and memory that the document, or pages of it, exceeded; tried again with other limits."""
    acknowledged: bool = False
    """Somebody knows that it failed or is partial: runs do not end as failed or partial because of it."""
    title: str = ""
    language: str = ""
    """In which its words are stemmed; empty if its last ingest was by an older version."""
    pages: int = 0
    passages: int = 0
    pictures: int = 0
    problems: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    updated_at: str = ""
    """ISO 8601, UTC."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    """Addresses of the pictures of a catalogue row."""
    marker: str = ""
    """See `FileState.marker`; of when its bytes were last read."""
    text_fingerprint: str = ""
    """See `copies.text_fingerprint`."""
    usage: Mapping[str, Charge] = field(default_factory=dict)
    """Requests of its last ingest to paid models, by model; answers from the ledger are not counted."""

    @property
    def reason(self) -> str:
        """The error without the name of the document, for where the name is shown already."""
        return self.error.removeprefix(f"{self.name}: ")

    def missing_parts(self) -> list[str]:
        """`page 3: …` for each part that could not be extracted or encoded."""
        return [f"page {one['page']}: {one['reason']}" if one.get("page") else one["reason"] for one in self.problems]

    def payload(self) -> Payload:
        stored = _record_type().dump_python(self, mode="json")
        for name in ("usage", "limits", "acknowledged", "needs_action", "images", "marker", "text_fingerprint"):
            if not stored[name]:  # as for most documents
                del stored[name]
        return cast(Payload, stored)

    @classmethod
    def of(cls, payload: Payload) -> DocumentRecord:
        return _record_type().validate_python(payload)


@cache
def _record_type() -> TypeAdapter[DocumentRecord]:
    return TypeAdapter(DocumentRecord)


def read_register(store: Store, ids: Iterable[str]) -> tuple[str, dict[str, Payload]]:
    """(version of the register, payloads of those of its points that exist); the version is that of the first points.

    The version changes with every commit: two equal values mean that nothing was committed in between.
    """
    found, wanted = dict[str, Payload](), sorted(set(ids))
    for batch in list(in_batches(wanted, READ_TOGETHER)) or [[]]:
        found = {point.id: point.payload for point in store.documents.retrieve([*small_facts(), *batch])} | found
    store.facts = {**store.facts, **{fact: found[fact] for fact in small_facts() if fact in found}}
    version = found.get(VERSION_ID, {"moment": ""})["moment"]
    return version, {id_: found[id_] for id_ in wanted if id_ in found}


def register_version(store: Store) -> str:
    """The version of the register, as of now."""
    return read_register(store, [])[0]


def seen_version(store: Store) -> str:
    """The version that was last read or written here. If it is still the same after some work, nothing was committed
    in the meantime."""
    return str(store.facts.get(VERSION_ID, {}).get("moment", "")) or register_version(store)


def load_records(store: Store, documents: Iterable[str]) -> dict[str, DocumentRecord]:
    """The register entries of those document ids that exist, by id."""
    return {id_: DocumentRecord.of(payload) for id_, payload in read_register(store, documents)[1].items()}


@contextmanager
def locked_record(store: Store, document: str) -> Iterator[DocumentRecord | None]:
    """Keep other ingests of a document out, and return its register entry if there is one.

    Raises `StoreMismatch` if the store was reindexed since it was opened.
    """
    with store.lock_document(document, [STORE_ID, document]) as points:
        found = {point.id: point.payload for point in points}
        if current_edition(found) != store.edition:
            raise StoreMismatch("the store was reindexed in the meantime; run again to continue with its new edition")
        yield DocumentRecord.of(found[document]) if document in found else None


def list_records(store: Store) -> list[DocumentRecord]:
    """All documents, sorted by name."""
    records = (DocumentRecord.of(point.payload) for point in store.documents.scroll() if "uri" in point.payload)
    return sorted((record for record in records if not record.deleted), key=lambda record: (record.name, record.uri))


def write_record(store: Store, record: DocumentRecord, *, replaced: int | None = None) -> None:
    """Write a register entry, its language and a new register version, in one write.

    `replaced`: the generation that is in the register, for the last write under the lock of the document, which it
    ends.
    """
    facts = {VERSION_ID: {"moment": uuid.uuid4().hex}}
    if record.language:
        facts[language_id(record.language)] = {"language": record.language}
    points = [*(Point(fact, payload) for fact, payload in facts.items()), Point(record.id, record.payload())]
    if replaced is None:
        store.documents.upsert(points)
    else:
        store.write_and_unlock(points, record.id, replaced)
    store.facts = {**store.facts, **facts}


def stored_languages(store: Store) -> tuple[str, ...]:
    """The languages of the documents, as last read; `DEFAULT` first if it is among them or there are none."""
    names = (store.facts[fact]["language"] for fact in small_facts()[1:] if fact in store.facts)
    return tuple(sorted(names, key=lambda name: (name != DEFAULT, name))) or (DEFAULT,)


def is_visible(payload: Payload, point: str, records: Mapping[str, DocumentRecord]) -> bool:
    """Whether a stored point counts: its document is live, its generation is committed and its id is not retired."""
    record = records.get(str(payload.get("document_id")))
    if record is None or record.deleted:
        return False
    return 0 < payload["generation"] <= record.generation and point not in record.retired


def document_states(documents: Iterable[str], records: Mapping[str, DocumentRecord]) -> dict[str, object]:
    """Document id -> what changes when the document is committed, cleared of retired points, renamed or deleted.

    One that was deleted and ingested again begins with the same generation as before.
    """
    found = ((id_, records.get(id_)) for id_ in documents)
    return {
        id_: (one.generation, one.retired, one.deleted, one.name, one.sha256, one.fingerprint) if one else None
        for id_, one in found
    }


def current_payload(payload: Payload, records: Mapping[str, DocumentRecord]) -> Payload:
    """A visible payload with the current name of its document, which may have been renamed."""
    name = records[payload["document_id"]].name
    return payload if payload["document"] == name else payload | {"document": name}


def write_binding(store: Store, edition: int, config: EncodingConfig) -> None:
    """Make `edition` the current one, built with these encoders and this language."""
    payload = {"edition": edition, "reading": asdict(config), "format": STORE_FORMAT}
    write_fact(store, STORE_ID, payload)
    store.publish(edition)


def write_fact(store: Store, fact: str, payload: Payload) -> None:
    """Write a register point that is not a document."""
    store.documents.upsert([Point(fact, payload)])
    store.facts = {**store.facts, fact: payload}


def stored_config(store: Store) -> EncodingConfig | None:
    """The encoders and the language that a store is bound to; None if it is new."""
    bound = _binding(store)
    return EncodingConfig(**bound["reading"]) if bound else None


def _binding(store: Store) -> Payload | None:
    return store.facts.get(STORE_ID) or read_register(store, [STORE_ID])[1].get(STORE_ID)


def bind_encoders(store: Store, config: EncodingConfig) -> str:
    """Bind a new store to its encoders and language. Raises `StoreMismatch` if it is bound to others, or unreadable.

    Returns the language: a store that was built in one language keeps it under `auto` until it is reindexed.
    """
    bound = _binding(store)
    if bound is None:
        # Another process may create the store at the same time, with an encoder that chose another precision.
        with store.lock_document(STORE_ID):
            bound = _binding(store)
            if bound is None:
                write_binding(store, store.edition, config)
                return config.language
    if (written := bound.get("format", 1)) > STORE_FORMAT:
        raise StoreMismatch(f"the store has format {written}, but this version reads format {STORE_FORMAT}; update it")
    if written < STORE_FORMAT:
        raise StoreMismatch(
            "the store was written by an earlier version; run `diptych reindex`, which upgrades it and reads no file"
        )
    built = EncodingConfig(**bound["reading"])
    if built != (replace(config, language=built.language) if config.language == AUTO else config):
        raise StoreMismatch(
            f"the store was built with {built}, but the settings name {config}; run `diptych reindex` to rebuild it "
            f"from what is stored, or change DIPTYCH_ENCODER, DIPTYCH_IMAGE_ENCODER, DIPTYCH_PAGE_ENCODER and "
            f"DIPTYCH_LANGUAGE back"
        )
    return built.language
