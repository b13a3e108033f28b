"""The documents register: one entry per document, and the entry that binds the store to its encoders."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from pydantic import TypeAdapter

from diptych.errors import StoreMismatch
from diptych.models.meter import Charge
from diptych.store.languages import AUTO, DEFAULT, known_languages
from diptych.store.points import EncodingConfig
from diptych.store.types import NAMESPACE, STORE_ID, Collection, Payload, Point, Store, current_edition
from diptych.where import Expression

STORE_FORMAT = 2
"""Of the stored points, in the register point `STORE_ID`. 1: BM25 read payload fields, not sparse vectors."""
VERSION_ID = str(uuid.uuid5(NAMESPACE, "clock"))
"""The register point whose value changes with every write to the register. It is not a document."""


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
    usage: Mapping[str, Charge] = field(default_factory=dict)
    """Requests of its last ingest to paid models, by model; answers from the ledger are not counted."""

    def payload(self) -> Payload:
        stored = _record_type().dump_python(self, mode="json")
        for name in ("usage", "limits", "acknowledged", "images"):
            if not stored[name]:  # as for most documents
                del stored[name]
        return cast(Payload, stored)

    @classmethod
    def of(cls, payload: Payload) -> DocumentRecord:
        return _record_type().validate_python(payload)


@cache
def _record_type() -> TypeAdapter[DocumentRecord]:
    return TypeAdapter(DocumentRecord)


def load_record(store: Store, document: str) -> DocumentRecord | None:
    """The register entry of a document id."""
    return load_records(store, [document]).get(document)


def load_records(store: Store, documents: Iterable[str]) -> dict[str, DocumentRecord]:
    """The register entries of those document ids that exist, by id."""
    return {point.id: DocumentRecord.of(point.payload) for point in store.documents.retrieve(sorted(set(documents)))}


def list_row_pictures(store: Store) -> dict[str, tuple[str, ...]]:
    """Address of each catalogue row in the store -> addresses of its pictures."""
    return {record.uri: record.images for record in list_records(store) if record.images}


def list_records(store: Store) -> list[DocumentRecord]:
    """All documents, sorted by name."""
    records = (DocumentRecord.of(point.payload) for point in store.documents.scroll() if "uri" in point.payload)
    return sorted((record for record in records if not record.deleted), key=lambda record: (record.name, record.uri))


def write_record(store: Store, record: DocumentRecord) -> None:
    """Write a register entry, its language and a new register version, in one write."""
    points = [Point(VERSION_ID, {"moment": uuid.uuid4().hex}), Point(record.id, record.payload())]
    if record.language:
        points.append(Point(_language_id(record.language), {"language": record.language}))
    store.documents.upsert(points)


def _language_id(language: str) -> str:
    """The register point that shows that the store has documents in a language. It is not a document."""
    return str(uuid.uuid5(NAMESPACE, f"language {language}"))


def register_version(store: Store) -> str:
    """A value that changes with every commit; two equal values mean that nothing was committed in between."""
    return str(next((point.payload["moment"] for point in store.documents.retrieve([VERSION_ID])), ""))


class RegisterCache:
    """Register entries, read once per register version.

    A caller must check after its work that `register_version` still returns the version it started with.
    """

    def __init__(self) -> None:
        self._cached: tuple[str, dict[str, DocumentRecord]] = "", {}  # replaced as one value: threads share it
        self._languages: tuple[str, tuple[str, ...]] = "", (DEFAULT,)

    def records_at(self, version: str, store: Store, documents: Set[str]) -> Mapping[str, DocumentRecord]:
        """The entries of those `documents` that exist, by id; may hold others too."""
        cached_version, records = self._cached
        if cached_version != version:
            records = {}
            self._cached = version, records
        if missing := documents - records.keys():
            records.update(load_records(store, missing))
        return records

    def languages(self, store: Store) -> tuple[str, ...]:
        """The languages of the documents, `DEFAULT` first if it is among them or there are none."""
        with store.hold():
            version = register_version(store)
            if self._languages[0] != version:
                points = store.documents.retrieve(list(map(_language_id, known_languages())))
                names = sorted(
                    (point.payload["language"] for point in points), key=lambda name: (name != DEFAULT, name)
                )
                self._languages = version, tuple(names) or (DEFAULT,)
        return self._languages[1]


def is_visible(payload: Payload, point: str, records: Mapping[str, DocumentRecord]) -> bool:
    """Whether a stored point counts: its document is live, its generation is committed and its id is not retired."""
    record = records.get(str(payload.get("document_id")))
    if record is None or record.deleted:
        return False
    return 0 < payload["generation"] <= record.generation and point not in record.retired


def visible_points(store: Store, collection: Collection, where: Expression | None = None) -> list[Point]:
    """The points that count, sorted by id, with the current name of their document."""
    points = sorted(collection.scroll(where), key=lambda point: point.id)
    records = load_records(store, {point.payload["document_id"] for point in points})
    return [
        replace(point, payload=current_payload(point.payload, records))
        for point in points
        if is_visible(point.payload, point.id, records)
    ]


def current_payload(payload: Payload, records: Mapping[str, DocumentRecord]) -> Payload:
    """A visible payload with the current name of its document, which may have been renamed."""
    return payload | {"document": records[payload["document_id"]].name}


def write_binding(store: Store, edition: int, config: EncodingConfig) -> None:
    """Make `edition` the current one, built with these encoders and this language."""
    payload = {"edition": edition, "reading": asdict(config), "format": STORE_FORMAT}
    store.documents.upsert([Point(STORE_ID, payload)])
    store.publish(edition)


def bind_encoders(store: Store, config: EncodingConfig) -> str:
    """Bind a new store to its encoders and language. Raises `StoreMismatch` if it is bound to others, or unreadable.

    Returns the language: a store that was built in one language keeps it under `auto` until it is reindexed.
    """
    bound = next(iter(store.documents.retrieve([STORE_ID])), None)
    if bound is None:
        write_binding(store, store.edition, config)
        return config.language
    if (written := bound.payload.get("format", 1)) > STORE_FORMAT:
        raise StoreMismatch(f"the store has format {written}, but this version reads format {STORE_FORMAT}; update it")
    if written < STORE_FORMAT:
        raise StoreMismatch(
            "the store was written by an earlier version; run `diptych reindex`, which upgrades it and encodes nothing"
        )
    built = EncodingConfig(**bound.payload["reading"])
    if built != (replace(config, language=built.language) if config.language == AUTO else config):
        raise StoreMismatch(
            f"the store was built with {built}, but the settings name {config}; run `diptych reindex` to rebuild it "
            f"from what is stored, or change DIPTYCH_ENCODER, DIPTYCH_IMAGE_ENCODER and DIPTYCH_LANGUAGE back"
        )
    return built.language


def check_edition(store: Store) -> None:
    """Raises `StoreMismatch` if the store was reindexed since it was opened."""
    if current_edition(store.documents.retrieve([STORE_ID])) != store.edition:
        raise StoreMismatch("the store was reindexed in the meantime; run again to continue with its new edition")


def local_path(uri: str) -> str:
    """The path of a `file:` URI with its fragment; any other URI unchanged."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    return unquote(parts.path) + (f"#{unquote(parts.fragment)}" if parts.fragment else "")


def is_below(roots: Iterable[str], place: str) -> bool:
    """Whether a path is one of `roots`, a file below it, or a row of it."""
    return any(place == root or place.startswith((f"{root}/", f"{root}#")) for root in roots)
