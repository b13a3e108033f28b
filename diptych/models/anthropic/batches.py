"""Anthropic's Message Batches: asks that may take a day, at half the price. Vertex and Bedrock have none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from diptych.errors import ProviderError
from diptych.models.anthropic.errors import Lost, parsed
from diptych.models.anthropic.messages import answer, params, replied
from diptych.models.vision import BatchItem, Reply, VisionRequest

if TYPE_CHECKING:
    import anthropic
    from anthropic.types.messages.batch_create_params import Request

    from diptych.models.anthropic.client import Client, Connection

ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WHY = {
    "canceled": "the batch was cancelled before its turn came",
    "expired": "the batch ended after 24 hours before its turn came",
}


class _Counts(BaseModel):
    processing: int = Field(0, ge=0)
    succeeded: int = Field(0, ge=0)
    errored: int = Field(0, ge=0)
    canceled: int = Field(0, ge=0)
    expired: int = Field(0, ge=0)


class _State(BaseModel, from_attributes=True):
    id: str = Field(min_length=1)
    processing_status: str
    request_counts: _Counts


class ClaudeBatches:
    """A `Batches`. Who fetches counts the usage of the replies, since a batch can be fetched twice.

    Limits: https://platform.claude.com/docs/en/build-with-claude/batch-processing, read on 2026-11-21.
    """

    max_requests = 100_000
    max_bytes = 256_000_000

    def __init__(self, name: str, model: str, connection: Connection) -> None:
        """`name`: as the settings write it; `model`: as Anthropic does."""
        self._name, self._model, self._connection = name, model, connection

    def size(self, item: BatchItem) -> int:
        """See `Batches`."""
        return len(json.dumps(self._request(item)).encode()) + 1

    def submit(self, items: list[BatchItem]) -> str:
        """See `Batches`. A request of which no answer came is not repeated: the batch may run, and would run twice."""
        for item in items:
            if not ID.fullmatch(item.id):
                raise ProviderError(f"{self._name}: `{item.id[:80]}` cannot name an item of a batch")
        requests = cast("list[Request]", [self._request(item) for item in items])

        def create(client: Client, timeout: anthropic.Timeout) -> bytes:
            return _direct(client).messages.batches.with_raw_response.create(requests=requests, timeout=timeout).read()

        def once(seconds: float) -> _State | ProviderError:
            try:
                data = self._connection.called(create, seconds)
            except Lost as error:
                return error
            try:
                return self._state(data)
            except ProviderError as error:
                return error

        made = self._connection.patiently(once)
        if isinstance(made, ProviderError):
            raise ProviderError(f"{made}; the batch may be under way all the same, see the console", transient=True)
        return made.id

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """See `Batches`. Anthropic counts no item as answered before the whole batch has ended."""

        def retrieve(client: Client, timeout: anthropic.Timeout) -> bytes:
            return _direct(client).messages.batches.with_raw_response.retrieve(batch, timeout=timeout).read()

        state = self._connection.patiently(lambda seconds: self._state(self._connection.called(retrieve, seconds)))
        counts = state.request_counts
        done = counts.succeeded + counts.errored + counts.canceled + counts.expired
        return state.processing_status == "ended", done, done + counts.processing

    def fetch(self, batch: str, asks: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """See `Batches`. Lines that cannot be read are left out."""

        def results(client: Client, timeout: anthropic.Timeout) -> bytes:
            import httpx2

            # Not by the SDK's `results`, which asks whatever address the server names, and fails on a broken line.
            path = f"/v1/messages/batches/{quote(batch, safe='')}/results"
            return client.get(path, cast_to=httpx2.Response, options={"timeout": timeout}).content

        def once(seconds: float) -> list[bytes]:
            lines = self._connection.called(results, seconds).splitlines()
            if lines and all(_line(line) is None for line in lines):
                parsed(self._name, lines[0])
                raise ProviderError(f"{self._name}: the batch's results are of no known form", transient=True)
            return lines

        found = filter(None, map(_line, self._connection.patiently(once)))
        told = {name: (result, asks(name)) for name, result in found}
        return {name: self._read(result, ask) for name, (result, ask) in told.items() if ask is not None}

    def _read(self, result: dict[str, Any], ask: VisionRequest) -> Reply | str:
        kind = result.get("type")
        if kind != "succeeded":
            return _WHY.get(str(kind)) or _failure(result)
        try:
            return replied(answer(self._name, result.get("message")), ask, batched=True)
        except ProviderError as error:
            return str(error)

    def _request(self, item: BatchItem) -> dict[str, Any]:
        return {"custom_id": item.id, "params": params(self._model, item.ask)}

    def _state(self, data: bytes) -> _State:
        try:
            return _State.model_validate(parsed(self._name, data))
        except ValidationError:
            raise ProviderError(f"{self._name}: the server's word on the batch is of no known form") from None


def _direct(client: Client) -> anthropic.Anthropic:
    """Only the direct client has batches."""
    import anthropic

    assert isinstance(client, anthropic.Anthropic)
    return client


def _line(line: bytes) -> tuple[str, dict[str, Any]] | None:
    """(item id, its result); None when the line is broken."""
    try:
        told = json.loads(line)
        return str(told["custom_id"]), dict(told["result"])
    except (ValueError, KeyError, TypeError):
        return None


def _failure(result: dict[str, Any]) -> str:
    try:
        error = result["error"]["error"]
        said = f"{error['type']}: {error['message']}"
    except (KeyError, TypeError):
        said = "no reason given"
    return f"the request failed in the batch ({' '.join(said.split())[:200]})"
