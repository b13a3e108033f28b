"""Anthropic's Message Batches: requests that may take a day, at half the price. Vertex AI and Bedrock have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from diptych.errors import ProviderError
from diptych.models.anthropic.client import anthropic_errors
from diptych.models.anthropic.messages import parse_message, request_body, to_reply
from diptych.models.failures import ResponseLost, Server
from diptych.models.request_queue import NotRepeatable
from diptych.models.vision import BatchItem, Reply, VisionRequest

if TYPE_CHECKING:
    import anthropic
    from anthropic.types.messages.batch_create_params import Request

    from diptych.models.anthropic.client import Client, Connection

_UNSENT = {
    "canceled": "the batch was cancelled before this request was sent",
    "expired": "the batch ended after 24 hours before this request was sent",
}


class _Counts(BaseModel):
    processing: int = Field(0, ge=0)
    succeeded: int = Field(0, ge=0)
    errored: int = Field(0, ge=0)
    canceled: int = Field(0, ge=0)
    expired: int = Field(0, ge=0)


class _BatchState(BaseModel):
    id: str = Field(min_length=1)
    processing_status: str
    request_counts: _Counts


class MessageBatchApi:
    """A `BatchApi`. Callers count the usage of the replies, since a batch can be fetched twice.

    Limits: https://platform.claude.com/docs/en/build-with-claude/batch-processing, read on 2026-11-21.
    """

    max_requests = 100_000
    max_bytes = 256_000_000

    def __init__(self, name: str, model: str, connection: Connection) -> None:
        """`name`: as the settings write it; `model`: as Anthropic does."""
        self._name, self._model, self._connection = name, model, connection

    def size(self, item: BatchItem) -> int:
        return len(json.dumps(self._request(item)).encode()) + 1

    def submit(self, items: list[BatchItem]) -> str:
        """See `BatchApi`. Not retried if the response is lost: the batch may exist and would run twice."""
        requests = cast("list[Request]", [self._request(item) for item in items])

        def create(client: Client, server: Server, timeout: anthropic.Timeout) -> str:
            api = _direct(client).messages.batches.with_raw_response
            try:
                with anthropic_errors(server):
                    return _parse_state(server, api.create(requests=requests, timeout=timeout).read()).id
            except ResponseLost as error:
                why = f"{error}; the batch may exist all the same, see the console"
            raise NotRepeatable(why, transient=True)

        return self._connection.send(create)

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """See `BatchApi`. Anthropic counts no item as answered before the whole batch has ended."""

        def retrieve(client: Client, server: Server, timeout: anthropic.Timeout) -> _BatchState:
            api = _direct(client).messages.batches.with_raw_response
            return _parse_state(server, api.retrieve(batch, timeout=timeout).read())

        state = self._connection.send(retrieve)
        counts = state.request_counts
        done = counts.succeeded + counts.errored + counts.canceled + counts.expired
        return state.processing_status == "ended", done, done + counts.processing

    def fetch(self, batch: str, requests: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """See `BatchApi`. Lines that cannot be read are left out."""

        def download(client: Client, server: Server, timeout: anthropic.Timeout) -> list[bytes]:
            import httpx2

            # Not by the SDK's `results`, which follows any address in the response and fails on a broken line.
            path = f"/v1/messages/batches/{quote(batch, safe='')}/results"
            lines = client.get(path, cast_to=httpx2.Response, options={"timeout": timeout}).content.splitlines()
            if lines and all(_parse_line(line) is None for line in lines):
                server.parse_json(lines[0])
                raise ProviderError(f"{server} returned results of an unknown format", transient=True)
            return lines

        results = filter(None, map(_parse_line, self._connection.send(download)))
        requested = {id: (result, requests(id)) for id, result in results}
        return {id: self._reply(result, request) for id, (result, request) in requested.items() if request is not None}

    def _reply(self, result: dict[str, Any], request: VisionRequest) -> Reply | str:
        kind = result.get("type")
        if kind != "succeeded":
            return _UNSENT.get(str(kind)) or _failure(result)
        try:
            return to_reply(parse_message(self._name, result.get("message")), request, batched=True)
        except ProviderError as error:
            return str(error)

    def _request(self, item: BatchItem) -> dict[str, Any]:
        return {"custom_id": item.id, "params": request_body(self._model, item.request)}


def _parse_state(server: Server, data: bytes) -> _BatchState:
    try:
        return _BatchState.model_validate(server.parse_json(data))
    except ValidationError:
        raise ResponseLost(f"{server} described the batch in an unknown format") from None


def _direct(client: Client) -> anthropic.Anthropic:
    """The client, typed as the only one that has batches."""
    import anthropic

    assert isinstance(client, anthropic.Anthropic)
    return client


def _parse_line(line: bytes) -> tuple[str, dict[str, Any]] | None:
    """(item id, its result); None if the line is broken."""
    try:
        data = json.loads(line)
        return str(data["custom_id"]), dict(data["result"])
    except (ValueError, KeyError, TypeError):
        return None


def _failure(result: dict[str, Any]) -> str:
    try:
        error = result["error"]["error"]
        reason = f"{error['type']}: {error['message']}"
    except (KeyError, TypeError):
        reason = "no reason given"
    return f"the request failed in the batch ({' '.join(reason.split())[:200]})"
