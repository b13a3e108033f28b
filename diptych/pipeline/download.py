"""Download the pictures that a catalogue names by URL into a folder, within limits of size and time."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diptych.errors import SourceError
from diptych.pipeline.silent_addresses import SilentAddresses
from extractors.atomic_write import write_file

if TYPE_CHECKING:
    import httpx2

Fetched = Path | str
"""The downloaded file, or a sentence that says why there is none."""
Fetch = Callable[[Iterable[str]], Mapping[str, Fetched]]

_MAX_REDIRECTS = 5
_MAX_CONNECTIONS = 8
# By content: servers often send application/octet-stream for pictures, or image/png for an error page.
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x0cjP  ")
_VALIDATORS = {"etag": "if-none-match", "last-modified": "if-modified-since"}


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int = 32 * 2**20
    seconds: float = 30
    """For one picture, including redirects."""
    private: bool = False
    """Whether addresses of private networks (10.0.0.0/8, localhost, ...) are allowed: catalogues are not trusted."""
    instead: str = "put the picture itself beside the catalogue"
    """What messages advise when a picture cannot be had from its address."""


class _TimedOut(SourceError):
    """A picture or its server did not answer in time."""

    def __init__(self, url: str, address: str, reason: str) -> None:
        """`address`: what to leave alone for a while, the picture or all pictures of the server."""
        super().__init__(f"{url}: {reason}")
        self.address = address


def fetcher(folder: Path, limits: Limits = Limits(), *, retry: bool = False) -> Fetch:
    """A function that downloads URLs into `folder`, which it creates if necessary.

    Pictures and servers that did not answer in time are left alone for some hours, unless `retry` is set.
    """

    def fetch(urls: Iterable[str]) -> dict[str, Fetched]:
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return {}
        import httpx2

        # No proxy from the environment: it would look up names itself and bypass the check of addresses.
        with (
            httpx2.Client(trust_env=False, follow_redirects=False) as client,
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
        for address in () if retry else (_server(url), url):
            if until := silent.waits_until(address):
                raise SourceError(
                    f"{url}: did not answer in time and is not tried before {until}; "
                    f"`diptych retry --all` tries now; or {limits.instead}"
                )
        downloaded = _download(url, file, known, limits, client)
        for address in (_server(url), url):
            silent.remove(address)
        return downloaded
    except SourceError as error:
        if isinstance(error, _TimedOut):
            silent.add(error.address)
        return file if known.get("url") == url else str(error)


def _download(url: str, file: Path, known: Mapping[str, str], limits: Limits, client: httpx2.Client) -> Path:
    import httpx2

    deadline = time.monotonic() + limits.seconds
    try:
        location = httpx2.URL(url)
        for _ in range(_MAX_REDIRECTS + 1):
            request = _build_request(location, known, limits, client, deadline)
            response = client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return _save(url, response, file, limits, deadline)
                location = location.join(response.headers["location"])
            finally:
                response.close()
    except httpx2.TimeoutException as error:
        address = _server(url) if isinstance(error, httpx2.ConnectTimeout) else url
        raise _TimedOut(url, address, f"takes longer than {limits.seconds:g} s; {limits.instead}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SourceError(f"{url}: cannot be downloaded ({error or type(error).__name__})") from error
    raise SourceError(f"{url}: redirected more than {_MAX_REDIRECTS} times; use the final address")


def _build_request(
    url: httpx2.URL, known: Mapping[str, str], limits: Limits, client: httpx2.Client, deadline: float
) -> httpx2.Request:
    """A request to the address that was checked, so that a second name look-up cannot lead elsewhere."""
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceError(f"{url}: only http and https addresses can be downloaded")
    address = _resolve_host(url, limits)
    headers = {"host": url.netloc.decode(), "accept": "image/*", "accept-encoding": "identity"}
    headers |= {request: known[header] for header, request in _VALIDATORS.items() if known.get(header)}
    return client.build_request(
        "GET",
        url.copy_with(host=address),
        headers=headers,
        timeout=max(deadline - time.monotonic(), 0.1),
        extensions={"sni_hostname": url.host},
    )


def _resolve_host(url: httpx2.URL, limits: Limits) -> str:
    """One address of the host. Raises `SourceError` if any of them is in a private network."""
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"{url}: the host {url.host} is unknown") from error
    addresses = [str(entry[4][0]).split("%")[0] for entry in found]
    if not limits.private and not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise SourceError(f"{url}: {url.host} is in a private network; set private_addresses to allow it")
    return addresses[0]


def _save(url: str, response: httpx2.Response, file: Path, limits: Limits, deadline: float) -> Path:
    if response.status_code == 304 and file.exists():
        return file
    if response.status_code != 200:
        raise SourceError(f"{url}: the server answers {response.status_code}")
    data = bytearray()
    for chunk in response.iter_raw():
        data += chunk
        if len(data) > limits.max_bytes:
            raise SourceError(f"{url}: larger than {limits.max_bytes >> 20} MiB; {limits.instead}")
        if time.monotonic() > deadline:
            raise _TimedOut(url, url, f"takes longer than {limits.seconds:g} s; {limits.instead}")
    head = bytes(data[:12])
    is_picture = head.startswith(_SIGNATURES) or (head[:4] + head[8:] == b"RIFFWEBP") or head[4:8] == b"ftyp"
    if not is_picture:
        kind = response.headers.get("content-type", "something else")
        raise SourceError(f"{url}: the server sends {kind}, not a picture of a known format")
    write_file(file, bytes(data))
    headers = {name: response.headers[name] for name in _VALIDATORS if name in response.headers}
    write_file(file.with_suffix(".json"), json.dumps({"url": url, **headers}).encode())
    return file


def _server(url: str) -> str:
    """`https://example.org:8000`, without the path."""
    return "/".join(url.split("/", 3)[:3])


def _read_headers(file: Path) -> dict[str, str]:
    """The URL of an earlier download and its validators."""
    try:
        return {str(name): str(value) for name, value in json.loads(file.with_suffix(".json").read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}
