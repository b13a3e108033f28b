"""Files that an ingest did not read: their names and reasons, kept in the store for `diptych status`."""

import os
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from diptych.store.register import is_below, local_path
from diptych.store.types import NAMESPACE, Point, Store

MAX_NAMES = 5
"""Files that a sentence about skipped files names."""
MAX_STORED = 1000
SKIPPED_ID = str(uuid.uuid5(NAMESPACE, "skipped"))
"""The register point that lists skipped files. It is not a document."""


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file, folder or catalogue row that is not read."""

    path: str
    reason: str

    @property
    def place(self) -> str:
        """Its absolute path."""
        return os.path.abspath(self.path)  # noqa: PTH100 - `Path` keeps `..`

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def describe_skipped(skipped: Iterable[SkippedFile]) -> list[str]:
    """One sentence per reason, with the names of the first files."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in skipped:
        by_reason[one.reason].append(one.path)
    return [f"{_list_names(paths)}: {reason}" for reason, paths in by_reason.items()]


def _list_names(paths: Sequence[str]) -> str:
    more = len(paths) - MAX_NAMES
    return ", ".join(paths[:MAX_NAMES]) + (f" and {more:,} more" if more > 0 else "")


def load_skipped(store: Store) -> list[SkippedFile]:
    """The files that the last ingest of each path skipped, with absolute paths; at most `MAX_STORED`."""
    stored: list[list[str]] = next((point.payload["skipped"] for point in store.documents.retrieve([SKIPPED_ID])), [])
    return [SkippedFile(path, reason) for path, reason in stored]


def store_skipped(store: Store, paths: Sequence[str | Path], skipped: Iterable[SkippedFile]) -> None:
    """Replace what is stored about files below `paths`, which an ingest has just walked."""
    roots = [os.path.abspath(local_path(str(path))) for path in paths]  # noqa: PTH100 - `Path` keeps `..`
    before = load_skipped(store)
    found = [SkippedFile(one.place, one.reason) for one in skipped]
    after = [*found, *(one for one in before if not is_below(roots, one.path))][:MAX_STORED]
    if set(after) != set(before):
        store.documents.upsert([Point(SKIPPED_ID, {"skipped": [[one.path, one.reason] for one in after]})])
