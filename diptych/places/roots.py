"""The paths that users give: files, folders and patterns, on this machine or in another place."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote, urldefrag

from diptych.errors import SourceError
from diptych.places.web import check_url
from extractors.addresses import KEPT, PLACES, is_elsewhere, place_path

ALIASES = {"s3a": "s3", "gcs": "gs", "ssh": "sftp"}
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Root:
    """A path as a user gave it, and what it stands for."""

    given: str
    address: str
    """Of a file or folder: a path, or a URI without a slash at its end."""
    pattern: str = ""
    """In the syntax of .gitignore, relative to the address: only files that match are meant."""

    def __str__(self) -> str:
        return self.given

    @property
    def is_elsewhere(self) -> bool:
        return is_elsewhere(self.address)

    @property
    def path(self) -> Path:
        """For a local one."""
        return Path(self.address)

    def covers(self, place: str) -> bool:
        """Whether this stands for a file: an absolute path, in which links are not followed, or a URI."""
        if place == self.address:
            return not self.pattern
        folder = f"{self.address.rstrip('/')}/"
        if not place.startswith(folder) or self.address.startswith("http"):
            return False
        name = place.removeprefix(folder)
        name = unquote(name) if self.is_elsewhere else name
        from pathspec import GitIgnoreSpec

        return not self.pattern or GitIgnoreSpec.from_lines([self.pattern]).match_file(name)


def parse_root(given: str | Path) -> Root:
    """Raises `SourceError` for a URI that cannot be read, and for one with credentials, without repeating them.

    An empty text, such as that of a variable or field that was not filled in, is refused: it would be this folder.
    """
    text = str(given)
    if not text.strip():
        raise SourceError("one of the paths is empty; give a file or folder, or `.` for the current folder")
    scheme, found, rest = text.partition("://")
    scheme = scheme.lower()
    if not found or scheme == "file":
        return _with_pattern(text, str(Path(place_path(text) if found else text).expanduser()))
    scheme = ALIASES.get(scheme, scheme)
    if scheme not in PLACES:
        known = ", ".join(f"{one}://" for one in PLACES)
        raise SourceError(f"{scheme}:// addresses are not read; use a path, or one of {known}")
    if scheme in ("https", "http"):
        check_url(text)
        return Root(text, urldefrag(text).url)
    host, _, key = rest.partition("/")
    user, at, _ = host.rpartition("@")
    if at and ":" in user:
        raise SourceError(
            f"a {scheme}:// address contains a password, which would be stored; use it without, and put credentials "
            "into the environment or the setting `places`"
        )
    return _with_pattern(text, f"{scheme}://{host}/{quote(unquote(key), safe=KEPT)}".rstrip("/"))


def _with_pattern(given: str, address: str) -> Root:
    decoded = unquote(address) if "://" in address else address
    if not _GLOB.search(decoded) or Path(decoded).exists():
        return Root(given, address)
    parts = decoded.split("/")
    at = next(index for index, part in enumerate(parts) if _GLOB.search(part))
    scheme, found, rest = "/".join(parts[:at]).partition("://")
    fixed = f"{scheme}://{quote(rest, safe=KEPT)}" if found else scheme or ("/" if address.startswith("/") else ".")
    return Root(given, fixed, "/" + "/".join(parts[at:]))


def real_roots(paths: Iterable[str | Path]) -> list[Root]:
    """The roots of paths, with links followed in local ones, as in the addresses of documents."""
    roots = map(parse_root, paths)
    return [one if one.is_elsewhere else replace(one, address=os.path.realpath(one.address)) for one in roots]
