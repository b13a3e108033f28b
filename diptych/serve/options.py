"""What the operator of a server decides; no request can change it."""

import ipaddress
import re
from dataclasses import dataclass, field

from diptych.errors import SettingsError
from diptych.where import Expression

PREFIX = "/api/v1"
"""Of the addresses of the REST API."""
TOKEN_VARIABLE = "DIPTYCH_TOKEN"
"""Environment variable with the token of the server."""
VALID_PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._~-]*)+")
OWN_PATHS = ("api", "ask", "catalogue", "documents", "hits", "images", "login", "mcp", "metrics", "static")
"""With one of these as prefix, nobody could tell whether a proxy has removed it."""
MIN_TOKEN = 16
"""Characters; a shorter token could be guessed."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of a server. Raises `SettingsError` if the address can be reached by others and there is no token."""

    host: str = "127.0.0.1"
    port: int = 8321
    token: str = field(default="", repr=False)
    """Required from every client, if set."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which browsers reach the server, such as that of a reverse proxy."""
    prefix: str = ""
    """Path below which a reverse proxy serves this server, such as `/search`; empty: it has a host name of its own."""
    rate: float = 50
    """Requests per second of one client; those that may start a model count for ten, pictures for a twentieth."""
    where: Expression | None = None
    """A filter that every query gets in addition to its own."""
    roots: tuple[str, ...] = ()
    """Folders, files and URIs that clients may have ingested; empty: none."""
    write: bool = False
    """Whether documents may be deleted."""

    def __post_init__(self) -> None:
        if self.prefix and not VALID_PREFIX.fullmatch(self.prefix):
            raise SettingsError(f"the prefix {self.prefix[:80]!r} is not a path such as /search or /team/search")
        if (first := self.prefix.partition("/")[2].partition("/")[0]) in OWN_PATHS:
            raise SettingsError(f"the prefix /{first} is an address of the server itself; choose another one")
        if self.token and len(self.token) < MIN_TOKEN:
            raise SettingsError(
                f"the token in {TOKEN_VARIABLE} is shorter than {MIN_TOKEN} characters; use a longer one"
            )
        if not (self.token.isascii() and self.token.isprintable()):
            raise SettingsError(
                f"the token in {TOKEN_VARIABLE} has characters that headers cannot hold; use ASCII only"
            )
        if not self.token and not is_loopback(self.host):
            raise SettingsError(
                f"{self.host} can be reached from other machines, which requires a token: set {TOKEN_VARIABLE} to at "
                f"least {MIN_TOKEN} random characters, or omit --host to serve this machine only"
            )


def is_loopback(host: str) -> bool:
    """Whether an address can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
