"""Buckets and SFTP servers."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from diptych.errors import SettingsError, SourceError
from diptych.object_store import explain, modified_at, open_files
from diptych.places.entry import Entry, timed_state
from extractors.addresses import KEPT
from extractors.types import FileState

_MARKERS = ("generation", "ETag", "etag")
"""Where the libraries put what changes with the bytes. The ETag of a multipart upload is no hash, but changes too."""
MISSING = "check the address, and whether the bucket or folder exists"


class ObjectPlace:
    """A bucket, a container, or an SFTP server; see `Place`."""

    def __init__(self, base: str, options: Mapping[str, str]) -> None:
        """`base`: `s3://bucket`. `options`: of fsspec's file system, such as credentials."""
        self._base, self._options = base, options

    def list_folder(self, uri: str) -> tuple[list[str], list[Entry]]:
        folders, files = [], []
        with self._failures(uri):
            path = self._path(uri)
            for facts in sorted(self._files.ls(path, detail=True), key=lambda one: str(one["name"])):
                if self._base.startswith("s3:") and facts["type"] == "directory" and str(facts["name"]).endswith("/"):
                    folders.append(f"{uri.rstrip('/')}//")  # of a key such as `a//b.pdf`
                    continue
                name = str(facts["name"]).rstrip("/").rpartition("/")[2]
                if not name or str(facts["name"]).strip("/") == path.strip("/"):  # an object that marks a folder
                    continue
                child = f"{uri.rstrip('/')}/{quote(name, safe=KEPT)}"
                if facts.get("type") == "link":
                    found = self._info(child)
                    if not found or found["type"] == "directory":  # of folders, it could lead in a circle
                        continue
                    facts = found
                if facts.get("type") == "directory":
                    folders.append(child)
                else:
                    files.append(_entry(child, facts))
        return folders, files

    def find(self, uri: str) -> Entry | bool:
        with self._failures(uri):
            facts = self._info(uri)
        if facts is None:
            return False
        return True if facts["type"] == "directory" else _entry(uri, facts)

    def fetch(self, uri: str, file: Path) -> None:
        with self._failures(uri, "it was removed since it was listed; the next run notices"):
            self._files.get_file(self._path(uri), str(file))

    def _info(self, uri: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._files.info(self._path(uri))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found

    def _path(self, uri: str) -> str:
        key = unquote(uri.removeprefix(self._base).strip("/"))
        return f"{self._opened[1].rstrip('/')}/{key}".rstrip("/") or "/"

    @property
    def _files(self) -> Any:
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        root = f"{self._base}/" if self._base.startswith("sftp") else self._base
        return open_files(root, self._options)

    @contextmanager
    def _failures(self, uri: str, missing: str = MISSING) -> Iterator[None]:
        """Raise what the libraries raise, which is of many kinds, as `SourceError`."""
        try:
            yield
        except (SettingsError, SourceError):
            raise
        except Exception as error:
            if type(error).__name__ == "HostKeyNotVerifiable":
                server = urlsplit(self._base)
                raise SourceError(
                    f"{uri}: the key of the server is not known; check it and add it to ~/.ssh/known_hosts, for "
                    f"example with `ssh-keyscan -p {server.port or 22} {server.hostname}`"
                ) from error
            raise SourceError(f"{uri}: {explain(error, missing, 'list and read')}") from error


def _entry(uri: str, facts: Mapping[str, Any]) -> Entry:
    size, modified = int(facts.get("size") or 0), modified_at(facts)
    modified = 0.0 if math.isinf(modified) else modified
    marker = next((str(facts[name]) for name in _MARKERS if facts.get(name)), "")
    return Entry(uri, FileState(size, modified, f"{size}-{marker}") if marker else timed_state(size, modified))
