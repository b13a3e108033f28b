"""Changed files below some paths, from file events, each when it is whole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

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
    """Collects file events in a thread of its own, from entering the block on, so that none is missed."""

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
        self._ignored, self._poll = [Path(os.path.realpath(path)) for path in ignored], poll
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="diptych-watch", daemon=True)
        self._lock = threading.Lock()
        self._changed: dict[Path, tuple[State, float]] = {}
        """Path -> its state when last looked at, and since when it has been so."""
        self._failure: Exception | None = None

    def __enter__(self) -> FolderWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def next(self) -> set[Path]:
        """Wait for changes and return all whole or deleted files among them. Raises `SourceError` if events fail."""
        first_seen = 0.0
        while True:
            if self._failure:
                raise SourceError(f"cannot watch for changes: {self._failure}; try --poll") from self._failure
            whole, waiting = self._look()
            first_seen = first_seen or (time.monotonic() if whole else 0.0)
            if whole and (not waiting or time.monotonic() - first_seen > GATHER_SECONDS):
                with self._lock:
                    for path in whole:
                        del self._changed[path]
                return whole
            time.sleep(POLL_SECONDS)

    def _look(self) -> tuple[set[Path], bool]:
        """(files that have not changed for a while, whether there are others)."""
        now, whole = time.monotonic(), set()
        with self._lock:
            for path, (state, since) in self._changed.items():
                if (current := _state(path)) != state:
                    self._changed[path] = (current, now)
                elif now - since >= SETTLE_SECONDS:
                    whole.add(path)
            return whole, len(whole) < len(self._changed)

    def _listen(self) -> None:
        try:
            changes = watch(
                *self._paths,
                watch_filter=None,
                debounce=200,  # milliseconds
                stop_event=self._ended,
                rust_timeout=500,
                raise_interrupt=False,
                force_polling=self._poll or None,
                ignore_permission_denied=True,
            )
            for batch in changes:
                self._add(Path(name) for _, name in batch)
        except Exception as error:  # such as too few inotify watches
            self._failure = error

    def _add(self, paths: Iterable[Path]) -> None:
        files = [file for path in paths for file in _files(path) if self._counts(file)]
        states = {file: _state(file) for file in files}
        with self._lock:
            for file, state in states.items():
                self._changed[file] = (state, time.monotonic())

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
