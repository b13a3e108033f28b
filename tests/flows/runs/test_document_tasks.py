"""Tasks of an ingest on a real Prefect server: stages, failures under their own name, retries and cancelled tasks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from diptych import Diptych, Settings
from diptych.errors import ExtractionError, StoreError, WorkerLost
from diptych.pipeline.stages import Stages, run_directly
from flows.ingest import ingest
from flows.runs import document_tasks
from flows.runs.document_tasks import stages_as_tasks
from flows.runs.local_prefect import run_result
from tests.support.papers import write_locked, write_photo


def test_failure_among_small_documents_has_a_task_of_its_own_name(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: dict[str, str | None] = {}
    document_task = document_tasks.ingest_documents
    hook = document_task.with_options(
        on_completion=[lambda task, run, state: ended.update({run.name: state.name})],
        on_failure=[lambda task, run, state: ended.update({run.name: f"{state.name}: {state.message}"})],
    )
    monkeypatch.setattr("flows.runs.ingest_tasks.ingest_documents", hook)
    folder = tmp_path / "papers"
    for number in range(7):
        write_photo(folder / f"{number}.png", "")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 and then nothing")
    write_locked(folder / "locked.pdf", "secret", "pass")
    state = ingest([str(folder)], store=str(tmp_path / "s"), return_state=True)
    assert (state.name, run_result(state)["failed"]) == ("Failed", 2)
    batch = next(name for name in ended if name.startswith("9 documents: papers/0.png"))
    assert ended.pop(batch) == "Partial"
    assert str(ended["papers/broken.pdf"]).startswith("Failed: papers/broken.pdf: cannot be opened as a PDF. Check")
    assert str(ended["papers/locked.pdf"]).startswith("Failed: papers/locked.pdf: is encrypted")
    assert len(ended) == 2


def test_stage_is_tried_again_if_its_worker_was_lost(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_tasks.STAGE_TASKS["extract"], "retry_delay_seconds", 0)
    attempts: list[int] = []
    closed = Diptych.open(Settings(store=str(tmp_path / "s")))
    closed.close()
    opened = Diptych.open(Settings(store=str(tmp_path / "s")))

    def lose(times: int, error: Exception) -> str:
        attempts.append(1)
        if len(attempts) <= times:
            raise error
        return "parts"

    @flow(name="stages")
    def stages() -> State[Any]:
        run = stages_as_tasks("a.pdf", opened)
        assert run("extract", lambda: lose(2, WorkerLost("killed"))) == "parts"
        assert len(attempts) == 3
        for error in (ExtractionError("broken"), ExtractionError("locked", transient=True), StoreError("gone")):
            attempts.clear()
            with pytest.raises(type(error), match=str(error)):
                run("extract", partial(lose, 9, error))
            assert len(attempts) == 1
        with pytest.raises(BaseException, match="stopped together with its flow run"):
            stages_as_tasks("a.pdf", closed)("commit", lambda: lose(9, StoreError("the store is closed")))
        return Completed()

    assert stages(return_state=True).name == "Completed"
    opened.close()


def test_stages_are_timed_even_if_they_fail() -> None:
    stages = Stages(run_directly)
    assert stages.run("extract", lambda: 5) == 5
    with pytest.raises(KeyError):
        stages.run("encode", {}.popitem)
    assert list(stages.seconds) == ["extract", "encode"]
