"""Files that an ingest did not read: their names and reasons, kept in the store for `diptych status`."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diptych.places.roots import Root, parse_root
from diptych.printable import first_names
from diptych.store.register import read_register, write_fact
from diptych.store.types import SKIPPED_ID, Payload, Store
from extractors.addresses import escape_bytes, is_elsewhere

MAX_NAMES = 5
"""Files that a sentence about skipped files names."""
MAX_STORED = 1000


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file, folder or catalogue row that is not read."""

    path: str
    reason: str
    unreachable: bool = False
    """Whether its place did not answer, so that nobody knows which documents are missing."""

    @property
    def place(self) -> str:
        """Its absolute path, or its URI. What stands after `#` is a name inside the file, and no path."""
        file, mark, member = self.path.partition("#")
        absolute = file if is_elsewhere(file) else os.path.abspath(file)  # noqa: PTH100 - `Path` keeps `..`
        return absolute + mark + member

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def describe_skipped(skipped: Iterable[SkippedFile]) -> list[str]:
    """One sentence per reason, with the names of the first files."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in skipped:
        by_reason[one.reason].append(one.path)
    return [f"{first_names(paths, MAX_NAMES)}: {reason}" for reason, paths in by_reason.items()]


def load_skipped(store: Store) -> list[SkippedFile]:
    """The files that the last ingest of each path skipped, with absolute paths; at most `MAX_STORED`."""
    return _skipped_files(read_register(store, [SKIPPED_ID])[1])


def _skipped_files(facts: Mapping[str, Payload]) -> list[SkippedFile]:
    return [SkippedFile(path, reason) for path, reason in facts.get(SKIPPED_ID, {"skipped": []})["skipped"]]


def store_skipped(store: Store, paths: Sequence[str | Path], skipped: Iterable[SkippedFile]) -> None:
    """Replace what is stored about files below `paths`, which an ingest has just walked."""
    roots = [_absolute(parse_root(path)) for path in paths]
    found = [SkippedFile(escape_bytes(one.place), escape_bytes(one.reason)) for one in skipped]
    if not found and not any(_is_below(roots, one.path) for one in _skipped_files(store.facts)):
        return  # as usual, and a look at the list is spared
    before = load_skipped(store)
    after = [*found, *(one for one in before if not _is_below(roots, one.path))][:MAX_STORED]
    if set(after) != set(before):
        write_fact(store, SKIPPED_ID, {"skipped": [[one.path, one.reason] for one in after]})


def _absolute(root: Root) -> Root:
    """With an address as it is stored: absolute, and text."""
    address = root.address if root.is_elsewhere else os.path.abspath(root.address)  # noqa: PTH100
    return replace(root, address=escape_bytes(address))


def _is_below(roots: Iterable[Root], place: str) -> bool:
    return any(root.covers(place) for root in roots)
