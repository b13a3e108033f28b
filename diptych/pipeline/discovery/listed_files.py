"""The files under paths that may be documents: folders are walked without hidden files and files of our own."""

import os
import pickle
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from weakref import finalize

from diptych.errors import SourceError
from diptych.pipeline.discovery.own_files import is_stored_picture, kind_of_own_folder
from diptych.pipeline.discovery.selection import IGNORE_FILE, Selection, SelectionRules
from diptych.pipeline.discovery.skipped_files import SkippedFile
from diptych.places.entry import Entry, Place, local_state
from diptych.places.places import Places
from diptych.places.roots import Root
from extractors.addresses import place_path
from extractors.formats import describe_formats, failed_plugins, find_format
from extractors.temporary_folder import TemporaryFolder
from extractors.types import FileState

MAX_KEPT_BYTES = 16 << 20
"""Of a listing in memory, about 60,000 files; a longer one is kept in a temporary file."""

EMPTY_NAME = "a folder without a name is not read; copy its objects to keys without an empty part"


@dataclass(frozen=True, slots=True)
class ListedFile:
    path: Path
    """See `extractors.addresses` for files that are not on this machine."""
    name: str
    """Relative to the folder that was walked, or the file's own name."""
    walked: bool
    uri: str = ""
    """Of a file elsewhere."""
    state: FileState | None = None
    """Of a file elsewhere; local ones are asked for it when they are read."""

    @property
    def place(self) -> str:
        """What messages call it."""
        return self.uri or str(self.path)

    def read_state(self) -> FileState:
        """Raises `OSError` if a local file cannot be read."""
        if self.state:
            return self.state
        state = local_state(self.path)
        if not os.access(self.path, os.R_OK):
            raise PermissionError(13, "Permission denied", str(self.path))
        return state


class KeptFiles:
    """Files that can be gone through several times, also by several threads, but are listed only once."""

    def __init__(self, files: Iterator[ListedFile]) -> None:
        self._files, self._lock = files, Lock()
        self._kept, self._end = SpooledTemporaryFile(MAX_KEPT_BYTES), 0  # noqa: SIM115 - closed by the next line
        finalize(self, self._kept.close)
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[ListedFile]:
        """Raises as the listing does."""
        position = 0
        while True:
            with self._lock:
                if position == self._end and not self._keep_next():
                    return
                self._kept.seek(position)
                file, position = pickle.load(self._kept), self._kept.tell()
            yield file

    def _keep_next(self) -> bool:
        if self._error:
            raise self._error
        try:
            file = next(self._files, None)
        except Exception as error:
            self._error = error  # for the other readers, who would find an end otherwise
            raise
        if file:
            self._kept.seek(self._end)
            pickle.dump(file, self._kept)
            self._end = self._kept.tell()
        return file is not None


def unknown_format(file: Path, place: str = "") -> SkippedFile:
    suffix = file.suffix.lower()
    kind = f"{suffix} files" if suffix else "files without a suffix"
    return SkippedFile(place or str(file), "; ".join((f"no extractor reads {kind}", *failed_plugins())))


def check_root(root: Root, places: Places) -> None:
    """Raise `SourceError` for a root without anything to list."""
    if root.is_elsewhere:
        if not root.address.startswith("http") and places.at(root.address).find(root.address) is False:
            raise SourceError(f"{root}: no such file or folder; check the address, and whether the bucket exists")
        return
    path = root.path
    try:
        if path.is_dir():
            if not any(path.iterdir()):
                raise SourceError(f"{path}: the folder is empty; put documents into it or name another")
        elif not path.is_file():
            raise SourceError(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise SourceError(str(unreadable(path, error))) from error


def list_files(
    root: Root, places: Places, selection: Selection, skipped: list[SkippedFile], single: bool
) -> Iterator[ListedFile]:
    """The files under one path. What is skipped is added to `skipped`, or raised if the path is the only one."""
    try:
        here = not root.is_elsewhere
        files = _list_here(root, selection, skipped) if here else _list_elsewhere(root, places, selection, skipped)
        for file in files:
            if file.walked or find_format(file.path) is not None:
                yield file
            elif single:
                raise SourceError(f"{unknown_format(file.path, file.place)}; {describe_formats()}")
            else:
                skipped.append(unknown_format(file.path, file.place))
    except OSError as error:
        raise SourceError(str(unreadable(root.path, error))) from error
    except SourceError as error:
        if single or not root.is_elsewhere:
            raise
        skipped.append(_unreachable(root.address, error))


def _list_here(root: Root, selection: Selection, skipped: list[SkippedFile]) -> Iterator[ListedFile]:
    path = root.path
    if path.is_dir():
        for file in _walk(path, SelectionRules(path, selection, skipped, pattern=root.pattern), skipped):
            yield ListedFile(file, file.relative_to(path).as_posix(), walked=True)
    elif reason := SelectionRules(path.parent, selection, skipped, ignore_files=False).why_skipped(path):
        skipped.append(SkippedFile(str(path), reason))
    else:
        yield ListedFile(path, path.name, walked=False)


def _list_elsewhere(
    root: Root, places: Places, selection: Selection, skipped: list[SkippedFile]
) -> Iterator[ListedFile]:
    place, path = places.at(root.address), place_path(root.address)
    found = place.find(root.address)
    if found is True:
        rules = SelectionRules(path, selection, skipped, ignore_files=False, pattern=root.pattern)
        for entry in _walk_elsewhere(place, root.address, rules, skipped):
            file = place_path(entry.uri)
            yield ListedFile(file, file.relative_to(path).as_posix(), True, entry.uri, entry.state)
    elif not found:
        raise SourceError(f"{root.address}: no such file or folder; check the address, and whether the bucket exists")
    elif reason := SelectionRules(path.parent, selection, skipped, ignore_files=False).why_skipped(path):
        skipped.append(SkippedFile(root.address, reason))
    else:
        if find_format(path) is None and found.suffix:
            path = path.with_name(f"{path.name}{found.suffix}")
        yield ListedFile(path, path.name, False, found.uri, found.state)


def _walk_elsewhere(place: Place, root: str, rules: SelectionRules, skipped: list[SkippedFile]) -> Iterator[Entry]:
    """As `_walk`; what is known of one folder at a time is in memory. Its order is that of names as well."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            folders, entries = place.list_folder(folder)
        except SourceError as error:
            if folder == root:
                raise
            skipped.append(_unreachable(folder, error))
            continue
        files = {place_path(entry.uri).name: entry for entry in entries}
        kind = kind_of_own_folder(files, (place_path(one).name for one in folders))
        if kind and folder != root:
            skipped.append(SkippedFile(folder, f"is {kind} written by Diptych"))
            continue
        if IGNORE_FILE in files:
            with TemporaryFolder() as cache:
                copy = cache / IGNORE_FILE
                place.fetch(files[IGNORE_FILE].uri, copy)
                rules.add_ignore_file(place_path(folder), copy)
        for name, entry in files.items():
            if is_hidden(name) or is_stored_picture(place_path(folder).name, name):
                continue
            if _is_selected(place_path(entry.uri), rules, skipped, uri=entry.uri):
                yield entry
        for one in reversed(folders):
            if one.endswith("/"):
                skipped.append(SkippedFile(one, EMPTY_NAME))
                continue
            path = place_path(one)
            if not is_hidden(path.name) and _is_selected(path, rules, skipped, uri=one, is_folder=True):
                waiting.append(one)


def _unreachable(address: str, error: SourceError) -> SkippedFile:
    return SkippedFile(address, str(error).removeprefix(f"{address}: "), unreachable=True)


def is_hidden(name: str) -> bool:
    """Hidden files, and lock files of office programs."""
    return name.startswith((".", "~$"))


def _is_selected(
    path: Path, rules: SelectionRules, skipped: list[SkippedFile], *, uri: str = "", is_folder: bool = False
) -> bool:
    if not is_folder and not rules.is_meant(path):
        return False
    reason = rules.why_skipped(path, is_folder=is_folder)
    if reason:
        skipped.append(SkippedFile(f"{uri or path}{'/' * is_folder}", reason))
    return not reason


def _walk(folder: Path, rules: SelectionRules, skipped: list[SkippedFile]) -> Iterator[Path]:
    """The files below `folder` by name that `rules` select, without hidden files, lock files and link loops.

    Files that Diptych wrote are skipped too: otherwise a store beside its documents would ingest its own pictures.
    """
    seen: set[tuple[int, int]] = set()

    def skip(error: OSError) -> None:
        skipped.append(unreadable(error.filename, error))

    for root, folders, files in os.walk(folder, onerror=skip, followlinks=True):
        status = Path(root).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        kind = kind_of_own_folder(files, folders)
        if kind and Path(root) != folder:
            skipped.append(SkippedFile(str(Path(root)), f"is {kind} written by Diptych"))
            folders.clear()
            continue
        visible = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [
            name
            for name in visible
            if _is_selected(path := Path(root, name), rules, skipped, is_folder=True)
            and not _leads_away(path, folder, skipped)
        ]
        for name in sorted(files):
            if is_hidden(name) or is_stored_picture(Path(root).name, name):
                continue
            path = Path(root, name)
            if _is_selected(path, rules, skipped) and not _leads_away(path, folder, skipped):
                yield path


def _leads_away(path: Path, folder: Path, skipped: list[SkippedFile]) -> bool:
    """Whether a path is a link out of the folder that is walked, or nothing that can be read to its end."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            mode = path.stat().st_mode
            if not path.resolve().is_relative_to(folder.resolve()):
                skipped.append(SkippedFile(str(path), "is a link out of the folder; give its target as a path"))
                return True
    except OSError:  # reported when it is read
        return False
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return False
    skipped.append(SkippedFile(str(path), "is a pipe, a socket or a device"))
    return True


def unreadable(path: str | Path, error: OSError) -> SkippedFile:
    if Path(path).is_symlink() and not Path(path).exists():
        return SkippedFile(str(path), "is a link to a file that does not exist")
    return SkippedFile(str(path), f"cannot be read ({error.strerror}); check its permissions")
