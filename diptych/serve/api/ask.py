"""The REST API for questions: sentences as they arrive, then the checked answer, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import CancelledError
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic import BaseModel, Field
from starlette.types import Receive

from diptych.answering.answer import Answer
from diptych.errors import DiptychError
from diptych.search.query.query_options import Question, make_question
from diptych.serve.api.models import AnswerModel, show_answer
from diptych.serve.api.search import Count, Filter, Text, Upload, Where, check_form, read_upload, show_filters
from diptych.serve.dependencies import Library
from diptych.serve.options import PREFIX
from diptych.serve.problems import PROBLEMS, problem_of
from diptych.serve.served_library import ServedLibrary

KEEPALIVE_SECONDS = 15
"""Proxies end connections that are silent for a minute."""
EVENTS = (
    'Events: `draft` has a sentence of the first answer, before it is checked (`{"text": …}`); `answer` has the '
    "checked answer and ends the stream; `problem` has an error and ends it, too."
)

GONE = 499
"""Status of the response that nobody gets: the client went away."""
T = TypeVar("T")

router = APIRouter(prefix=PREFIX, tags=["ask"], responses=PROBLEMS)


class AskForm(BaseModel):
    """A question with its options."""

    q: Text = ""
    where: Where = ""
    limit: Annotated[int, Field(ge=1, le=100, description="Maximum number of hits shown to the model.")] = 12
    passages: Count = ""
    pictures: Count = ""
    image: Annotated[Upload, Field(description="An image that belongs to the question.")] = None


class AnswerResult(BaseModel):
    """A checked answer."""

    answer: AnswerModel
    filters: list[Filter]
    nothing: Annotated[str, Field(description="Why nothing was found to answer from; empty if something was.")]


@router.post(
    "/ask",
    response_model=AnswerResult,
    dependencies=[Depends(check_form)],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string", "description": EVENTS}}}}},
)
async def ask(
    request: Request, library: Library, options: Annotated[AskForm, Form(media_type="multipart/form-data")]
) -> Any:
    """Answer a question with checked citations, and list what was dropped with the reason.

    Answers `text/event-stream` if the header `Accept` names it, and otherwise one JSON object at the end.
    """
    image = await read_upload(options.image)
    question = make_question(
        options.q, image, options.where, options.limit, passages=options.passages, pictures=options.pictures
    )
    if "text/event-stream" in request.headers.get("accept", ""):
        return await stream_answer(library, question, request.receive)
    asked = _Asked(library, question, request.receive)
    try:
        return await asked.unless_left(asked.result()) or Response(status_code=GONE)
    finally:
        asked.end()


async def stream_answer(library: ServedLibrary, question: Question, receive: Receive) -> Response:
    """Sentences as they arrive, then the checked answer. Raises `DiptychError` for what fails before the first one.

    `receive`: tells when the client goes away.
    """
    asked = _Asked(library, question, receive)
    begun = False
    try:
        begun = await asked.unless_left(asked.begins()) or False
    finally:
        if not begun:
            asked.end()
    if not begun:
        return Response(status_code=GONE)
    return StreamingResponse(asked.events(), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


class Draft(BaseModel):
    """A sentence that was not checked yet."""

    text: str


class _Asked:
    """A question that is being answered in a thread."""

    def __init__(self, library: ServedLibrary, question: Question, receive: Receive) -> None:
        self._library, self._question = library, question
        self._drafts: asyncio.Queue[str | None] = asyncio.Queue()
        """Sentences; None: the answer is there, or it failed."""
        self._loop = asyncio.get_running_loop()
        self._answer = asyncio.create_task(
            library.ask(question.query, question.limit, self._on_text, self._still_wanted)
        )
        self._answer.add_done_callback(self._on_end)
        self._watch = asyncio.create_task(self._until_left(receive))
        self._seen: list[str | None] = []
        self._left = False
        """Whether the client has gone away."""

    def _on_end(self, answer: asyncio.Task[Answer]) -> None:
        self._drafts.put_nowait(None)
        if self._left and not answer.cancelled():
            answer.exception()  # else asyncio logs that nobody looked at it

    def _still_wanted(self) -> None:
        if self._left:
            raise CancelledError  # ends the request to the model

    def _on_text(self, sentence: str) -> None:
        self._loop.call_soon_threadsafe(self._drafts.put_nowait, sentence)

    async def unless_left(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What `work` returns; None if the client goes away before."""
        running = asyncio.create_task(work)
        try:
            await asyncio.wait({running, self._watch}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._left else running.result()
        finally:
            running.cancel()

    def end(self) -> None:
        """Nobody waits for the answer any longer."""
        self._left = True
        self._watch.cancel()

    async def _until_left(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._left = True

    async def begins(self) -> bool:
        """Wait for the first sentence or the answer. Raises what the question raises."""
        self._seen.append(await self._drafts.get())
        if self._answer.done():
            self._answer.result()
        return True

    async def events(self) -> AsyncIterator[bytes]:
        try:
            sentence = self._seen.pop()
            while sentence is not None:
                yield _event("draft", Draft(text=sentence))
                while True:
                    try:
                        sentence = await asyncio.wait_for(self._drafts.get(), KEEPALIVE_SECONDS)
                        break
                    except TimeoutError:
                        yield KEEPALIVE_COMMENT
            try:
                yield _event("answer", AnswerResult.model_validate(await self.result()))
            except DiptychError as error:
                yield _event("problem", problem_of(error))
        finally:
            self.end()

    async def result(self) -> dict[str, Any]:
        answer, query = await self._answer, self._question.query
        nothing = "" if answer.evidence else await self._library.explain_no_hits(query, resembles=answer.resembles)
        understood = await self._library.interpret(query)
        return {"answer": show_answer(answer), "filters": show_filters(understood), "nothing": nothing}


def _event(name: str, data: BaseModel) -> bytes:
    return format_sse_event(event=name, data_str=data.model_dump_json())
