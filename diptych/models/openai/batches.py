"""OpenAI's batch API: requests that may take a day, at half the price. Other servers may not have it.

Limits from the SDK's documentation of `batches.create`: 50,000 requests and 200 MB.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import openai
from pydantic import BaseModel, Field, ValidationError

from diptych.endpoints import Endpoint
from diptych.errors import NoBatches, ProviderError
from diptych.models.failures import Server
from diptych.models.openai.client import FILTERED, openai_server, send, unexpected_shape
from diptych.models.openai.messages import MessageFormat, final_reply
from diptych.models.vision import BatchItem, Reply, VisionRequest

RECENT_BATCHES = 20
"""Newest batches that are searched for one whose creation was not confirmed."""
Url = Literal["/v1/responses", "/v1/chat/completions", "/v1/embeddings"]
_FILE_OR_BATCH = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_ENDED = ("completed", "failed", "expired", "cancelled")
_URLS: dict[str, Url] = {"/responses": "/v1/responses", "/chat/completions": "/v1/chat/completions"}


class _Counts(BaseModel, from_attributes=True):
    total: int = 0
    completed: int = 0
    failed: int = 0


class _BatchState(BaseModel, from_attributes=True):
    id: str = Field(min_length=1)
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: Any = None


class _Error(BaseModel):
    message: Any = None
    code: Any = None


class _Response(BaseModel):
    status_code: int
    body: Any = None


class _ResultLine(BaseModel):
    custom_id: str
    error: _Error | None = None
    """If the request was never sent."""
    response: _Response | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The outcome of one request of a batch."""

    id: str
    body: Any
    """The response's body, if there was one."""
    error: str = ""
    """One sentence if the request failed."""
    code: str = ""
    """Of the error."""


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """Batches as files with one request per line, of any kind."""

    name: str
    """Of the model, as the settings write it."""
    endpoint: Endpoint
    url: Url

    @property
    def server(self) -> Server:
        return openai_server(self.name, self.endpoint)

    def request_line(self, id: str, body: dict[str, Any]) -> bytes:
        request = {"custom_id": id, "method": "POST", "url": self.url, "body": body}
        return json.dumps(request, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    def submit(self, lines: Iterable[bytes]) -> str:
        """Create a batch and return its id.

        When the response to its creation was lost, the newest batches are searched before it is created again.
        """
        content, attempts = b"".join(lines), 0

        def upload(client: openai.OpenAI, timeout: openai.Timeout) -> str:
            with self._not_found("has no batch API; run again without it", NoBatches):
                file = client.files.create(file=("diptych.jsonl", content), purpose="batch", timeout=timeout)
            return self._checked_id(getattr(file, "id", None))

        def create(client: openai.OpenAI, timeout: openai.Timeout) -> str:
            nonlocal attempts
            attempts += 1
            with self._not_found("has no batch API; run again without it", NoBatches):
                if attempts > 1:
                    for batch in client.batches.list(limit=RECENT_BATCHES, timeout=timeout).data:
                        if batch.input_file_id == file_id:
                            return batch.id
                created = client.batches.create(
                    input_file_id=file_id, endpoint=self.url, completion_window="24h", timeout=timeout
                )
            return self._state(created).id

        file_id = send(self.name, self.endpoint, upload)
        return send(self.name, self.endpoint, create)

    def progress(self, batch: str) -> tuple[bool, int, int]:
        state = self._retrieve(batch)
        counts = state.request_counts or _Counts()
        return state.status in _ENDED, counts.completed + counts.failed, counts.total

    def results(self, batch: str) -> list[BatchResult]:
        """Results from both of the batch's files. An expired or cancelled batch has some of them.

        Raises `ProviderError` if the batch failed as a whole. Lines that cannot be read are left out.
        """
        state = self._retrieve(batch)
        files = [file for file in (state.output_file_id, state.error_file_id) if file]
        if not files and state.status == "failed":
            errors = getattr(state.errors, "data", None) or []
            reasons = "; ".join(str(getattr(error, "message", "")) for error in errors[:3]) or "no reason given"
            raise ProviderError(f"{self.name}: batch {batch} failed: {self.server.clean(reasons)}")
        results = [self._result(line) for file in files for line in self._download(file).splitlines()]
        return [result for result in results if result is not None]

    def _retrieve(self, batch: str) -> _BatchState:
        def retrieve(client: openai.OpenAI, timeout: openai.Timeout) -> _BatchState:
            with self._not_found(f"has no batch {batch}"):
                return self._state(client.batches.retrieve(self._checked_id(batch), timeout=timeout))

        return send(self.name, self.endpoint, retrieve)

    def _download(self, file: str) -> bytes:
        def download(client: openai.OpenAI, timeout: openai.Timeout) -> bytes:
            with self._not_found(f"no longer has the file {file} of a batch"):
                return client.files.content(self._checked_id(file), timeout=timeout).content

        return send(self.name, self.endpoint, download)

    def _result(self, line: bytes) -> BatchResult | None:
        try:
            result = _ResultLine.model_validate(json.loads(line))
        except (ValueError, RecursionError):
            return None
        id, error, response = result.custom_id, result.error, result.response
        if error is not None:
            return BatchResult(id, None, self._message(error), str(error.code or ""))
        if response is None:
            return None
        if response.status_code == 200:
            return BatchResult(id, response.body)
        inner = response.body.get("error") if isinstance(response.body, dict) else None
        error = _Error.model_validate(inner if isinstance(inner, dict) else {})
        return BatchResult(id, response.body, f"{self._message(error)} ({response.status_code})", str(error.code or ""))

    def _message(self, error: _Error) -> str:
        return self.server.clean(error.message or error.code or "no reason given")

    def _checked_id(self, id: object) -> str:
        """An id that may become part of a URL."""
        if not isinstance(id, str) or not _FILE_OR_BATCH.fullmatch(id):
            raise unexpected_shape("file or batch", self.server)
        return id

    def _state(self, data: object) -> _BatchState:
        try:
            return _BatchState.model_validate(data)
        except ValidationError:
            raise unexpected_shape("batch", self.server) from None

    @contextmanager
    def _not_found(self, what: str, kind: Callable[[str], ProviderError] = ProviderError) -> Iterator[None]:
        """Raise `kind` with `what` if the server does not have the address."""
        try:
            yield
            return
        except openai.APIStatusError as error:
            if error.status_code not in (404, 405, 501):
                raise
        raise kind(f"{self.server} {what}") from None


class VisionBatchApi:
    """A `BatchApi`. Callers count the usage of the replies, since a batch can be fetched twice."""

    max_requests = 50_000
    max_bytes = 200_000_000

    def __init__(self, message_format: MessageFormat) -> None:
        self._format = message_format
        self._files = BatchFiles(message_format.name, message_format.endpoint, _URLS[message_format.path])
        self.progress = self._files.progress

    def size(self, item: BatchItem) -> int:
        return len(self._request_line(item))

    def submit(self, items: list[BatchItem]) -> str:
        return self._files.submit(map(self._request_line, items))

    def fetch(self, batch: str, requests: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """See `BatchApi`. An answer that does not match the schema is not sent back for correction."""
        requested = ((result, requests(result.id)) for result in self._files.results(batch))
        return {result.id: self._reply(result, request) for result, request in requested if request is not None}

    def _request_line(self, item: BatchItem) -> bytes:
        return self._files.request_line(item.id, self._format.body(item.request))

    def _reply(self, result: BatchResult, request: VisionRequest) -> Reply | str:
        if result.code in FILTERED:
            return Reply("", refusal="filtered by the provider")
        if result.error:
            return result.error
        try:
            answer = self._format.parse(result.body)
        except ProviderError as error:
            return str(error)
        return final_reply(replace(answer, usage=replace(answer.usage, batched=True)), request)
