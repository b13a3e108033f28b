"""Streamed answers: sentence by sentence, from any provider, and only while somebody waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from diptych import AsyncDiptych, Settings
from diptych.answering.conversation import SentenceStream
from diptych.endpoints import Anthropic, OpenAI
from diptych.errors import StoreError
from tests.support.anthropic_server import Block, Body, anthropic_routes
from tests.support.http_server import Vendor, served
from tests.support.openai_requests import Asked
from tests.support.openai_server import openai_routes
from tests.support.papers import write_leaflet

SENTENCES = ("The green valve opens to the left.", "Close it first.")


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """Two providers that both answer `SENTENCES` without citations."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test")

    def form(asked: Asked) -> object:
        return {"answered": True, "sentences": [{"text": one, "citations": []} for one in SENTENCES]}

    def free(body: Body) -> list[Block]:
        return [{"type": "text", "text": " ".join(SENTENCES)}]

    with served(openai_routes(answer=form), anthropic_routes(says=free)) as running:
        yield running


def settings(vendor: Vendor, folder: Path, answerer: str) -> Settings:
    return Settings(
        store=str(folder / "store"),
        answerer=answerer,
        openai=OpenAI(base_url=f"{vendor.url}/v1"),
        anthropic=Anthropic(base_url=vendor.url),
    )


@pytest.mark.parametrize("answerer", ["openai:gpt-6-luna", "anthropic:claude-haiku-5-5"])
def test_sentences_are_streamed_from_either_provider(vendor: Vendor, tmp_path: Path, answerer: str) -> None:
    write_leaflet(tmp_path / "leaflet.pdf")
    streamed: list[str] = []

    async def main() -> None:
        async with AsyncDiptych.open(settings(vendor, tmp_path, answerer)) as library:
            await library.ingest([tmp_path / "leaflet.pdf"])
            await library.ask("green valve", on_text=streamed.append)

    asyncio.run(main())
    assert streamed == list(SENTENCES)


def test_nothing_is_streamed_after_cancellation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streamed: list[str] = []
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    async def main() -> None:
        library = AsyncDiptych.open(Settings(store=str(tmp_path / "store")))

        def ask(question: object, limit: int, on_text: object, still_wanted: object) -> None:
            assert callable(on_text)
            assert callable(still_wanted)
            begun.set()
            go_on.wait(120)
            on_text("Too late.")
            with pytest.raises(CancelledError):
                still_wanted()
            ended.set()

        monkeypatch.setattr(library.sync, "ask", ask)
        task = asyncio.create_task(library.ask("green valve", on_text=streamed.append))
        await asyncio.to_thread(begun.wait, 120)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await library.close()
        await asyncio.sleep(0)

    asyncio.run(main())
    assert ended.is_set()
    assert streamed == []


def test_a_closed_library_raises(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDiptych.open(Settings(store=str(tmp_path / "store"))) as library:
            pass
        await library.search("green valve")

    with pytest.raises(StoreError, match="this AsyncDiptych is closed; open a new one"):
        asyncio.run(main())


def test_the_last_sentence_of_a_free_text_answer_is_streamed_at_its_end() -> None:
    streamed: list[str] = []
    answer = SentenceStream(streamed.append)
    answer("It hums. It le")
    assert streamed == ["It hums."]
    answer("aks.")
    answer.end()
    assert streamed == ["It hums.", "It leaks."]
