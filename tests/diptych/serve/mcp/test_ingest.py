"""The progress that agents see of an ingest."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from diptych import Diptych
from diptych.serve.jobs import Job, JobStatus
from diptych.serve.mcp import tools
from tests.diptych.serve.mcp.test_server import connected
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
