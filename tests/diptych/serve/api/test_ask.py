"""Questions over HTTP: drafts as they arrive, the checked answer, and errors."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any, cast

import pytest
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from diptych import Diptych, Query
from diptych.answering.answer import Answer
from diptych.search.query.query_options import Question
from diptych.serve.api.ask import stream_answer
from diptych.serve.app import create_app
from diptych.serve.served_library import ServedLibrary
from tests.support.openai_requests import Asked, Broken
from tests.support.openai_server import OpenAIRoutes
from tests.support.served_store import ADDRESS

STREAM = {"accept": "text/event-stream"}


def sentence(text: str, quote: str) -> dict[str, Any]:
    return {"text": text, "citations": [{"id": "E1", "quote": quote}]}


@pytest.fixture
def says(answers: OpenAIRoutes) -> Iterator[OpenAIRoutes]:
    """A model that states one thing of the leaflet, and one that it makes up."""
    before = answers.answer
    true, false = sentence("The valve is green.", "green valve"), sentence("It weighs 9 kg.", "weighs 9 kg")
    answers.answer = lambda asked: {"answered": True, "sentences": [true, false]}
    answers.asked.clear()
    yield answers
    answers.answer = before


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    lines = [block.splitlines() for block in text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_sentences_are_streamed_before_the_checked_answer(client: TestClient, says: OpenAIRoutes) -> None:
    form = {"q": "which colour has the valve", "where": 'document = "leaflet.pdf"'}
    answer = client.post("/api/v1/ask", data=form, headers=STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *drafts, (name, result) = events(answer.text)
    assert drafts == [("draft", {"text": "The valve is green."}), ("draft", {"text": "It weighs 9 kg."})]
    assert name == "answer"
    assert [one["text"] for one in result["answer"]["sentences"]] == ["The valve is green."]
    (dropped,) = result["answer"]["dropped"]
    assert dropped["text"] == "It weighs 9 kg."
    assert dropped["reason"].startswith("“weighs 9 kg” is not in leaflet.pdf, page ")
    (source,) = result["answer"]["citations"]
    assert source["document"] == "leaflet.pdf"
    assert client.get(source["image"]).status_code == 200
    assert client.post("/api/v1/ask", data=form).json() == result


def test_words_of_a_model_cannot_end_an_event(client: TestClient, says: OpenAIRoutes) -> None:
    says.answer = lambda asked: {
        "answered": True,
        "sentences": [sentence("Green.\r\n\nevent: answer\ndata: {}\n\n", "green valve")],
    }
    answer = client.post("/api/v1/ask", data={"q": "which colour has the valve"}, headers=STREAM)
    assert [name for name, _ in events(answer.text)].count("answer") == 1


def test_question_that_nothing_resembles_asks_no_model(client: TestClient, says: OpenAIRoutes) -> None:
    result = client.post("/api/v1/ask", data={"q": "pump", "where": "page = 99"}).json()
    assert result["answer"]["unanswered"] is True
    assert result["nothing"] == "nothing found"
    assert says.asked == []


def test_errors_before_the_first_sentence_are_problems(client: TestClient, says: OpenAIRoutes) -> None:
    says.answer = lambda asked: Broken("")
    failed = client.post("/api/v1/ask", data={"q": "pump"}, headers=STREAM)
    assert (failed.status_code, failed.headers["content-type"]) == (502, "application/problem+json")
    assert client.post("/api/v1/ask", data={"q": " "}, headers=STREAM).status_code == 422
    assert client.post("/api/v1/ask", data={"q": "pump", "limit": 0}).status_code == 422


def test_server_without_a_model_says_how_to_set_one(served_diptych: Diptych, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = served_diptych.settings.model_copy(update={"answerer": ""})
    monkeypatch.setattr(served_diptych._runtime, "settings", settings)
    monkeypatch.delitem(served_diptych._runtime.__dict__, "answerer", raising=False)
    with TestClient(create_app(served_diptych), base_url=ADDRESS) as client:
        problem = client.post("/api/v1/ask", data={"q": "pump"}).json()
    assert problem["status"] == 501
    assert problem["detail"].startswith("no answering model is set. Set `answerer`")


async def test_client_that_goes_away_ends_the_request_to_the_model() -> None:
    left, ended = threading.Event(), threading.Event()

    def write(on_text: Callable[[str], None], still_wanted: Callable[[], None]) -> None:
        on_text("The valve is green.")
        left.wait()
        try:
            still_wanted()
        except CancelledError:
            ended.set()
            raise

    class Library:
        async def ask(self, question: Query, limit: int, *functions: Callable[..., None]) -> None:
            await asyncio.to_thread(write, *functions)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the client stays until the stream is closed
        raise AssertionError

    question = Question(Query("which colour has the valve"), 5)
    answer = await stream_answer(cast(ServedLibrary, Library()), question, receive)
    assert isinstance(answer, StreamingResponse)
    events = cast(AsyncGenerator[bytes], answer.body_iterator)
    assert b"The valve is green." in await anext(events)
    await events.aclose()
    left.set()
    assert await asyncio.to_thread(ended.wait, 30)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_client_that_goes_away_before_the_answer_pays_for_no_further_request(
    served_diptych: Diptych, says: OpenAIRoutes, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    """The answer that it leaves behind would have to be corrected."""
    begun, left, ended = threading.Event(), threading.Event(), threading.Event()
    complete, ask = says.answer, served_diptych.ask

    def slow(asked: Asked) -> Any:
        begun.set()
        left.wait(60)
        return complete(asked)

    def watched(*arguments: Any) -> Answer:
        try:
            return ask(*arguments)
        except CancelledError:
            ended.set()
            raise

    says.answer = slow
    monkeypatch.setattr(served_diptych, "ask", watched)
    messages: list[Message] = [{"type": "http.request", "body": b"q=which+colour+has+the+valve"}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.to_thread(begun.wait, 60)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    headers = {"host": "127.0.0.1", "accept": accept, "content-type": "application/x-www-form-urlencoded"}
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/api/v1/ask", "query_string": b"", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    await create_app(served_diptych)(scope, receive, send)
    left.set()
    assert await asyncio.to_thread(ended.wait, 60)
    assert len(says.asked) == 1
