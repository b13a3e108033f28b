"""Files in an object store such as S3, through fsspec.

Every failure is a `StoreError` that names the URL and what to do. Credentials come from the environment, as each
service defines them, and never from the URL.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from diptych.errors import SettingsError, StoreError

REQUESTS_AT_ONCE = 16
EXTRAS = {
    "s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure", "abfss": "azure",
    "sftp": "sftp",
}  # fmt: skip
"""Protocol -> the extra that installs its library."""
S3_OPTIONS = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "max_pool_connections": REQUESTS_AT_ONCE,
    "retries": {"mode": "standard", "max_attempts": 3},
}
"""Seconds, and attempts, so that a server that is gone is reported within a minute."""
CONNECT_SECONDS = 20
"""Until an SFTP server must have answered."""
S3_ROUNDS = 2
"""How often s3fs repeats a request that failed after all attempts."""
CHECK_NAME = ".writable"
"""An empty file, written to find out whether the store can be written."""
NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
"""Error codes of S3 and Azure."""
_MODIFIED = ("LastModified", "last_modified", "updated", "mtime", "created")
"""Where the libraries put the time of the last write."""
MAX_REASON_CHARACTERS = 300
_REFUSALS = ("Credential", "Auth", "Permission", "HostKey")
"""Parts of the names of exceptions and error codes that mean that access is denied."""

T = TypeVar("T")


def open_files(url: str, options: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path of the URL in it. `options`: of the file system.

    Raises `SettingsError` for a protocol without a library; other failures are those of the libraries.
    """
    import fsspec

    protocol = url.partition("://")[0]
    chosen: dict[str, Any] = {"use_listings_cache": False}
    if EXTRAS.get(protocol) == "s3":
        chosen |= {"config_kwargs": S3_OPTIONS, "max_concurrency": 1}  # more would ask for the size of each file
    elif EXTRAS.get(protocol) == "sftp":
        # Those of ~/.ssh/known_hosts; by default, sshfs would accept any server.
        chosen = {"known_hosts": (), "connect_timeout": CONNECT_SECONDS}
    elif EXTRAS.get(protocol) == "gcs":
        logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # it logs, with tracebacks, what it also raises
    try:
        files, root = fsspec.url_to_fs(url, **chosen | dict(options or {}))
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        fix = f"install it with `pip install 'diptych[{extra}]'`" if extra else f"{error}"
        raise SettingsError(f"{url}: the library for {protocol}:// is missing; {fix}") from error
    except ValueError as error:
        fix = "set them in the environment" if protocol in EXTRAS else "use s3://, gs:// or az://, or a folder"
        raise SettingsError(f"{url}: {error}; {fix}") from error
    if EXTRAS.get(protocol) == "s3":
        files.retries = S3_ROUNDS
    return files, root


def check_address(address: str) -> str:
    """The folder or URL unchanged. Raises `ValueError` for a URL with credentials, without repeating them."""
    parts = urlsplit(address) if "://" in address else None
    if parts and ((":" in parts.netloc.partition("@")[0] and "@" in parts.netloc) or parts.query):
        raise ValueError("a URL must not contain credentials; put them into the environment of the process")
    return address


def check_places(options: dict[str, T]) -> dict[str, T]:
    """The options by beginning of an address, unchanged. Raises `ValueError` if a folder is named: it would be ignored.

    A bucket or server has one connection, with the same credentials for all its folders.
    """
    for start in options:
        base = "/".join(start.split("/", 3)[:3])
        if "://" not in start or start.rstrip("/") != base.rstrip("/"):
            known = "s3://, s3://bucket or sftp://user@host, without a folder"
            raise ValueError(f"{hide_credentials(start)} must name a bucket or server, such as {known}")
    return options


def hide_credentials(url: str) -> str:
    """The URL without user name, password, query and fragment; a path as it is."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class ObjectStore:
    """The files below a URL, by name: the path below it, with slashes. Thread-safe. All methods raise `StoreError`."""

    def __init__(self, url: str, parent: ObjectStore | None = None) -> None:
        """`parent`: one whose connections are used."""
        self.url, self._parent = check_address(url).rstrip("/"), parent
        self._writable = False

    def child(self, name: str) -> ObjectStore:
        """The files below a folder of this one, over the same connections."""
        return ObjectStore(f"{self.url}/{name}", self)

    def check_writable(self) -> None:
        """Raises `StoreError` if nothing can be written. Sends a request only until one succeeds."""
        if not self._writable:
            self.put({CHECK_NAME: b""})
            self._writable = True

    def get(self, names: Iterable[str]) -> dict[str, bytes]:
        """Name -> content, without names that do not exist; one request each, several at a time."""
        found = self._each(self._read, names)
        return {name: content for name, content in found.items() if content is not None}

    def put(self, contents: Mapping[str, bytes]) -> None:
        """Write files, replacing those that exist; one request each, several at a time."""

        def write(name: str) -> None:
            self._files.pipe_file(self._path(name), contents[name])

        self._each(write, contents)

    def create(self, contents: Mapping[str, bytes]) -> set[str]:
        """Write files that do not exist yet, and return their names. Of two writers at once, only one creates a file.

        One request each (`If-None-Match: *`), several at a time.
        """

        def write(name: str) -> bool:
            try:
                self._files.pipe_file(self._path(name), contents[name], mode="create")
            except OSError as error:
                if not _exists_already(error):
                    raise
                return False
            return True

        return {name for name, created in self._each(write, contents).items() if created}

    def list(self, folder: str = "") -> dict[str, float]:
        """Name -> time of the last write, in seconds since 1970; all files below a folder, 1000 in a request."""
        with self._failures():
            path = self._path(folder)
            try:
                found = self._files.find(path, detail=True)
            except FileNotFoundError as error:
                if _code(error) in NO_BUCKET:
                    raise
                return {}
        start = len(self._root) + 1
        return {file[start:]: modified_at(facts) for file, facts in found.items() if len(file) > start}

    def delete(self, names: Iterable[str]) -> None:
        """Delete files, up to 1000 in a request; those that do not exist are ignored."""
        paths = [self._path(name) for name in names]
        for start in range(0, len(paths), 1000):
            with self._failures():
                self._delete(paths[start : start + 1000])

    def _delete(self, paths: Sequence[str]) -> None:
        if self._files.async_impl:
            with suppress(FileNotFoundError):  # another process was faster
                self._files.rm(paths)
            return
        for path in paths:  # others stop at the first one that does not exist
            with suppress(FileNotFoundError):
                self._files.rm_file(path)

    def _read(self, name: str) -> bytes | None:
        try:
            content: bytes = self._files.cat_file(self._path(name))
        except FileNotFoundError as error:
            if _code(error) in NO_BUCKET:
                raise
            return None
        return content

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _each(self, function: Callable[[str], T], names: Iterable[str]) -> dict[str, T]:
        wanted = list(dict.fromkeys(names))
        with self._failures():
            if len(wanted) < 2 or not self._files.async_impl:
                return {name: function(name) for name in wanted}
            with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(wanted)), thread_name_prefix="diptych-objects") as pool:
                return dict(zip(wanted, pool.map(function, wanted), strict=True))

    @property
    def _files(self) -> Any:
        return self._opened[0]

    @property
    def _root(self) -> str:
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """fsspec's file system, and the path of the URL in it."""
        if self._parent:
            return self._parent._files, self._parent._path(self.url.rpartition("/")[2])
        files, root = open_files(self.url)
        return files, root.rstrip("/")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Raise what the libraries raise, which is of many kinds, as `StoreError`."""
        try:
            yield
        except (SettingsError, StoreError):
            raise
        except Exception as error:
            missing = "create the bucket, or correct the setting `pictures`"
            raise StoreError(f"{self.url}: {explain(error, missing, 'read, write, list and delete')}") from error


def _exists_already(error: OSError) -> bool:
    """Whether a file was not created because it exists, or because another writer is creating it."""
    # Some S3 servers name no condition, which s3fs looks for.
    return isinstance(error, FileExistsError) or _code(error) in ("PreconditionFailed", "ConditionalRequestConflict")


def _code(error: BaseException) -> str:
    """The error code of an S3 or Azure server; empty for others."""
    for one in (error, error.__cause__):
        answer = getattr(one, "response", None)
        if isinstance(answer, dict):
            return str(answer.get("Error", {}).get("Code", ""))
        if code := getattr(one, "error_code", ""):
            return str(getattr(code, "value", code))  # a member of an enumeration if it is known
    return ""


def explain(error: Exception, missing: str, rights: str) -> str:
    """What a failure of a library means, and the way out. `missing`: for what does not exist."""
    reason = " ".join(str(error).split())[:MAX_REASON_CHARACTERS] or type(error).__name__
    if isinstance(error, FileNotFoundError) or _code(error) in NO_BUCKET:
        return f"does not exist; {missing}"
    names = type(error).__name__ + _code(error)
    if isinstance(error, PermissionError) or any(word in names for word in _REFUSALS):
        return f"access is denied ({reason}); check the credentials in the environment, and their rights to {rights}"
    return f"cannot be reached ({reason}); check the network and the server, then run again"


def modified_at(facts: Mapping[str, Any]) -> float:
    """Infinity if the library reports no time, so that the file never counts as old."""
    value = next((facts[name] for name in _MODIFIED if facts.get(name) is not None), float("inf"))
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else float(value)


def local_copy(url: str, cache: Path) -> Path:
    """The folder for the local copy of what is below a URL."""
    return cache / "pictures" / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]
