"""OpenAI's batch endpoint: requests that may take a day, at half the price. Other servers that speak the API may not
have it.

Limits are those of the SDK's documentation of `batches.create`: 50,000 requests and 200 MB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from diptych.errors import NoBatches, ProviderError
from diptych.models.openai.client import patiently
from diptych.models.openai.errors import FILTERED, cleaned, host, unlike
from diptych.models.openai.messages import Form, checked, misshapen
from diptych.models.vision import BatchItem, Reply, VisionRequest
from diptych.settings import Endpoint

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
SEEN = 20
"""Newest batches among which one is looked for."""
Url = Literal["/v1/responses", "/v1/chat/completions", "/v1/embeddings"]
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FILE = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_ENDED = ("completed", "failed", "expired", "cancelled")
_URLS: dict[str, Url] = {"/responses": "/v1/responses", "/chat/completions": "/v1/chat/completions"}


class _Counts(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    total: int = 0
    completed: int = 0
    failed: int = 0


class State(BaseModel):
    """How a batch is."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(min_length=1)
    status: str
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: _Counts | None = None
    errors: Any = None


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one request of a batch."""

    id: str
    status: int
    """HTTP; 0: it was never made."""
    body: Any
    why: str = ""
    """One sentence when it failed."""
    code: str = ""


@dataclass(frozen=True, slots=True)
class BatchFiles:
    """Batches as files of one request a line, whatever is asked in them."""

    name: str
    """Of the model, as the settings write it."""
    endpoint: Endpoint
    url: Url

    def line(self, id: str, body: dict[str, Any]) -> bytes:
        """One request. Raises `ProviderError` for an id that cannot be one."""
        if not _ID.fullmatch(id):
            raise ProviderError(f"{self.name}: `{id[:80]}` cannot name an item of a batch")
        asked = {"custom_id": id, "method": "POST", "url": self.url, "body": body}
        return json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    def submit(self, lines: Iterable[bytes]) -> str:
        """The new batch's id. One of whose making no answer came is looked for before it would be made again."""
        content, tries = b"".join(lines), 0

        def upload(sdk: openai.OpenAI, limit: openai.Timeout) -> str:
            with self._missing("has no batches; run again without them", NoBatches):
                file = sdk.files.create(file=("diptych.jsonl", content), purpose="batch", timeout=limit)
            return self._known(getattr(file, "id", None))

        def create(sdk: openai.OpenAI, limit: openai.Timeout) -> str:
            nonlocal tries
            tries += 1
            with self._missing("has no batches; run again without them", NoBatches):
                if tries > 1 and (found := _made_of(sdk, file, limit)):
                    return found
                made = sdk.batches.create(input_file_id=file, endpoint=self.url, completion_window="24h", timeout=limit)
            return self._state(made).id

        file = patiently(self.name, self.endpoint, upload)
        return patiently(self.name, self.endpoint, create)

    def state(self, batch: str) -> State:
        def retrieve(sdk: openai.OpenAI, limit: openai.Timeout) -> State:
            with self._missing(f"knows no batch {batch}"):
                return self._state(sdk.batches.retrieve(self._known(batch), timeout=limit))

        return patiently(self.name, self.endpoint, retrieve)

    def progress(self, batch: str) -> tuple[bool, int, int]:
        """See `Batches`."""
        state = self.state(batch)
        counts = state.request_counts or _Counts()
        return state.status in _ENDED, counts.completed + counts.failed, counts.total

    def lines(self, batch: str) -> list[Line]:
        """What a batch has given, of both its files; an expired or cancelled one has given a part.

        Raises `ProviderError` for one that failed as a whole.
        """
        state = self.state(batch)
        files = [file for file in (state.output_file_id, state.error_file_id) if file]
        if not files and state.status == "failed":
            raise ProviderError(f"{self.name}: batch {batch} failed: {cleaned(_reasons(state), self.endpoint)}")
        found = [self._line(line) for file in files for line in self._content(file).splitlines()]
        return [line for line in found if line is not None]

    def _content(self, file: str) -> bytes:
        def read(sdk: openai.OpenAI, limit: openai.Timeout) -> bytes:
            with self._missing(f"has the file {file} of a batch no more"):
                return sdk.files.content(self._known(file), timeout=limit).content

        return patiently(self.name, self.endpoint, read)

    def _line(self, text: bytes) -> Line | None:
        """None: a line that cannot be read."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(data, dict) or not isinstance(id := data.get("custom_id"), str):
            return None
        error, response = data.get("error"), data.get("response")
        if isinstance(error, dict):
            return Line(id, 0, None, self._why(error), str(error.get("code") or ""))
        if not isinstance(response, dict) or not isinstance(status := response.get("status_code"), int):
            return None
        body = response.get("body")
        if status == 200:
            return Line(id, status, body)
        inner = body.get("error") if isinstance(body, dict) else None
        known = inner if isinstance(inner, dict) else {}
        return Line(id, status, body, f"{self._why(known)} ({status})", str(known.get("code") or ""))

    def _why(self, error: dict[str, Any]) -> str:
        return cleaned(error.get("message") or error.get("code") or "it failed", self.endpoint)

    def _known(self, id: object) -> str:
        """An id, which becomes part of an address."""
        if not isinstance(id, str) or not _FILE.fullmatch(id):
            raise unlike("file or batch", self.name, self.endpoint)
        return id

    def _state(self, data: object) -> State:
        try:
            return State.model_validate(data)
        except ValidationError:
            raise unlike("batch", self.name, self.endpoint) from None

    @contextmanager
    def _missing(self, what: str, kind: Callable[[str], ProviderError] = ProviderError) -> Iterator[None]:
        """An address that the server does not have, told in one sentence."""
        try:
            yield
            return
        except openai.APIStatusError as error:
            if error.status_code not in (404, 405, 501):
                raise
        raise kind(f"{self.name}: {host(self.endpoint)} {what}") from None


class AskBatches:
    """A `Batches`. Who fetches counts the usage of the replies, since a batch can be fetched twice."""

    max_requests = MOST_REQUESTS
    max_bytes = MOST_BYTES

    def __init__(self, form: Form) -> None:
        self._form = form
        self._files = BatchFiles(form.name, form.endpoint, _URLS[form.path])
        self.progress = self._files.progress

    def size(self, item: BatchItem) -> int:
        """See `Batches`."""
        return len(self._line(item))

    def submit(self, items: list[BatchItem]) -> str:
        """See `Batches`."""
        return self._files.submit(map(self._line, items))

    def fetch(self, batch: str, asks: Callable[[str], VisionRequest | None]) -> dict[str, Reply | str]:
        """See `Batches`. An answer of the wrong shape is final: here nobody sends it back."""
        asked = ((line, asks(line.id)) for line in self._files.lines(batch))
        return {line.id: self._read(line, ask) for line, ask in asked if ask is not None}

    def _line(self, item: BatchItem) -> bytes:
        return self._files.line(item.id, self._form.body(item.ask))

    def _read(self, line: Line, ask: VisionRequest) -> Reply | str:
        if line.code in FILTERED:
            return Reply("", refusal="filtered by the provider")
        if line.why:
            return line.why
        try:
            answer = self._form.read(line.body)
        except ProviderError as error:
            return str(error)
        answer = replace(answer, usage=replace(answer.usage, batched=True))
        try:
            return checked(answer, ask)
        except ValidationError:
            return misshapen(answer)


def _made_of(sdk: openai.OpenAI, file: str, limit: openai.Timeout) -> str | None:
    """The id of the batch that was made of a file."""
    newest = sdk.batches.list(limit=SEEN, timeout=limit).data
    return next((batch.id for batch in newest if batch.input_file_id == file), None)


def _reasons(state: State) -> str:
    found = getattr(state.errors, "data", None) or []
    return "; ".join(str(getattr(error, "message", "")) for error in found[:3]) or "it does not say why"
