"""The flows in this process, recorded by a real Prefect server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact, State
from prefect.settings import PREFECT_API_URL, temporary_settings

from diptych.errors import QueryError, SettingsError, SourceError
from diptych.settings import load_settings
from diptych.where import parse_where
from flows.backfill import backfill
from flows.cli.local_runs import value
from flows.cli.main import run
from flows.ingest import ingest
from flows.query import condition
from flows.reindex import reindex
from flows.retry import retry
from flows.support import prefect_env
from flows.support.open_stores import opened
from flows.support.progress import watched
from flows.support.removed_documents import Departures
from flows.support.task_runners import task_runner
from flows.sweep import sweep
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line, run_messages
from tests.support.papers import write_leaflet, write_rows

BROKEN = b"%PDF-1.7 and then nothing"


@pytest.fixture
def _recorded(prefect_server: str) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_server}):
        yield


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command sets for Prefect ends with the test."""
    for name, chosen in prefect_env.DEFAULTS.items():
        monkeypatch.setenv(name, chosen)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three good documents; `old.pdf` was written in 1970."""
    place = tmp_path / "papers"
    place.mkdir()
    for name, pages in (("a.pdf", 1), ("b.pdf", 2), ("old.pdf", 1)):
        write_leaflet(place / name, pages)
    os.utime(place / "old.pdf", (0, 0))
    return place


class Watch:
    def __init__(self) -> None:
        self.told: list[object] = []

    def found(self, total: int, left_out: object) -> None:
        self.told.append(total)

    def done(self, outcome: Any) -> None:
        self.told.append((outcome.name, outcome.status))

    def settled(self, departures: Departures) -> None:
        self.told += [("deleted", record.name) for record in departures.deleted]

    def noted(self, line: str) -> None:
        self.told.append(line)


def artifacts(state: State[Any]) -> dict[str | None, Artifact]:
    run = state.state_details.flow_run_id
    assert run
    with get_client(sync_client=True) as client:
        of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        return {artifact.key: artifact for artifact in client.read_artifacts(artifact_filter=of_run)}


def test_a_task_runner_that_is_not_known_or_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in (("fibres", "known: threads, processes, dask, ray"), ("dask", "prefect-dask")):
        monkeypatch.setenv("DIPTYCH_RUNNER", name)
        monkeypatch.setitem(sys.modules, "prefect_dask", None)
        with pytest.raises(SettingsError, match=expected):
            task_runner(load_settings())


def test_an_open_store_is_shared_by_what_runs_inside() -> None:
    one, other = load_settings("one"), load_settings("other")
    with opened(one) as outer, opened(one) as inner, opened(other) as second:
        assert outer is inner
        assert second is not outer
    with opened(one) as later:
        assert later is not outer


@pytest.mark.usefixtures("_recorded")
def test_ingest_reports_every_document_and_a_bad_one_stops_nothing(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(BROKEN)
    watch = Watch()
    with opened(load_settings("s")), watched(watch):
        state = ingest([str(folder)], store="s", return_state=True)
        (folder / "broken.pdf").unlink()
        again = ingest([str(folder)], store="s", return_state=True)
    assert (state.name, value(state)["complete"], value(state)["failed"]) == ("Failed", 3, 1)
    assert str(state.message).startswith("4 documents: 3 complete, 1 failed; 4 pages")
    assert watch.told[0] == 4
    done = [(name, "complete") for name in ("a.pdf", "b.pdf", "old.pdf")]
    assert sorted(watch.told[1:5]) == [*done[:2], ("broken.pdf", "failed"), done[2]]  # type: ignore[type-var]
    left = artifacts(state)
    assert "4 documents: 3 complete, 1 failed" in str(left["ingest-report"].data)
    assert "broken.pdf" in str(left["ingest-report"].data)
    assert '"document": "old.pdf"' in str(left["ingest-documents"].data)
    assert (again.name, again.message) == ("Completed", "3 documents: 3 unchanged; 1 deleted")


@pytest.mark.usefixtures("_recorded")
def test_what_concerns_every_document_ends_the_run() -> None:
    with pytest.raises(SourceError, match="nowhere"):
        ingest(["nowhere"], store="s")


@pytest.mark.usefixtures("_recorded")
def test_tasks_may_run_in_processes_of_their_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_RUNNER", "processes")
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")  # each loads Prefect and the model
    watch = Watch()
    with watched(watch):
        assert value(ingest([str(folder)], store="s", return_state=True))["complete"] == 3
    assert len(watch.told) == 4


@pytest.mark.usefixtures("_recorded")
def test_backfill_does_what_was_asked_and_says_what_waits(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(BROKEN)
    recent = date.today() - timedelta(days=2)
    with opened(load_settings("s")):
        first = backfill([str(folder)], since=recent, limit=1, store="s", return_state=True)
        second = backfill([str(folder)], since=recent, limit=5, store="s", return_state=True)
        third = backfill([str(folder)], since=recent, store="s", return_state=True)
    assert (value(first)["complete"], value(first)["waiting"]) == (1, 2)
    assert value(second) == {
        "complete": 1, "partial": 0, "failed": 1, "unchanged": 0, "left_out": 0, "deleted": 0, "gone": 0, "waiting": 0,
        "usage": {},
    }  # fmt: skip
    assert third.message == "0 documents: none"


@pytest.mark.usefixtures("_recorded")
def test_documents_whose_files_are_gone_leave_when_it_is_confirmed(tmp_path: Path) -> None:
    write_rows(tmp_path / "pumps.jsonl", *range(8))
    assert run(["ingest", "pumps.jsonl", "--store", "s"]) == 0
    write_rows(tmp_path / "pumps.jsonl", *range(5))
    watch = Watch()
    with opened(load_settings("s")), watched(watch):
        kept = ingest(["pumps.jsonl"], store="s", return_state=True)
        narrow = backfill(["pumps.jsonl"], limit=1, confirm_deletes=True, store="s", return_state=True)
        confirmed = backfill(["pumps.jsonl"], confirm_deletes=True, store="s", return_state=True)
    assert (kept.name, value(kept)["gone"], value(kept)["deleted"]) == ("Partial", 3, 0)
    assert "'diptych ingest pumps.jsonl --confirm-deletes --store s'" in str(artifacts(kept)["ingest-report"].data)
    assert (value(narrow)["gone"], value(narrow)["deleted"]) == (0, 0)
    assert (confirmed.name, value(confirmed)["deleted"]) == ("Completed", 3)
    assert watch.told[-3:] == [("deleted", f"pumps.jsonl#{n}") for n in (5, 6, 7)]


@pytest.mark.usefixtures("_recorded")
def test_a_store_is_kept_in_order_by_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path / "pumps.jsonl", 1)
    (tmp_path / "broken.pdf").write_bytes(BROKEN)
    (tmp_path / "lost.pdf").write_bytes(BROKEN)
    assert run(["ingest", "pumps.jsonl", "broken.pdf", "lost.pdf", "--store", "s"]) == 4
    write_leaflet(tmp_path / "broken.pdf", 1)
    (tmp_path / "lost.pdf").unlink()
    with opened(load_settings("s")):
        nothing = retry(store="s", return_state=True)
        again = retry(everything=True, store="s", return_state=True)
    assert nothing.message == "0 documents: none"
    assert (again.name, value(again)["complete"], value(again)["failed"]) == ("Failed", 1, 1)
    assert "'diptych delete lost.pdf --store s'" in str(artifacts(again)["ingest-report"].data)
    monkeypatch.setenv("DIPTYCH_LANGUAGE", "german")
    read = reindex("s", return_state=True)
    assert value(read)["encoded"] == 0  # other stems, the same vectors
    swept = sweep("s", return_state=True)
    assert value(swept) == {"points": 0, "pictures": 0, "editions": 1}
    assert "swept up: 1 old edition" in str(artifacts(swept)["sweep-report"].data)


@pytest.mark.usefixtures("_recorded")
def test_what_failed_for_good_is_tried_again_on_request_only(folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(BROKEN)
    watch = Watch()
    with opened(load_settings("s")):
        ingest([str(folder)], store="s", return_state=True)
        with watched(watch):
            backfill([str(folder)], store="s", return_state=True)
            backfill([str(folder)], retry_failed=True, store="s", return_state=True)
    assert watch.told == [0, 1, ("broken.pdf", "failed")]


def test_the_filter_of_a_question_joins_the_choice_of_a_panel() -> None:
    assert condition(None) is None
    assert condition(" ", "image") == parse_where('modality = "image"')
    assert condition("page > 3", "text") == parse_where('page > 3 and modality = "text"')
    with pytest.raises(QueryError, match="column 7"):
        condition("page <")


def test_backfill_from_the_command_line_is_recorded_by_the_configured_server(
    folder: Path, prefect_server: str, capsys: pytest.CaptureFixture[str], guest: None
) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_server}), get_client(sync_client=True) as client:
        said = run_messages(capsys, "backfill", str(folder), "--limit", "2", "--store", "s")
        names = {one.parameters.get("store") for one in client.read_flow_runs()}
    assert said[-1].startswith("2 documents: 2 complete")
    assert str(folder.parent / "s") in names


def test_a_server_that_does_not_answer_is_one_clear_line(
    folder: Path, capsys: pytest.CaptureFixture[str], guest: None
) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        line = error_line(capsys, "backfill", str(folder), "--store", "s")
    assert line.startswith("diptych: the Prefect server at http://127.0.0.1:9/api cannot be used")
