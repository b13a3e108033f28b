"""What ranking reads of stored points, kept in memory, because reading a payload takes longer than ranking it.

A point never changes, and a document of which the register entry is the same as before shows the same points.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from diptych.memory import usable_memory
from diptych.search.ranking.ranking_inputs import Part, make_part
from diptych.store.register import DocumentRecord, is_visible, seen_version
from diptych.store.register_cache import RegisterCache
from diptych.store.types import Payload, Store

Records = Mapping[str, DocumentRecord]
Kept = tuple[DocumentRecord, Part]
"""A part, and the register entry with which it was found to count."""
PART_BYTES = 1740
"""Of a part, on average."""
MAX_PARTS = usable_memory() // 16 // PART_BYTES
"""600,000 on a machine with 16 GiB."""
STEP = 512
"""Points that are read ahead at once, in about 15 ms: another process may wait for the store meanwhile."""


class PartCache:
    """Parts that count. Shared by threads."""

    def __init__(self) -> None:
        self.register = RegisterCache()
        self._kept: dict[str, Kept] = {}
        self._documents: dict[str, tuple[DocumentRecord, set[str]]] = {}
        """Id of a document -> its register entry, and the ids of its parts that are kept."""
        self._reads_ahead = False

    def find(self, ids: Iterable[str]) -> dict[str, Kept]:
        """Those that are kept; they only count if `are_current`."""
        return {id_: kept for id_ in ids if (kept := self._kept.get(id_))}

    def are_current(self, found: Mapping[str, Kept], records: Records) -> bool:
        """Whether the documents of these parts have the same register entries as before; drops the others."""
        changed = []
        for id_, (record, part) in found.items():
            current = records.get(record.id)
            if current is not record:  # which is quicker than comparing them
                if current == record:
                    self._kept[id_] = current, part
                else:
                    changed.append(id_)
        self._drop(changed)
        return not changed

    def keep(self, parts: Mapping[str, Part], records: Records) -> None:
        """`records`: with which `parts` were found to count."""
        if len(self._kept) + len(parts) > MAX_PARTS:
            self._drop(list(self._kept)[: MAX_PARTS // 16])
        for id_, part in parts.items():
            record = records[part.place[0]]
            self._ids(record).add(id_)
            self._kept[id_] = record, part

    def _ids(self, record: DocumentRecord) -> set[str]:
        """Ids of a document's parts that are kept; those of an earlier version are dropped."""
        known, ids = self._documents.get(record.id, (record, set[str]()))
        if known is not record and known != record:
            self._drop(list(ids))
            ids = set()
        self._documents[record.id] = record, ids
        return ids

    def _drop(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            if kept := self._kept.pop(id_, None):
                _, of_document = self._documents.get(kept[0].id, (None, set[str]()))
                of_document.discard(id_)

    def read_ahead(self, store: Store, language: str) -> None:
        """Read all points while nobody waits for the store, as long as there is room for them."""
        if not self._reads_ahead:
            self._reads_ahead = True
            store.in_background(self._read_all(store, language))

    def _read_all(self, store: Store, language: str) -> Iterator[None]:
        points = chain(store.text.scroll(), store.images.scroll())
        while len(self._kept) < MAX_PARTS - STEP:
            version = seen_version(store)
            payloads = {point.id: point.payload for point in islice(points, STEP)}
            if not payloads:
                return
            documents = {payload["document_id"] for payload in payloads.values()}
            records = self.register.records_at(version, store, documents)
            if records is not None:  # else there were commits meanwhile
                self.keep(visible_parts(payloads, records, language), records)
            yield


def visible_parts(payloads: Mapping[str, Payload], records: Records, language: str) -> dict[str, Part]:
    """The parts that count, from their payloads by id."""
    return {
        id_: make_part(payload, records[payload["document_id"]], language)
        for id_, payload in payloads.items()
        if is_visible(payload, id_, records)
    }
