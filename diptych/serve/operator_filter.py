"""The operator's filter, and what it leaves of a store."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from diptych.errors import QueryError, StoreError
from diptych.library.diptych import Diptych
from diptych.library.parts import Part
from diptych.search.query.plain_filters import KnownFields
from diptych.store.names import PART_FIELDS, find_ids, resolve_names
from diptych.store.register import DocumentRecord
from diptych.where import Expression, comparisons

SNAPSHOT_SECONDS = 10.0
"""How long pictures of deleted documents may stay available under an operator's filter."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the operator shows, as of a version of the register."""

    version: str
    moment: float
    documents: list[DocumentRecord]
    fields: KnownFields | None
    """The fields of these documents; None: those of the store."""
    pictures: frozenset[str] | None
    """Names of the pictures; None: all."""


class OperatorFilter:
    """A filter that holds for everything clients see; None shows everything. Thread-safe."""

    def __init__(self, library: Diptych, where: Expression | None) -> None:
        self._library, self._where = library, where
        fields = {one.field for one in comparisons(where)} if where else set()
        self._names_documents, self._selects_parts = "document" in fields, bool(fields & {*PART_FIELDS})
        self.selects_within_pages = bool(fields & {*PART_FIELDS} - {"page"})
        """Whether it may show some parts of a page and hide others."""
        self._resolved: tuple[str, Expression | None] = "", None
        """A version of the register, and the filter with the ids of the documents that it named then."""
        self._known: Snapshot | None = None

    def __bool__(self) -> bool:
        return self._where is not None

    @property
    def expression(self) -> Expression | None:
        """With ids instead of names, so that no error of a search names documents that clients must not know.

        Raises `StoreError` if a name is ambiguous by now.
        """
        if self._where is None or not self._names_documents:
            return self._where
        version = self._library.version
        if self._resolved[0] != version:
            try:
                self._resolved = version, self._resolve(self._where)
            except QueryError:
                raise StoreError(
                    "the filter of this server names a document ambiguously; start it again with the whole name"
                ) from None
        return self._resolved[1]

    def check(self) -> None:
        """Raises `QueryError` for an ambiguous name, to the operator; a store that does not exist yet has no names."""
        with suppress(StoreError):
            if self._where and self._names_documents:
                self._resolve(self._where)

    def _resolve(self, where: Expression) -> Expression:
        records = self._library.documents()
        return resolve_names(where, lambda name, part: find_ids(name, records, part=part))

    def snapshot(self) -> Snapshot:
        """With a filter, all parts of the store are read for it, so it is not made again for a few seconds."""
        known, version = self._known, self._library.version
        if known and (known.version == version or (self and time.monotonic() - known.moment < SNAPSHOT_SECONDS)):
            return known
        moment, documents, fields, pictures = time.monotonic(), self._library.documents(), None, None
        if self:
            parts = self._library.parts(None, self.expression)
            documents = self._shown(documents, parts)
            fields = KnownFields.of(record.fields for record in documents)
            pictures = frozenset(part.image.sha256 + part.image.suffix for part in parts if part.image)
        self._known = Snapshot(version, moment, documents, fields, pictures)
        return self._known

    def _shown(self, documents: Sequence[DocumentRecord], parts: Sequence[Part]) -> list[DocumentRecord]:
        """The documents with parts that are shown; nothing in their records is about other parts."""
        by_document: dict[str, list[Part]] = {}
        for part in parts:
            by_document.setdefault(part.document_id, []).append(part)
        shown = [record for record in documents if record.id in by_document]
        return [_about(record, by_document) for record in shown] if self._selects_parts else shown


def _about(record: DocumentRecord, by_document: Mapping[str, Sequence[Part]]) -> DocumentRecord:
    parts = by_document[record.id]
    pages = {part.page for part in parts}
    passages = sum(part.modality == "text" for part in parts)
    problems = tuple(one for one in record.problems if one.get("page") in pages)
    return replace(record, passages=passages, pictures=len(parts) - passages, problems=problems, notes=())
