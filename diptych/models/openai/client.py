"""The one client of OpenAI's SDK for each endpoint, and requests through it that are patient and fail in our words."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import openai

from diptych.models.openai.errors import translated
from diptych.models.request_queue import api_key, request_queue
from diptych.settings import Endpoint

T = TypeVar("T")
ADDRESS = "https://api.openai.com/v1"
CONNECT = 10.0
"""Seconds for a connection to be made."""


def client(endpoint: Endpoint) -> openai.OpenAI:
    """The SDK's client for an endpoint, one a process; it tries nothing again, that is the `Line`'s part.

    Raises `ModelError` when there is no key.
    """
    return _client(endpoint.base_url or ADDRESS, api_key(endpoint))


@functools.cache
def _client(address: str, secret: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=secret, base_url=address, max_retries=0)


def timeout(seconds: float) -> openai.Timeout:
    """Of one attempt."""
    return openai.Timeout(seconds, connect=min(CONNECT, seconds))


def patiently(
    name: str, endpoint: Endpoint, request: Callable[[openai.OpenAI, openai.Timeout], T], tokens: int = 0
) -> T:
    """What a request gives, tried again while its failure is transient; see `Line.call`. Raises `ProviderError`.

    `name`: of the model, as the settings write it.
    """
    sdk = client(endpoint)

    def attempt(seconds: float) -> T:
        with translated(name, endpoint):
            return request(sdk, timeout(seconds))

    return request_queue(endpoint).call(attempt, tokens)
