"""Register entries in memory."""

from collections.abc import Mapping, Set

from diptych.store.copies import CopyGroups
from diptych.store.register import DocumentRecord, read_register
from diptych.store.types import Store


class RegisterCache:
    """Register entries, read once per register version."""

    def __init__(self) -> None:
        # Replaced as one value: threads share it.
        self._cached: tuple[str, dict[str, DocumentRecord], CopyGroups] = "", {}, CopyGroups()

    @property
    def copies(self) -> CopyGroups:
        """Of the entries that were read last."""
        return self._cached[2]

    def records_at(self, version: str, store: Store, documents: Set[str]) -> Mapping[str, DocumentRecord] | None:
        """The entries of those `documents` that exist, by id; may hold others too.

        None if `version`, with which the caller started its work, is no longer that of the register.
        """
        cached_version, records, copies = self._cached
        if cached_version != version:
            records, copies = {}, CopyGroups()
        current, found = read_register(store, documents - records.keys())
        if current != version:
            return None
        parsed = {id_: DocumentRecord.of(payload) for id_, payload in found.items()}
        records.update(parsed)
        copies.add(parsed.values())
        self._cached = version, records, copies
        return records
