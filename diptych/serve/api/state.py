"""The REST API for the state of the server and its store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from diptych.errors import StoreError, StoreMissing
from diptych.serve.dependencies import Library
from diptych.serve.options import PREFIX
from diptych.serve.problems import PROBLEMS
from diptych.store.register import DocumentRecord

T = TypeVar("T")
TEXT = {"text/plain": {"schema": {"type": "string"}}}
STORE_SECONDS = 5.0
"""How long probes and Prometheus wait for the store: both ask again, and do not wait for a minute as searches do."""

router = APIRouter(prefix=PREFIX, tags=["state"], responses=PROBLEMS)


class Status(BaseModel):
    """What the store contains, and what this server offers."""

    documents: Annotated[dict[str, int], Field(description="Number of documents by status.")]
    passages: int
    pictures: int
    version: Annotated[str, Field(description="Changes with every commit to the store.")]
    ask: Annotated[bool, Field(description="Whether questions are answered: a model is set.")]
    write: Annotated[bool, Field(description="Whether documents may be deleted.")]
    ingest: Annotated[bool, Field(description="Whether documents may be ingested.")]


class Health(BaseModel):
    status: str


@router.get("/status", response_model=Status)
async def status(request: Request, library: Library) -> dict[str, Any]:
    """Count the documents of the store."""
    documents = await library.documents()
    return {
        "documents": Counter(one.status for one in documents),
        "passages": sum(one.passages for one in documents),
        "pictures": sum(one.pictures for one in documents),
        "version": await library.version(),
        "ask": bool(library.library.settings.answerer),
        "write": library.options.write,
        "ingest": bool(library.options.roots and request.app.state.jobs),
    }


@router.get("/health", response_model=Health)
async def health(library: Library) -> dict[str, str]:
    """Answer `ok` if the store can be read; one that the first ingest will create is `empty`."""
    try:
        await _in_time(library.version())
    except StoreMissing:
        return {"status": "empty"}
    return {"status": "ok"}


@router.get("/metrics", response_class=Response, responses={200: {"content": TEXT}})
async def metrics(request: Request, library: Library) -> Response:
    """Metrics for Prometheus: requests and their seconds by route, documents and jobs by status, and dollars spent.

    Without an answer from the store, `diptych_store_up` is 0 and documents are left out.
    """
    state = request.app.state
    jobs = state.jobs.list() if state.jobs else []
    documents: list[DocumentRecord] | None = []
    try:
        documents = await _in_time(library.documents())
    except StoreMissing:
        pass  # the first ingest will create it
    except StoreError:
        documents = None
    text = state.metrics.render(documents, jobs, library.library.meter.spent)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _in_time(answer: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(answer, STORE_SECONDS)
    except TimeoutError:
        raise StoreError(f"the store did not answer within {STORE_SECONDS:g} s; check its server") from None
