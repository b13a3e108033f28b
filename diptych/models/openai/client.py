"""OpenAI's SDK client, one per endpoint, and requests through the endpoint's queue."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import openai

from diptych.models.api_keys import api_key
from diptych.models.openai.errors import openai_errors, openai_server
from diptych.models.request_queue import request_queue
from diptych.settings import Endpoint

T = TypeVar("T")
ADDRESS = "https://api.openai.com/v1"
CONNECT_SECONDS = 10.0


def openai_client(endpoint: Endpoint) -> openai.OpenAI:
    """The SDK's client for an endpoint, one per process, without retries of its own.

    Raises `ModelError` when there is no key.
    """
    return _client(endpoint.base_url or ADDRESS, api_key(endpoint))


@functools.cache
def _client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(api_key=key, base_url=address, max_retries=0)


def send(name: str, endpoint: Endpoint, request: Callable[[openai.OpenAI, openai.Timeout], T], tokens: int = 0) -> T:
    """Return what `request` returns, with retries; see `RequestQueue.call`. Raises `ProviderError`.

    `name`: of the model, as the settings write it.
    """
    client, server = openai_client(endpoint), openai_server(name, endpoint)

    def attempt(seconds: float) -> T:
        with openai_errors(server):
            return request(client, openai.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)))

    return request_queue(endpoint).call(attempt, tokens)
