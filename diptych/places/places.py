"""All places, and documents fetched from them for as long as they are open."""

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from urllib.parse import urldefrag

from diptych.errors import DiptychError
from diptych.places.containers import Containers, Unpack
from diptych.places.entry import Place
from diptych.places.objects import ObjectPlace
from diptych.places.web import DEFAULT_LIMITS, Limits, WebPlace
from extractors.addresses import is_elsewhere, place_uri
from extractors.atomic_write import make_private_folder, sync_files
from extractors.errors import ExtractionError
from extractors.types import Source

LEFT_SECONDS = 86_400.0
"""After which a fetched file was left behind by a killed process."""
KEPT_FREE = 256 << 20
"""Bytes that stay free on the disk beside a fetched file."""
MAX_NAME_BYTES = 200
"""Of a folder or file; file systems allow 255."""
KEPT_PARTS = 4
"""Parts of its address that a fetched file keeps as its path, which patterns of passwords may name."""


class Places:
    """Opens documents, wherever they are. Thread-safe."""

    def __init__(
        self,
        cache: Path | None = None,
        limits: Limits = DEFAULT_LIMITS,
        options: Mapping[str, Mapping[str, str]] | None = None,
        unpack: Unpack | None = None,
    ) -> None:
        """`cache`: folder for files while they are open; None: that of the system. `limits`: of one file.

        `options`: beginning of a URI -> options of fsspec's file system there, such as credentials. `unpack`: unpacks
        containers; None: their members are not read.
        """
        cache = cache or Path(gettempdir())
        self._folder, self._kept = cache / "fetched", cache / "catalogues"
        self._limits, self._options = limits, options or {}
        self.containers = Containers(cache, self.fetched, unpack) if unpack else None
        self._known: dict[str, Place] = {}
        self._lock = threading.Lock()

    def at(self, uri: str) -> Place:
        """The place of a URI."""
        base = "/".join(uri.split("/", 3)[:3])
        with self._lock:
            if base not in self._known:
                is_web = base.startswith(("http://", "https://"))
                self._known[base] = WebPlace(self._limits) if is_web else ObjectPlace(base, self._options_of(base))
            return self._known[base]

    def is_gone(self, uri: str) -> bool:
        """Whether there is certainly no such file. Asks its place."""
        try:
            return not self.at(uri).find(urldefrag(uri).url)
        except DiptychError:
            return False

    @contextmanager
    def opened(self, source: Source) -> Iterator[Source]:
        """As `fetched`, with the hash of its bytes. Raises `ExtractionError`, transient, if they cannot be read."""
        with self.fetched(source) as local:
            yield _with_digest(local)

    @contextmanager
    def fetched(self, source: Source) -> Iterator[Source]:
        """The document with its files on this machine until the block ends.

        Raises `ExtractionError`, transient, if they cannot be fetched.
        """
        if source.member and self.containers:
            with self.containers.opened(source) as local:
                yield local
            return
        if not any(is_elsewhere(place_uri(path)) for path in _files(source)):
            yield source
            return
        self._remove_left_files()
        with TemporaryDirectory(dir=self._folder) as folder:
            fetched = {path: self._fetch(source, path, Path(folder)) for path in _files(source)}
            images = tuple(fetched[image] for image in source.images)
            try:
                yield replace(source, path=fetched.get(source.path, source.path), images=images)
            except ExtractionError as error:
                for path, file in fetched.items():
                    error.args = (str(error).replace(str(file), str(place_uri(path))),)
                raise

    @contextmanager
    def kept(self, source: Source) -> Iterator[Source]:
        """As `fetched`, but the file stays in the cache until it changes: for catalogues, which every run reads."""
        if not is_elsewhere(source.uri) or not source.state.marker:
            with self.fetched(source) as local:
                yield local
            return
        address, marker = (hashlib.sha256(text.encode()).hexdigest() for text in (source.uri, source.state.marker))
        copy = self._kept / address / f"{marker}{source.path.suffix}"
        if not copy.exists():
            with self.fetched(source) as local:
                shutil.rmtree(copy.parent, ignore_errors=True)
                make_private_folder(copy.parent)
                sync_files([local.path])  # an empty copy would look like a catalogue without rows
                local.path.replace(copy)
        yield replace(source, path=copy)

    def _fetch(self, source: Source, path: Path, folder: Path) -> Path:
        uri = source.uri if path == source.path else place_uri(path)
        if not is_elsewhere(uri):
            return path
        size, limit = source.state.size, self._limits.max_bytes
        if size > limit:
            raise ExtractionError(f"{uri}: larger than {limit >> 20} MiB; raise `fetch_mb`, or exclude the file")
        parts = [_short(part) for part in path.parts[1:] if part not in (".", "..")]
        file = folder.joinpath(*parts[-KEPT_PARTS:])
        try:
            if shutil.disk_usage(folder).free < size + KEPT_FREE:
                raise ExtractionError(f"{uri}: no space to fetch it to {self._folder}; free some", transient=True)
            file.parent.mkdir(parents=True, exist_ok=True)
            self.at(uri).fetch(uri, file)
            received = file.stat().st_size
        except OSError as error:
            raise ExtractionError(
                f"{uri}: cannot be written to {self._folder} ({error.strerror})", transient=True
            ) from error
        except ExtractionError:
            raise
        except DiptychError as error:
            raise ExtractionError(str(error), transient=True) from error
        if path == source.path and size and received != size:
            raise ExtractionError(f"{uri}: changed while it was read; the next run reads it again", transient=True)
        return file

    def _options_of(self, base: str) -> Mapping[str, str]:
        found = [start for start in self._options if f"{base}/".startswith(f"{start.rstrip('/')}/")]
        found += [start for start in self._options if start.endswith("://") and base.startswith(start)]
        return self._options[max(found, key=len)] if found else {}

    def _remove_left_files(self) -> None:
        make_private_folder(self._folder)
        for left in self._folder.iterdir():
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - LEFT_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)


def _files(source: Source) -> tuple[Path, ...]:
    """What is opened: the file, or the pictures of a row."""
    return source.images if "#" in source.uri else (source.path,)


def _with_digest(source: Source) -> Source:
    if source.sha256:
        return source
    try:
        with source.path.open("rb") as file:
            return replace(source, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        why = f"{source.path}: cannot be read ({error.strerror}); check its permissions"
        raise ExtractionError(why, transient=True) from error


def _short(part: str) -> str:
    """A part of an address as the name of a file, with its suffix."""
    encoded = part.replace("\0", "").encode(errors="replace")
    return encoded[-MAX_NAME_BYTES:].decode(errors="ignore") or "_"
