"""The progress artifact of a run, which must never stop it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from diptych.models.meter import Meter
from flows.output.progress import ProgressListener
from flows.runs import progress_artifact
from flows.runs.shared_store import RunUsage
from tests.flows.output.test_ingest_report import outcome


def test_work_goes_on_while_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(*_: Any, **what: str) -> None:
        asked.append(what["description"].partition(",")[0])
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(progress_artifact, "UPDATE_SECONDS", 0)
    monkeypatch.setattr(progress_artifact, "create_progress_artifact", lambda *_, **__: uuid4())
    monkeypatch.setattr(progress_artifact, "update_progress_artifact", refuse)
    progress = progress_artifact.RunProgress(ProgressListener(), RunUsage(Meter()), 3)
    progress.create_artifact("progress")
    progress.on_outcome(outcome("a.pdf", "complete"))
    progress.on_outcome(outcome("b.pdf", "failed"))
    assert asked == ["1 of 3 documents", "2 of 3 documents"]
    assert progress.describe_rest() == "stopped after 2 documents: 1 document left; the next run continues"
