"""The flows that change a store: ingest, backfill, retry, reindex and sweep, recorded by a real Prefect server."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Suspended

from diptych.errors import SourceError
from diptych.settings import load_settings
from flows.backfill import backfill
from flows.cli.main import run
from flows.ingest import ingest
from flows.output.progress import ProgressListener, listening
from flows.output.removals import Removals
from flows.reindex import reindex
from flows.retry import retry
from flows.runs.backfill_progress import Watch
from flows.runs.ingest_tasks import BATCH_SIZE, ingest_run
from flows.runs.local_prefect import DEFAULTS, run_result
from flows.runs.shared_store import shared_diptych
from flows.sweep import sweep
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line, run_messages
from tests.support.flow_runs import run_artifacts
from tests.support.papers import write_leaflet, write_rows

BROKEN = b"%PDF-1.7 and then nothing"

recorded = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def local_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo the environment variables of a local run after the test."""
    for name, value in DEFAULTS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good documents; `old.pdf` was modified in 1970."""
    folder = tmp_path / "papers"
    folder.mkdir()
    for name, pages in (("a.pdf", 1), ("b.pdf", 2), ("old.pdf", 1)):
        write_leaflet(folder / name, pages)
    os.utime(folder / "old.pdf", (0, 0))
    return folder


class RecordingListener(ProgressListener):
    """Keeps the total, and (name, status) of every outcome and removal."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.outcomes: list[tuple[str, str]] = []
        self.deleted: list[str] = []

    def on_sources(self, total: int, left_out: object) -> None:
        self.totals.append(total)

    def on_outcome(self, outcome: Any) -> None:
        self.outcomes.append((outcome.name, outcome.status))

    def on_removals(self, removals: Removals) -> None:
        self.deleted += [record.name for record in removals.deleted]


def test_nested_blocks_share_an_open_store() -> None:
    one, other = load_settings("one"), load_settings("other")
    with shared_diptych(one) as outer, shared_diptych(one) as inner, shared_diptych(other) as second:
        assert outer is inner
        assert second is not outer
    with shared_diptych(one) as later:
        assert later is not outer


def test_patterns_of_a_run_override_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_EXCLUDE", '["drafts/"]')
    for exclude, expected in ((["old/"], ("old/",)), (None, ("drafts/",)), ([], ("drafts/",))):
        with ingest_run("s", None, ["*.pdf"], exclude) as (diptych, _):
            assert (diptych.settings.include, diptych.settings.exclude) == (("*.pdf",), expected)


@recorded
def test_ingest_reports_every_document_and_continues_after_a_broken_one(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(BROKEN)
    (folder / "notes.dwg").write_bytes(b"")
    listener = RecordingListener()
    with shared_diptych(load_settings("s")), listening(listener):
        first = ingest([str(folder)], store="s", return_state=True)
        (folder / "broken.pdf").unlink()
        second = ingest([str(folder)], store="s", return_state=True)
    result, artifacts = run_result(first), run_artifacts(first)
    assert (first.name, result["complete"], result["failed"]) == ("Failed", 3, 1)
    assert str(first.message).startswith("4 documents: 3 complete, 1 failed; 4 pages")
    assert listener.totals[0] == 4
    assert sorted(listener.outcomes[:4]) == [
        ("papers/a.pdf", "complete"), ("papers/b.pdf", "complete"), ("papers/broken.pdf", "failed"),
        ("papers/old.pdf", "complete"),
    ]  # fmt: skip
    assert result["left_out"] == 1
    assert "notes.dwg: no extractor reads .dwg files" in str(artifacts["ingest-report"].data)
    assert "4 documents: 3 complete, 1 failed" in str(artifacts["ingest-report"].data)
    assert "broken.pdf" in str(artifacts["ingest-report"].data)
    assert "| papers/old.pdf | complete | 1 |" in str(artifacts["ingest-report"].data)
    assert (second.name, second.message) == ("Completed", "3 documents: 3 unchanged; 1 deleted")


@recorded
def test_missing_path_ends_the_run() -> None:
    with pytest.raises(SourceError, match="nowhere"):
        ingest(["nowhere"], store="s")


@recorded
def test_tasks_can_run_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_RUNNER", "processes")
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")  # each process loads Prefect and the model
    write_rows(tmp_path / "pumps.jsonl", 1, 2, 3)
    listener = RecordingListener()
    with listening(listener):
        assert run_result(ingest(["pumps.jsonl"], store="s", return_state=True))["complete"] == 3
    assert len(listener.outcomes) == 3


@recorded
def test_backfill_respects_its_limits_and_retries_permanent_failures_only_on_request(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(BROKEN)
    recent = date.today() - timedelta(days=2)
    listener = RecordingListener()
    with shared_diptych(load_settings("s")):
        first = backfill([str(folder)], since=recent, limit=1, store="s", return_state=True)
        second = backfill([str(folder)], since=recent, limit=5, store="s", return_state=True)
        with listening(listener):
            third = backfill([str(folder)], since=recent, store="s", return_state=True)
            backfill([str(folder)], since=recent, retry_failed=True, store="s", return_state=True)
    assert (run_result(first)["complete"], run_result(first)["waiting"]) == (1, 2)
    assert run_result(second) == {
        "complete": 1, "partial": 0, "failed": 1, "unchanged": 0, "acknowledged": 0,
        "left_out": 0, "deleted": 0, "gone": 0, "waiting": 0,
        "usage": {},
    }  # fmt: skip
    assert third.message == "nothing to ingest"
    assert listener.totals == [0, 1]
    assert listener.outcomes == [("papers/broken.pdf", "failed")]


@recorded
def test_backfill_runs_in_parts_with_a_progress_artifact(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backfill.PART_TASKS", 2 / BATCH_SIZE)
    dry = run(["backfill", str(folder), "--store", "s", "--dry-run"])
    printed = capsys.readouterr()
    assert (dry, printed.out.split()) == (0, ["papers/a.pdf", "papers/b.pdf", "papers/old.pdf"])
    assert printed.err == "3 documents to ingest, 0 up to date; nothing was stored\n"
    assert not Path("s").exists()
    state = backfill([str(folder)], store="s", return_state=True)
    assert (run_result(state)["complete"], run_result(state)["waiting"]) == (3, 0)
    progress = run_artifacts(state)["backfill-progress"]
    described = str(progress.description)
    assert (progress.data, described.partition(" documents, ")[0], "; 4 pages" in described) == (100.0, "3 of 3", True)
    with get_client(sync_client=True) as client:
        names = [one.name for one in client.read_flow_runs()]
    assert {"backfill papers/", "documents 1 to 2", "documents 3 to 3"} <= set(names)
    assert run(["backfill", str(folder), "--store", "s", "--dry-run"]) == 0
    assert "0 documents to ingest, 3 up to date" in capsys.readouterr().err


class StoppingListener(RecordingListener):
    """Does something after the first document."""

    def __init__(self, stop: Callable[[], object]) -> None:
        super().__init__()
        self._stop = stop

    def on_outcome(self, outcome: Any) -> None:
        super().on_outcome(outcome)
        if len(self.outcomes) == 1:
            self._stop()


def cancel_backfill(watches: list[Watch]) -> None:
    """As the button in the UI does; returns when the run has noticed it."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(watches[0]._runs[0], Cancelling())
    while not watches[0].cancelled:
        time.sleep(0.02)


def send_interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@recorded
def test_stopped_backfill_says_what_is_left_and_the_next_one_continues(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the UI, then with Ctrl-C."""
    watches: list[Watch] = []
    add_current_run = Watch.add_current_run

    def remember(watch: Watch) -> None:
        watches.append(watch)
        add_current_run(watch)

    monkeypatch.setattr(Watch, "add_current_run", remember)
    monkeypatch.setattr("flows.backfill.PART_TASKS", 1 / BATCH_SIZE)
    monkeypatch.setattr("flows.runs.backfill_progress.CHECK_SECONDS", 0.1)
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")
    for stop, left in ((lambda: cancel_backfill(watches), "2 documents"), (send_interrupt, "1 document")):
        with listening(StoppingListener(stop)):
            stopped = backfill([str(folder)], store="s", return_state=True)
        assert (stopped.name, stopped.message) == (
            "Cancelled", f"stopped after 1 document: {left} left; the next run continues",
        )  # fmt: skip
        # Workers are forked from one process, which stays for the next run.
        templates = [one for one in psutil.Process().children() if "sandbox" in " ".join(one.cmdline())]
        assert not [worker for template in templates for worker in template.children()]
    assert run_result(backfill([str(folder)], store="s", return_state=True))["complete"] == 1


def suspend() -> None:
    """As Prefect does in the process of a run after the button in the UI was pressed."""
    context = FlowRunContext.get()
    assert context
    context.flow_run_suspension_request.mark_requested(Suspended())


@recorded
def test_suspended_runs_end_after_the_current_document_and_the_next_one_continues(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.runs.ingest_tasks.BATCH_SIZE", 5)  # all documents in one task
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")
    listener = StoppingListener(suspend)
    for flow in (ingest, backfill):
        listener.outcomes.clear()
        with listening(listener), pytest.raises(Pause):
            flow([str(folder)], store="s")
        assert [status for _, status in listener.outcomes if status == "complete"] == ["complete"]
    with get_client(sync_client=True) as client:
        parts = FlowRunFilter(name=FlowRunFilterName(any_=["documents 1 to 2"]))
        (part,) = client.read_flow_runs(flow_run_filter=parts, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)
    assert part.state_name == "Cancelled"
    assert run_result(ingest([str(folder)], store="s", return_state=True))["complete"] == 1


@recorded
def test_removed_documents_are_deleted_after_confirmation(tmp_path: Path) -> None:
    write_rows(tmp_path / "pumps.jsonl", *range(8))
    assert run(["ingest", "pumps.jsonl", "--store", "s"]) == 0
    write_rows(tmp_path / "pumps.jsonl", *range(5))
    listener = RecordingListener()
    with shared_diptych(load_settings("s")), listening(listener):
        kept = ingest(["pumps.jsonl"], store="s", return_state=True)
        limited = backfill(["pumps.jsonl"], limit=1, confirm_deletes=True, store="s", return_state=True)
        confirmed = backfill(["pumps.jsonl"], confirm_deletes=True, store="s", return_state=True)
    assert (kept.name, run_result(kept)["gone"], run_result(kept)["deleted"]) == ("Partial", 3, 0)
    assert "'diptych ingest pumps.jsonl --confirm-deletes --store s'" in str(run_artifacts(kept)["ingest-report"].data)
    assert (run_result(limited)["gone"], run_result(limited)["deleted"]) == (0, 0)
    assert (confirmed.name, run_result(confirmed)["deleted"]) == ("Completed", 3)
    assert listener.deleted == ["pumps.jsonl#5", "pumps.jsonl#6", "pumps.jsonl#7"]


@recorded
def test_retry_reindex_and_sweep_as_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "pumps.jsonl", 1)
    (tmp_path / "broken.pdf").write_bytes(BROKEN)
    (tmp_path / "lost.pdf").write_bytes(BROKEN)
    assert run(["ingest", "pumps.jsonl", "broken.pdf", "lost.pdf", "--store", "s"]) == 4
    write_leaflet(tmp_path / "broken.pdf", 1)
    (tmp_path / "lost.pdf").unlink()
    with shared_diptych(load_settings("s")):
        nothing = retry(store="s", return_state=True)
        everything = retry(everything=True, store="s", return_state=True)
    assert nothing.message == "nothing to ingest"
    result = run_result(everything)
    assert (everything.name, result["complete"], result["failed"]) == ("Failed", 1, 1)
    assert "lost.pdf: cannot be read again" in str(run_artifacts(everything)["ingest-report"].data)
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "german")
    assert run_result(reindex("s", return_state=True))["encoded"] == 0  # other stems, the same vectors
    swept = sweep("s", return_state=True)
    assert run_result(swept) == {"points": 0, "pictures": 0, "editions": 1, "incomplete": (), "kept": ""}
    assert "removed 1 old edition" in str(run_artifacts(swept)["sweep-report"].data)


@pytest.mark.usefixtures("local_environment", "prefect_server")
def test_backfill_command_is_recorded_by_the_configured_server(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = run_messages(capsys, "backfill", str(folder), "--limit", "2", "--store", "s")
    with get_client(sync_client=True) as client:
        stores = [one.parameters.get("store") for one in client.read_flow_runs()]
    assert messages[-2].startswith("2 documents: 2 complete")
    assert messages[-1] == "1 document left; run the command again for the next ones"
    assert str(folder.parent / "s") in stores


@pytest.mark.usefixtures("local_environment")
def test_unreachable_server_is_reported_in_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        line = error_line(capsys, "backfill", str(folder), "--store", "s")
    assert line.startswith("diptych: the Prefect server at http://127.0.0.1:9/api cannot be used")
