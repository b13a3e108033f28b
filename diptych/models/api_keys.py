"""API keys, from the environment variables that the settings name. No message ever contains one."""

import ipaddress
from urllib.parse import urlsplit

from diptych.endpoints import Endpoint
from diptych.errors import ModelError

NO_KEY = "none"
"""Sent as the key to servers that need none."""


def api_key(endpoint: Endpoint) -> str:
    """The endpoint's key; `NO_KEY` if it has none and its server is in the local network.

    Raises `ModelError` when the key is missing or cannot be one.
    """
    secret = endpoint.secret
    if not secret:
        if is_local(endpoint.address):
            return NO_KEY
        if not endpoint.key:
            raise ModelError(
                f"no key: set `{endpoint.section}.key` to the name of the environment variable that holds it"
            )
        raise ModelError(
            f"no key: the environment variable {endpoint.key} is empty (setting `{endpoint.section}.key` names it)"
        )
    if not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ModelError(
            f"the environment variable {endpoint.key} does not hold a key: it contains blanks or special characters"
        )
    return secret


def is_local(base_url: str | None) -> bool:
    """Whether the address is on this machine or in its own network."""
    host = urlsplit(base_url or "").hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Names without dots, such as those of containers, are local.
        return bool(host) and ("." not in host or host.endswith((".localhost", ".local", ".internal")))
    return address.is_loopback or address.is_private
