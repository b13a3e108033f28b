"""Download the pictures that a catalogue names by URL into a folder, within limits of size and time."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import SourceError
from diptych.places.web import DEFAULT_LIMITS, Limits, TimedOut, open_client, open_url, server_of
from extractors.atomic_write import write_file

if TYPE_CHECKING:
    import httpx2

FIRST_WAIT_HOURS, MAX_WAIT_HOURS = 6, 7 * 24
"""Until an address is tried again; each further failure waits four times as long, at most the maximum."""
Fetched = Path | str
"""The downloaded file, or a sentence that says why there is none."""
Fetch = Callable[[Iterable[str]], Mapping[str, Fetched]]

_MAX_CONNECTIONS = 8
# By content: servers often send application/octet-stream for pictures, or image/png for an error page.
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x0cjP  ")
_VALIDATORS = {"etag": "if-none-match", "last-modified": "if-modified-since"}


class SilentAddresses:
    """One small file per address in a folder. Several processes may share it: the last writer wins."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waits_until(self, address: str) -> str:
        """When an address is tried again, as `2030-01-31 02:00 UTC`; empty if it may be tried now."""
        until, now = self._read(address)[1], time.time()
        if not now < until <= now + 3600 * MAX_WAIT_HOURS:  # later only if a clock was wrong when it was written
            return ""
        return f"{datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC"

    def add(self, address: str) -> None:
        """An address did not answer in time."""
        failures = self._read(address)[0] + 1
        hours = min(FIRST_WAIT_HOURS * 4 ** min(failures - 1, 5), MAX_WAIT_HOURS)
        write_file(self._file(address), json.dumps([failures, time.time() + 3600 * hours]).encode())

    def remove(self, address: str) -> None:
        """An address answered."""
        with suppress(OSError):
            self._file(address).unlink(missing_ok=True)

    def _read(self, address: str) -> tuple[int, float]:
        """Failures in a row, and the time of the next attempt in seconds since 1970."""
        try:
            failures, until = json.loads(self._file(address).read_bytes())
            return int(failures), float(until)
        except (OSError, ValueError, TypeError):
            return 0, 0.0

    def _file(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()}.silent"


def fetcher(folder: Path, limits: Limits = DEFAULT_LIMITS, *, retry: bool = False) -> Fetch:
    """A function that downloads URLs into `folder`, which it creates if necessary.

    Pictures and servers that did not answer in time are left alone for some hours, unless `retry` is set.
    """

    def fetch(urls: Iterable[str]) -> dict[str, Fetched]:
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return {}
        with (
            open_client() as client,
            ThreadPoolExecutor(min(_MAX_CONNECTIONS, len(wanted))) as pool,
        ):
            fetched = pool.map(lambda url: _fetch(url, folder, limits, client, retry), wanted)
            return dict(zip(wanted, fetched, strict=True))

    return fetch


def _fetch(url: str, folder: Path, limits: Limits, client: httpx2.Client, retry: bool) -> Fetched:
    """Download one picture. If that fails, an earlier download is used."""
    silent = SilentAddresses(folder)
    file = folder / hashlib.sha256(url.encode()).hexdigest()
    known = _read_headers(file) if file.exists() else {}
    try:
        for address in () if retry else (server_of(url), url):
            if until := silent.waits_until(address):
                raise SourceError(
                    f"{url}: did not answer in time and is not tried before {until}; "
                    f"`diptych retry --all` tries now; or {limits.instead}"
                )
        downloaded = _download(url, file, known, limits, client)
        for address in (server_of(url), url):
            silent.remove(address)
        return downloaded
    except SourceError as error:
        if isinstance(error, TimedOut):
            silent.add(error.address)
        return file if known.get("url") == url else str(error)


def _download(url: str, file: Path, known: Mapping[str, str], limits: Limits, client: httpx2.Client) -> Path:
    validators = {request: known[header] for header, request in _VALIDATORS.items() if known.get(header)}
    with open_url(url, client, limits, {"accept": "image/*", **validators}) as answer:
        if answer.status == 304 and file.exists():
            return file
        if answer.status != 200:
            raise SourceError(f"{url}: the server answers {answer.status}")
        data = b"".join(answer.chunks())
        headers = {name: answer.headers[name] for name in (*_VALIDATORS, "content-type") if name in answer.headers}
    kind = headers.pop("content-type", "something else")
    head = data[:12]
    if not (head.startswith(_SIGNATURES) or head[:4] + head[8:] == b"RIFFWEBP" or head[4:8] == b"ftyp"):
        raise SourceError(f"{url}: the server sends {kind}, not a picture of a known format")
    write_file(file, data)
    write_file(file.with_suffix(".json"), json.dumps({"url": url, **headers}).encode())
    return file


def _read_headers(file: Path) -> dict[str, str]:
    """The URL of an earlier download and its validators."""
    try:
        return {str(name): str(value) for name, value in json.loads(file.with_suffix(".json").read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}
