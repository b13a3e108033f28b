"""Changed files below some paths, from file events, each when it is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from watchfiles import watch

from diptych.errors import SourceError
from extractors.addresses import is_elsewhere
from extractors.formats import find_format

SETTLE_SECONDS = 2.0
"""A file is whole when its size and time have not changed for so long."""
GATHER_SECONDS = 10.0
"""Whole files wait at most so long for others that are still being written."""
POLL_SECONDS = 0.25
TEMPORARY = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", "~")
"""Ends of the names that programs give to files they have not finished."""

State = tuple[int, int] | None
"""(size, modification time in ns); None: no such file."""


class FolderWatch:
    """Collects file events from entering the block on, so that none is missed: also between two calls of `next`."""

    def __init__(self, paths: Sequence[Path], ignored: Collection[Path] = (), *, poll: bool = False) -> None:
        """`ignored`: folders whose files do not count, such as the store. `poll`: look for changes instead of waiting
        for events, which network drives do not send. Raises `SourceError` for a path that does not exist.
        """
        self._paths = [Path(os.path.realpath(path)) for path in paths]
        for given, path in zip(paths, self._paths, strict=True):
            if is_elsewhere(str(given).replace(":/", "://", 1)):
                raise SourceError(f"{given}: only folders of this machine can be watched; schedule an ingest instead")
            if not path.exists():
                raise SourceError(f"{path}: no such file or folder; check the path")
        self._ignored = [Path(os.path.realpath(path)) for path in ignored]
        self._events = watch(
            *self._paths,
            watch_filter=None,
            debounce=200,  # milliseconds, as below
            rust_timeout=int(1000 * POLL_SECONDS),
            yield_on_timeout=True,
            force_polling=poll or None,
            ignore_permission_denied=True,
        )
        self._changed: dict[Path, tuple[State, float]] = {}
        """Path -> its state when last looked at, and since when it has been so."""

    def __enter__(self) -> FolderWatch:
        self._gather()  # which starts to listen
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()

    def next(self) -> set[Path]:
        """Wait for changes and return all whole or deleted files among them. Raises `SourceError` if events fail."""
        first_seen = 0.0
        while True:
            self._gather()
            whole, waiting = self._look()
            first_seen = first_seen or (time.monotonic() if whole else 0.0)
            if whole and (not waiting or time.monotonic() - first_seen > GATHER_SECONDS):
                for path in whole:
                    del self._changed[path]
                return whole

    def _gather(self) -> None:
        """Add the files of new events, for which this waits a moment."""
        try:
            batch = next(self._events)
        except (OSError, RuntimeError) as error:  # such as too few inotify watches
            raise SourceError(f"cannot watch for changes: {error}; try --poll") from error
        files = (file for _, name in batch for file in _files(Path(name)))
        self._changed |= {file: (_state(file), time.monotonic()) for file in files if self._counts(file)}

    def _look(self) -> tuple[set[Path], bool]:
        """(files that have not changed for a while, whether there are others)."""
        now, whole = time.monotonic(), set()
        for path, (state, since) in self._changed.items():
            if (current := _state(path)) != state:
                self._changed[path] = (current, now)
            elif now - since >= SETTLE_SECONDS:
                whole.add(path)
        return whole, len(whole) < len(self._changed)

    def _counts(self, file: Path) -> bool:
        root = next((path for path in self._paths if file.is_relative_to(path)), None)
        if root is None or any(file.is_relative_to(folder) for folder in self._ignored):
            return False
        hidden = any(part.startswith((".", "~$")) for part in file.relative_to(root).parts)
        if hidden or file.name.lower().endswith(TEMPORARY):
            return False
        return find_format(file) is not None or not file.exists()  # a folder that is gone had documents in it


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a folder: one that is moved here has no events for its files."""
    if not path.is_dir():
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names)


def _state(path: Path) -> State:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
