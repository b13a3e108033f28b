"""The documents in archives, mails and PDF files: listed once, and unpacked while they are read."""

import hashlib
import json
import shutil
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urldefrag

from extractors.addresses import is_elsewhere, place_path
from extractors.atomic_write import make_private_folder
from extractors.errors import ExtractionError
from extractors.formats import find_format, formats
from extractors.members.types import Member, Members
from extractors.pdf.attachments import MARK
from extractors.temporary_folder import TemporaryFolder
from extractors.types import FileState, Source

VERSION = 1
"""Raise it when the same container yields other members."""
KEPT_UNPACKED = 3
"""Containers that stay unpacked when nobody reads them: runs read documents in the order in which they are listed."""

Unpack = Callable[[Path, str, Path], Members]
"""As `Sandbox.unpack`: from a container, its name and an empty folder."""
Fetch = Callable[[Source], AbstractContextManager[Source]]
"""A container with its file on this machine."""


@dataclass(slots=True)
class _Unpacked:
    folder: Path
    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0
    members: Members | None = None


class Containers:
    """Thread-safe. Unpacked files are removed with this object, or when the process ends."""

    def __init__(self, cache: Path, fetch: Fetch, unpack: Unpack) -> None:
        """`cache`: folder in which the names of members are kept, so that an unchanged container is not opened."""
        self._fetch, self._unpack = fetch, unpack
        self._index = cache / "members.sqlite"
        self._lock = threading.Lock()
        self._unpacked: OrderedDict[str, _Unpacked] = OrderedDict()
        self._folder: TemporaryFolder | None = None

    def members(self, container: Source) -> Members:
        """What is in a container. Raises `ExtractionError` when it cannot be opened."""
        key = _index_key(container)
        known = self._load(key) if key else None
        if known is None:
            if _has_none(container):
                known = Members()
            else:
                with self._open(container) as unpacked:
                    assert unpacked.members
                    known = unpacked.members
            if key and not any("encrypted" in reason for _, reason in known.skipped):  # a password may be added
                self._save(key, known)
        return known

    def sources(self, container: Source) -> tuple[list[Source], list[tuple[str, str]]]:
        """The members as documents, and the names of the others with the reason.

        Raises `ExtractionError` when the container cannot be opened.
        """
        members = self.members(container)
        return [_as_source(container, member) for member in members.found], list(members.skipped)

    @contextmanager
    def opened(self, source: Source) -> Iterator[Source]:
        """A member with its file until the block ends. Raises `ExtractionError`."""
        uri = urldefrag(source.uri).url
        container = Source(
            place_path(uri),
            uri,
            source.name.removesuffix(f"#{source.member}"),
            "",
            "",
            state=replace(source.state, size=0),
        )
        with self._open(container) as unpacked:
            assert unpacked.members
            found = next((one for one in unpacked.members.found if one.name == source.member), None)
            if found is None or (source.sha256 and found.sha256 != source.sha256):
                raise ExtractionError(
                    f"{source.name}: its container has changed; the next run reads it", transient=True
                )
            file = unpacked.folder / found.file
            if not file.resolve().is_relative_to(unpacked.folder.resolve()):  # a worker that read it may say anything
                raise ExtractionError(f"{source.name}: was not unpacked to its folder; delete the container")
            try:
                yield replace(source, path=file)
            except ExtractionError as error:
                error.args = (str(error).replace(str(file), source.name),)
                raise

    @contextmanager
    def _open(self, container: Source) -> Iterator[_Unpacked]:
        key = f"{container.uri} {container.state.marker}"
        with self._lock:
            one = self._unpacked.setdefault(key, _Unpacked(self._new_folder()))
            self._unpacked.move_to_end(key)
            one.users += 1
        try:
            with one.lock:
                if one.members is None:
                    shutil.rmtree(one.folder, ignore_errors=True)
                    one.folder.mkdir()
                    with self._fetch(container) as local:
                        one.members = self._unpack(local.path, container.name, one.folder)
            yield one
        finally:
            with self._lock:
                one.users -= 1
                idle = [name for name, other in self._unpacked.items() if not other.users]
                for name in idle[: max(0, len(self._unpacked) - KEPT_UNPACKED)]:
                    shutil.rmtree(self._unpacked.pop(name).folder, ignore_errors=True)

    def _new_folder(self) -> Path:
        if self._folder is None:
            self._folder = TemporaryFolder()
        return Path(tempfile.mkdtemp(dir=self._folder.path))

    def _load(self, key: str) -> Members | None:
        with suppress(sqlite3.Error, OSError, ValueError, TypeError), closing(sqlite3.connect(self._index)) as index:
            row = index.execute("SELECT members FROM members WHERE key = ?", (key,)).fetchone()
            if row:
                found, skipped = json.loads(row[0])
                return Members(tuple(Member(*one) for one in found), tuple((name, why) for name, why in skipped))
        return None

    def _save(self, key: str, members: Members) -> None:
        value = json.dumps([[astuple(one) for one in members.found], members.skipped])
        with suppress(sqlite3.Error, OSError):  # then the container is opened again the next time
            make_private_folder(self._index.parent)
            with closing(sqlite3.connect(self._index)) as index, index:
                index.execute("CREATE TABLE IF NOT EXISTS members (key TEXT PRIMARY KEY, members TEXT)")
                index.execute("INSERT OR REPLACE INTO members VALUES (?, ?)", (key, value))


def _as_source(container: Source, member: Member) -> Source:
    path = Path(f"{container.path}#{member.name}")
    row = find_format(path)
    attached = find_format(container.path)
    state = FileState(member.size, container.state.modified, container.state.marker)
    return Source(
        path=path,
        uri=f"{container.uri}#{quote(member.name, safe='/')}",
        name=f"{container.name}#{member.name}",
        sha256=member.sha256,
        media_type=row.media_type if row else "",
        fields={"attached_to": container.name} if attached and attached.members == "attached" else {},
        state=state,
        member=member.name,
    )


def _index_key(container: Source) -> str:
    """Changes whenever the container or what would be found in it changes; empty if nothing says so."""
    if not container.state.marker:
        return ""
    suffixes = [suffix for row in formats() for suffix in row.suffixes]
    facts = [VERSION, container.uri, container.state.marker, suffixes]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _has_none(container: Source) -> bool:
    """Whether a PDF certainly has no attachments; one elsewhere is not fetched to find out."""
    if container.path.suffix.lower() != ".pdf":
        return False
    if is_elsewhere(container.uri):
        return True
    try:
        with container.path.open("rb") as file:
            tail = b""
            while chunk := file.read(1 << 20):
                if MARK in tail + chunk:
                    return False
                tail = chunk[-len(MARK) :]
    except OSError as error:
        raise ExtractionError(f"{container.name}: cannot be read ({error.strerror})") from error
    return True
