"""`AsyncDiptych`: the same store and hits, and cancelling a caller breaks nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from diptych import AsyncDiptych, Diptych, Outcome, Settings
from diptych.errors import SettingsError, StoreError
from tests.support.papers import write_paper

SAYINGS = {"pumps": "The red pump moves ninety litres a minute.", "cats": "A cat sleeps for sixteen hours a day."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "papers"
    made.mkdir()
    for name, saying in SAYINGS.items():
        write_paper(made / f"{name}.pdf", saying)
    return made


def test_every_method_can_be_awaited(folder: Path, tmp_path: Path) -> None:
    settings, seen = Settings(store=str(tmp_path / "store"), root=folder), list[Outcome]()

    async def main() -> None:
        async with AsyncDiptych.open(settings) as library:
            outcomes = await library.ingest([folder], seen.append)
            assert outcomes == seen
            assert [one.name for one in await library.documents()] == ["cats.pdf", "pumps.pdf"]
            cats, pumps = await asyncio.gather(library.search("felines rest", 1), library.search("litres", 5))
            assert (cats[0].document, pumps[0].document) == ("cats.pdf", "pumps.pdf")
            assert (await library.search("litres", 1, 1))[0] == pumps[1]
            assert (await library.search_groups("litres"))[0].document == "pumps.pdf"
            assert cats[0].id not in {hit.id for hit in await library.like(cats[0].id)}
            with pytest.raises(SettingsError, match="answerer"):
                await library.ask("how long do cats sleep")
            await library.delete(["cats.pdf"])
            assert [one.name for one in await library.documents()] == ["pumps.pdf"]
        with pytest.raises(StoreError, match="closed"):
            await library.documents()

    asyncio.run(main())
    with Diptych.open(settings) as again:
        assert [one.name for one in again.documents()] == ["pumps.pdf"], "the store was not released"


def test_a_cancelled_ingest_leaves_complete_documents_and_a_usable_store(folder: Path, tmp_path: Path) -> None:
    for number in range(8):
        write_paper(folder / f"more-{number}.pdf", f"Pump {number} is green.")

    async def main() -> None:
        async with AsyncDiptych.open(Settings(store=str(tmp_path / "store"), workers=1)) as library:

            def stop(outcome: Outcome) -> None:
                task.cancel()

            task = asyncio.create_task(library.ingest([folder], stop))
            with pytest.raises(asyncio.CancelledError):
                await task
            some = await library.documents()
            assert 0 < len(some) < 10
            assert {one.status for one in some} == {"complete"}
            outcomes = await library.ingest([folder])
            assert {one.status for one in outcomes} <= {"complete", "unchanged"}
            assert len(await library.documents()) == 10

    asyncio.run(main())


def test_a_cancelled_search_leaves_the_store_usable(folder: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDiptych.open(Settings(store=str(tmp_path / "store"), root=folder)) as library:
            await library.ingest([folder])
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(library.search("cat"), 0)
            assert (await library.search("cat", 1))[0].document == "cats.pdf"

    asyncio.run(main())


def test_a_cancelled_question_ends_the_request_to_the_model(tmp_path: Path) -> None:
    left, ended = threading.Event(), threading.Event()

    def write(question: str, limit: int, on_text: Callable[[str], None], still_wanted: Callable[[], None]) -> None:
        on_text("Cats sleep.")
        left.wait()
        try:
            still_wanted()
        except CancelledError:
            ended.set()
            raise

    async def main() -> None:
        written = asyncio.Event()
        async with AsyncDiptych.open(Settings(store=str(tmp_path / "store"))) as library:
            object.__setattr__(library.sync, "ask", write)
            asked = asyncio.create_task(library.ask("how long do cats sleep", on_text=lambda text: written.set()))
            await written.wait()
            asked.cancel()
            await asyncio.wait([asked])
            left.set()
            assert await asyncio.to_thread(ended.wait, 30)

    asyncio.run(main())


def test_errors_are_those_of_diptych(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncDiptych.open(Settings(store=str(tmp_path / "none"))) as library:
            await library.search("cat")

    with pytest.raises(StoreError, match="no store at"):
        asyncio.run(main())
