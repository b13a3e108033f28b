"""One reading of the register that the steps of a run share."""

import time
from collections.abc import Sequence

from diptych.library.runtime import Runtime
from diptych.store.points import document_id
from diptych.store.register import DocumentRecord, list_records, load_records, seen_version
from extractors.addresses import place_uri
from extractors.types import Source

SCAN_SECONDS = 10.0
"""How old the reading may be. A document that needs work is read again when it is locked."""


class RegisterScan:
    """The documents of a store by id."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._scanned: tuple[float, str, dict[str, DocumentRecord]] = 0.0, "", {}
        """When the register was read, its version then, and its documents."""

    def documents(self, seconds: float = SCAN_SECONDS) -> dict[str, DocumentRecord]:
        """All documents, read at most `seconds` ago, and not before the last commit of this process."""
        store, (moment, version, records) = self._runtime.store(), self._scanned
        if time.monotonic() - moment > seconds or version != seen_version(store):
            moment, version = time.monotonic(), seen_version(store)
            records = {record.id: record for record in list_records(store)}
            self._scanned = moment, version, records
        return records

    def records_of(self, sources: Sequence[Source]) -> dict[str, DocumentRecord]:
        """The entries of these documents, and of those made from their pictures; may hold others too."""
        store, (moment, version, records) = self._runtime.store(), self._scanned
        if time.monotonic() - moment <= SCAN_SECONDS and version == seen_version(store):
            return records
        uris = (uri for one in sources for uri in (one.uri, *(place_uri(image) for image in one.images)))
        return load_records(store, map(document_id, uris))
