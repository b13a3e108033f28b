"""Pictures that a catalogue names by URL, fetched into a folder: bounded in size and time, and kept."""

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
from extractors.atomic_write import write_file

if TYPE_CHECKING:
    import httpx2

Fetched = Path | str
"""Where the picture lies, or the sentence that says why it does not."""
Fetch = Callable[[Iterable[str]], Mapping[str, Fetched]]

_REDIRECTS = 5
_AT_ONCE = 8
# By content, since servers often say application/octet-stream, or image/png for an error page.
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int = 32 * 2**20
    seconds: float = 30
    """For one picture, redirects included."""
    private: bool = False
    """Whether addresses inside a network (10.0.0.0/8, localhost ...) may be asked; a catalogue is a stranger's file."""


def fetcher(folder: Path, limits: Limits | None = None) -> Fetch:
    """A function from URLs to where their pictures lie in `folder`, which it may create; loads nothing before."""

    def fetch(urls: Iterable[str]) -> dict[str, Fetched]:
        wanted = list(dict.fromkeys(urls))
        if not wanted:
            return {}
        import httpx2

        # No proxy from the environment: it would look names up itself, past the check of addresses.
        with (
            httpx2.Client(trust_env=False, follow_redirects=False) as client,
            ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool,
        ):
            return dict(
                zip(wanted, pool.map(lambda url: _one(url, folder, limits or Limits(), client), wanted), strict=True)
            )

    return fetch


def _one(url: str, folder: Path, limits: Limits, client: httpx2.Client) -> Fetched:
    """Fetch one picture; what was fetched before stands in when the server does not answer now."""
    kept = folder / hashlib.sha256(url.encode()).hexdigest()
    validators = kept.with_suffix(".json")
    known = _read(validators) if kept.exists() else {}
    try:
        return _follow(url, kept, known, limits, client)
    except SourceError as error:
        return kept if known.get("url") == url else str(error)


def _follow(url: str, kept: Path, known: Mapping[str, str], limits: Limits, client: httpx2.Client) -> Path:
    import httpx2

    deadline = time.monotonic() + limits.seconds
    at = httpx2.URL(url)
    for _ in range(_REDIRECTS + 1):
        request = _request(at, known, limits, client, deadline)
        try:
            response = client.send(request, stream=True)
            try:
                if response.next_request is not None:
                    at = at.join(response.headers["location"])
                    continue
                return _answer(url, response, kept, limits, deadline)
            finally:
                response.close()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SourceError(f"{url}: cannot be fetched ({error or type(error).__name__})") from error
    raise SourceError(f"{url}: redirected more than {_REDIRECTS} times; name the final address")


def _request(
    url: httpx2.URL, known: Mapping[str, str], limits: Limits, client: httpx2.Client, deadline: float
) -> httpx2.Request:
    """A request to the very address that was checked, so that a second look-up cannot lead elsewhere."""
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceError(f"{url}: only http and https addresses are fetched")
    address = _address(url, limits)
    headers = {"host": url.netloc.decode(), "accept": "image/*", "accept-encoding": "identity"}
    for name, validator in (("etag", "if-none-match"), ("last-modified", "if-modified-since")):
        if value := known.get(name):
            headers[validator] = value
    return client.build_request(
        "GET",
        url.copy_with(host=address),
        headers=headers,
        timeout=max(deadline - time.monotonic(), 0.1),
        extensions={"sni_hostname": url.host},
    )


def _address(url: httpx2.URL, limits: Limits) -> str:
    """One address of the host, or `SourceError` when any of them lies inside a network."""
    try:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceError(f"{url}: the host {url.host} is not known") from error
    addresses = [str(entry[4][0]).split("%")[0] for entry in found]
    if not limits.private and not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise SourceError(
            f"{url}: {url.host} lies inside a private network; set private_addresses to fetch from there all the same"
        )
    return addresses[0]


def _answer(url: str, response: httpx2.Response, kept: Path, limits: Limits, deadline: float) -> Path:
    if response.status_code == 304 and kept.exists():
        return kept
    if response.status_code != 200:
        raise SourceError(f"{url}: the server answers {response.status_code}")
    data = bytearray()
    for piece in response.iter_raw():
        data += piece
        if len(data) > limits.max_bytes:
            raise SourceError(
                f"{url}: larger than {limits.max_bytes >> 20} MiB; keep a smaller picture beside the catalogue"
            )
        if time.monotonic() > deadline:
            raise SourceError(f"{url}: takes longer than {limits.seconds:g} s; keep the picture beside the catalogue")
    if not _is_picture(bytes(data[:16])):
        kind = response.headers.get("content-type", "something else")
        raise SourceError(f"{url}: the server sends {kind}, not a PNG, JPEG, WebP, TIFF, GIF or BMP picture")
    write_file(kept, bytes(data))
    named = {name: response.headers[name] for name in ("etag", "last-modified") if name in response.headers}
    write_file(kept.with_suffix(".json"), json.dumps({"url": url, **named}).encode())
    return kept


def _is_picture(start: bytes) -> bool:
    return start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


def _read(path: Path) -> dict[str, str]:
    try:
        return {str(name): str(value) for name, value in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError):
        return {}
