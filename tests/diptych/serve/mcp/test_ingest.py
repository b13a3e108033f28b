"""The progress that agents see of an ingest."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.errors import SourceError
from diptych.serve.jobs import Job, JobStatus
from diptych.serve.mcp import tools
from tests.diptych.serve.mcp.test_server import connected, text_of
from tests.diptych.serve.mcp.test_server import library as library


async def test_progress_of_an_ingest_only_grows(
    library: Diptych, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "JOB_SECONDS", 0)
    ended = threading.Event()

    def ingest(paths: Sequence[str], job: Job, stopped: threading.Event) -> JobStatus:
        ended.wait(60)
        return "complete"

    steps: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with connected(library, ingest=ingest, write=True, roots=(str(tmp_path),)) as client:
        result = await client.call_tool("ingest", {}, progress_callback=on_progress)
        ended.set()
    assert not result.is_error
    assert steps == [0]


async def test_an_ingest_that_failed_is_an_error(library: Diptych, tmp_path: Path) -> None:
    def ingest(paths: Sequence[str], job: Job, stopped: threading.Event) -> JobStatus:
        raise SourceError(f"{paths[0]}: no such file or folder; check the path")

    async with connected(library, ingest=ingest, write=True, roots=(str(tmp_path),)) as client:
        result = await client.call_tool("ingest", {"paths": ["missing"]})
        assert result.is_error
        assert "missing: no such file or folder; check the path" in text_of(result)
        assert result.structured_content["status"] == "failed"


async def test_null_stands_for_an_argument_that_is_left_out(library: Diptych) -> None:
    """Many agents send all arguments of a tool."""
    async with connected(library) as client:
        nothing = dict.fromkeys(("where", "modality", "limit", "offset", "images"))
        found = await client.call_tool("search", {"query": "red pump", **nothing})
        assert not found.is_error
        plain = await client.call_tool("search", {"query": "red pump"})
        assert found.structured_content == plain.structured_content
        refused = await client.call_tool("search", {"query": None})
        assert text_of(refused) == "search: query: Input should be a valid string"
