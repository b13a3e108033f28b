"""Requests to web addresses that are not trusted: redirects, size, time and the network they lead to are limited.

Catalogue pictures and documents come through here. Addresses in forms, catalogues and redirects may be hostile.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from diptych.errors import SourceError
from diptych.places.entry import Entry, timed_state
from extractors.formats import formats
from extractors.types import FileState

if TYPE_CHECKING:
    import httpx2

MAX_REDIRECTS = 5
_SECRET = re.compile(r"(?i)token|sig|key|secret|pass|pwd|auth|cred|session|^code$|^sv$")
"""Names of query parameters that hold credentials, as in presigned URLs."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_bytes: int = 32 * 2**20
    seconds: float = 30
    """For one file, including redirects."""
    private: bool = False
    """Whether addresses of private networks (10.0.0.0/8, localhost, ...) are allowed."""
    instead: str = "put the picture itself beside the catalogue"
    """What messages advise when a file cannot be had from its address."""


DEFAULT_LIMITS = Limits()


class TimedOut(SourceError):
    """A file or its server did not answer in time."""

    def __init__(self, url: str, address: str, reason: str) -> None:
        """`address`: what to leave alone for a while, the file or everything on the server."""
        super().__init__(f"{url}: {reason}")
        self.address = address


class WebFile:
    """The answer to a request, after redirects."""

    def __init__(self, url: str, response: httpx2.Response, limits: Limits, deadline: float) -> None:
        self._url, self._response, self._limits, self._deadline = url, response, limits, deadline
        self.status, self.headers = response.status_code, response.headers

    def chunks(self) -> Iterator[bytes]:
        """The body. Raises `SourceError` when it is too large or takes too long."""
        size = 0
        for chunk in self._response.iter_raw():
            size += len(chunk)
            if size > self._limits.max_bytes:
                raise SourceError(
                    f"{self._url}: larger than {self._limits.max_bytes >> 20} MiB; {self._limits.instead}"
                )
            if time.monotonic() > self._deadline:
                raise TimedOut(self._url, self._url, _too_slow(self._limits))
            yield chunk


def check_url(url: str) -> None:
    """Raise `SourceError` for a URL with credentials, without repeating them."""
    parts, secret = urlsplit(url), secret_parameter(url)
    if "@" in parts.netloc or secret:
        where = f"in its parameter {secret!r}" if secret else "before its host name"
        raise SourceError(
            f"a URL on {parts.hostname} has credentials {where}, which would be stored; use an address without them"
        )


def secret_parameter(url: str) -> str:
    """The name of the first query parameter that holds credentials, or nothing."""
    names = (name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return next(filter(_SECRET.search, names), "")


def open_client() -> httpx2.Client:
    """No proxy from the environment: it would look up names itself and bypass the check of addresses."""
    import httpx2

    return httpx2.Client(trust_env=False, follow_redirects=False)


@contextmanager
def open_url(
    url: str, client: httpx2.Client, limits: Limits, headers: Mapping[str, str], method: str = "GET"
) -> Iterator[WebFile]:
    """Send a request and follow its redirects, each to an address that was checked. Raises `SourceError`."""
    import httpx2

    deadline = time.monotonic() + limits.seconds
    try:
        location = httpx2.URL(url)
        for _ in range(MAX_REDIRECTS + 1):
            request = _build_request(method, location, headers, limits, client, deadline)
            response = client.send(request, stream=True)
            try:
                if response.next_request is None:
                    yield WebFile(url, response, limits, deadline)
                    return
                location = location.join(response.headers["location"])
            finally:
                response.close()
    except httpx2.TimeoutException as error:
        address = server_of(url) if isinstance(error, httpx2.ConnectTimeout) else url
        raise TimedOut(url, address, _too_slow(limits)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SourceError(f"{url}: cannot be downloaded ({error or type(error).__name__})") from error
    raise SourceError(f"{url}: redirected more than {MAX_REDIRECTS} times; use the final address")


def server_of(url: str) -> str:
    """`https://example.org:8000`, without the path."""
    return "/".join(url.split("/", 3)[:3])


def _build_request(
    method: str,
    url: httpx2.URL,
    headers: Mapping[str, str],
    limits: Limits,
    client: httpx2.Client,
    deadline: float,
) -> httpx2.Request:
    """A request to the address that was checked, so that a second name look-up cannot lead elsewhere."""
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceError(f"{url}: only http and https addresses can be downloaded")
    return client.build_request(
        method,
        url.copy_with(host=_resolve_host(url, limits)),
        headers={"host": url.netloc.decode(), "accept-encoding": "identity", **headers},
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
    if not limits.private and not all(_is_public(address) for address in addresses):
        raise SourceError(f"{url}: {url.host} is in a private network; set private_addresses to allow it")
    return addresses[0]


def _is_public(address: str) -> bool:
    """Also of the IPv4 address within an IPv6 address, where a gateway would send it."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if parsed in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner and not inner.is_global:
            return False
    return parsed.is_global and not parsed.is_multicast


def _too_slow(limits: Limits) -> str:
    return f"takes longer than {limits.seconds:g} s; {limits.instead}"


class WebPlace:
    """A web server; see `Place`. It lists no folders: every file is named by its URL."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def list_folder(self, uri: str) -> tuple[list[str], list[Entry]]:
        raise SourceError(f"{uri}: a web server cannot list its files; give the URL of each file")

    def find(self, uri: str) -> Entry | bool:
        """Asks for the headers; a server that refuses is asked for the file, of which nothing is read."""
        for method in ("HEAD", "GET"):
            with open_client() as client, open_url(uri, client, self._limits, {}, method) as answer:
                if answer.status in (404, 410):
                    return False
                if answer.status == 200:
                    return _entry(uri, answer.headers)
                status = answer.status
        raise SourceError(f"{uri}: {_refusal(status)}")

    def fetch(self, uri: str, file: Path) -> None:
        with open_client() as client, open_url(uri, client, self._limits, {}) as answer, file.open("wb") as opened:
            if answer.status != 200:
                raise SourceError(f"{uri}: {_refusal(answer.status)}")
            for chunk in answer.chunks():
                opened.write(chunk)


def _entry(uri: str, headers: httpx2.Headers) -> Entry:
    length = headers.get("content-length", "")
    size, modified = int(length) if length.isdecimal() else 0, 0.0
    with suppress(ValueError, TypeError):
        modified = parsedate_to_datetime(headers["last-modified"]).timestamp() if "last-modified" in headers else 0.0
    etag = headers.get("etag", "").removeprefix("W/")
    state = FileState(size, modified, f"{size}-{etag}") if etag else timed_state(size, modified)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Entry(uri, state, next((row.suffixes[0] for row in formats() if row.media_type == media_type), ""))


def _refusal(status: int) -> str:
    if status in (401, 403, 407):
        return f"the server refuses access ({status}); only public files can be read, so download it and use its path"
    return f"the server answers {status}; check the address, or run again later"
