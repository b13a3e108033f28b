"""The picture store: a folder of image files, or an object store with a local copy of the files used last.

Files are named by the hash of their bytes (see `extractors.pictures.store`), so writing one twice changes nothing, and
several machines may share a store. Workers and readers only see the local folder: `save` sends what workers wrote to
the object store before a document that shows it is committed, and `load` fetches what readers need.
"""

import hashlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from diptych.errors import StoreError
from diptych.object_store import ObjectStore, local_copy
from extractors.atomic_write import make_private_folder, sync_files, write_file

BATCH = 64
"""Images in memory at a time."""
FRESH_SECONDS = 1800.0
"""How long an image counts as new after this process sent it: less than a sweep spares (an hour), by more than the
clocks of two machines may differ."""
IN_USE_SECONDS = 300.0
"""A copy that was used so recently may be about to be read again, and stays."""
UNSENT_SECONDS = 86_400.0
"""A file that was not sent for so long was left by a killed run, or belongs to a query."""
TRIM_SHARE = 0.9
"""Size of the local copy after it reached its limit."""
USERS = "stores"
"""Folder with an empty file for each store that keeps its pictures here."""
_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.[a-z]+")
"""Of an image. Files with other names are left alone: `../a.png` would lead out of the local copy."""


class PictureStore:
    """A picture store in a folder. Files are given as paths in `folder`, whether they are there or not."""

    objects: ObjectStore | None = None
    """Where the pictures are kept, if not in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def address(self) -> str:
        """Absolute path or URL, as other processes need it."""
        return self.objects.url if self.objects else str(self.folder.absolute())

    def check_writable(self) -> None:
        """Raises `StoreError` if nothing can be written: a worker would take every page with a picture for broken."""
        with self._writing():
            make_private_folder(self.folder)
            tempfile.TemporaryFile(dir=self.folder).close()

    def users(self) -> set[str]:
        """Ids of the stores whose pictures are kept here; see `diptych.store.picture_binding`."""
        return {path.name for path in (self.folder / USERS).glob("*")}

    def user_file(self, store: str) -> str:
        """Address of the file whose existence says that a store uses this picture store."""
        return f"{self.address}/{USERS}/{store}"

    def add_user(self, store: str) -> None:
        """Note that a store keeps its pictures here. Raises `StoreError`."""
        with self._writing():
            write_file(self.folder / USERS / store, b"")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = f"pictures cannot be stored ({error.strerror}); check the folder and the disk"
            raise StoreError(f"{self.folder}: {reason}, or set DIPTYCH_PICTURES to another folder") from error

    def load(self, files: Iterable[Path]) -> None:
        """Fetch files that are not in the folder; those that do not exist anywhere are still missing then."""

    def save(self, files: Iterable[Path]) -> None:
        """Make files of the folder last, and available to others. A sweep spares them for an hour.

        Raises `StoreError`.
        """
        folders = {file.parent for file in files if file.exists()}
        try:
            sync_files([*folders, self.folder] if folders else [])
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written: {error.strerror}; check the disk") from error

    def find_old(self, before: float) -> list[Path]:
        """Files last written before a time, in seconds since 1970."""
        return [path for path in self.folder.glob("??/*") if _is_older(path, before)]

    def delete(self, files: Iterable[Path], before: float) -> int:
        """Delete files, except those that were written again since `before`; returns the number."""
        deleted = 0
        for path in files:
            if _is_older(path, before):
                path.unlink(missing_ok=True)
                deleted += 1
        return deleted


class SharedPictureStore(PictureStore):
    """A picture store in an object store; `folder` has a local copy of the files used last.

    Copies of what the object store has are read-only files; a file that can be written was not sent yet.
    """

    def __init__(self, objects: ObjectStore, folder: Path, max_bytes: int) -> None:
        super().__init__(folder)
        self.objects = self._objects = objects
        self._max_bytes = max_bytes
        self._sent: dict[Path, float] = {}
        """File -> when this process sent it."""
        self._unmeasured = max_bytes
        """Bytes added since the folder was measured; the first addition measures it."""

    def check_writable(self) -> None:
        self._objects.check_writable()

    def users(self) -> set[str]:
        return {name.rpartition("/")[2] for name in self._objects.list(USERS)}

    def add_user(self, store: str) -> None:
        self._objects.put({f"{USERS}/{store}": b""})

    def load(self, files: Iterable[Path]) -> None:
        missing = {self._name(file): file for file in dict.fromkeys(files) if not _touch(file)}
        for names in _batches(list(missing)):
            contents = self._objects.get(names)
            for name, content in contents.items():
                if hashlib.sha256(content).hexdigest() == missing[name].stem:  # else it is damaged
                    self._write(missing[name], content)
            self._added(contents)

    def save(self, files: Iterable[Path]) -> None:
        """One request for each file, unless this process sent it a short time ago. Raises `StoreError`.

        An image that is stored already is sent again, because a sweep could be about to delete it.
        """
        now = time.time()
        self._sent = {file: at for file, at in self._sent.items() if at > now - FRESH_SECONDS}
        unsent = {self._name(file): file for file in dict.fromkeys(files) if file not in self._sent}
        for names in _batches(list(unsent)):
            contents = {name: self._read(unsent[name]) for name in names}
            self._objects.put(contents)
            for name in names:
                with suppress(FileNotFoundError):
                    unsent[name].chmod(stat.S_IRUSR)
                self._sent[unsent[name]] = now
            self._added(contents)

    def find_old(self, before: float) -> list[Path]:
        return [file for file, modified in self._list("").items() if modified < before]

    def delete(self, files: Iterable[Path], before: float) -> int:
        doomed, deleted = set(files), 0
        for folder in sorted({file.parent for file in doomed}):
            # Listed again right before, because an ingest may have sent one of them in the meantime.
            modified = self._list(folder.name)
            old = [file for file, at in modified.items() if file in doomed and at < before]
            self._objects.delete(map(self._name, old))
            for file in old:
                file.unlink(missing_ok=True)
            deleted += len(old)
        return deleted

    def _list(self, folder: str) -> dict[Path, float]:
        listed = self._objects.list(folder).items()
        return {self.folder / name: at for name, at in listed if _NAME.fullmatch(name)}

    def _name(self, file: Path) -> str:
        return file.relative_to(self.folder).as_posix()

    def _read(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise StoreError(
                f"{file}: cannot be sent to {self._objects.url} ({error.strerror}); run again, and raise "
                f"`picture_copy_mb` if this repeats"
            ) from error

    def _write(self, file: Path, content: bytes) -> None:
        try:
            write_file(file, content)
            file.chmod(stat.S_IRUSR)
        except OSError as error:
            raise StoreError(
                f"{file}: a copy of {self._objects.url} cannot be written ({error.strerror}); check the folder and the "
                f"free space, or set DIPTYCH_CACHE to another"
            ) from error

    def _added(self, contents: Mapping[str, bytes]) -> None:
        """Trim the folder when a tenth of its limit was added since it was measured."""
        self._unmeasured += sum(map(len, contents.values()))
        if self._unmeasured > self._max_bytes * (1 - TRIM_SHARE):
            self._unmeasured = 0
            self._trim()

    def _trim(self) -> None:
        """Delete the files that were not used for longest if the folder is larger than its limit."""
        files = sorted(_files_by_age(self.folder), key=lambda one: one[0])
        excess = sum(size for _, size, _, _ in files) - self._max_bytes
        if excess <= 0:
            return
        excess += int(self._max_bytes * (1 - TRIM_SHARE))
        now = time.time()
        for modified, size, sent, path in files:
            if excess > 0 and modified < now - (IN_USE_SECONDS if sent else UNSENT_SECONDS):
                path.unlink(missing_ok=True)
                excess -= size


def open_picture_store(address: str, cache: Path, copy_mb: int) -> PictureStore:
    """The picture store in a folder, or below a URL with a local copy in `cache` of at most `copy_mb` MiB."""
    if "://" not in address:
        return PictureStore(Path(address))
    if address.startswith("file://"):
        return PictureStore(Path(unquote(urlsplit(address).path)))
    return SharedPictureStore(ObjectStore(address), local_copy(address, cache), copy_mb << 20)


def _touch(file: Path) -> bool:
    """Mark a file as used now. Returns whether it exists."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True


def _is_older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _files_by_age(folder: Path) -> Iterator[tuple[float, int, bool, Path]]:
    """Time of the last use, size, whether the object store has it, and path of all files, cached pages included."""
    for path in folder.rglob("??/*"):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        is_copy = not facts.st_mode & stat.S_IWUSR or path.suffix == ".json"  # a cached page can be made again
        if stat.S_ISREG(facts.st_mode):
            yield facts.st_mtime, facts.st_size, is_copy, path


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))
