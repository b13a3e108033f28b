"""Runs whose tasks work in other processes: the same points, one budget, and clear refusals."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect import task

from diptych import Diptych, Settings
from diptych.errors import SettingsError, StoreError
from diptych.settings import load_settings
from flows.backfill import backfill
from flows.ingest import ingest
from flows.runs.local_prefect import run_result
from flows.runs.runners import check_runner, create_task_runner, started_task_runner
from flows.runs.shared_store import RunStore
from tests.support.http_server import Vendor
from tests.support.shared_work import LUNA, store_content
from tests.support.shared_work import folder as folder
from tests.support.shared_work import vendor as vendor


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("runner", [pytest.param("dask", marks=pytest.mark.slow), "ray"])
def test_points_are_those_of_a_single_process_and_nothing_is_bought_twice(
    runner: str, vendor: Vendor, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Diptych.open(load_settings("alone")) as diptych:
        diptych.ingest([folder])
        usage = diptych.meter.usage()
    bought = len(vendor.requests)
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")  # each process of a cluster loads Prefect and the model
    monkeypatch.setattr("flows.runs.ingest_tasks.SMALL_BYTES", 0)  # every document in a task of its own
    state = ingest([folder], store=f"{runner}-store", runner=runner, return_state=True)
    result = run_result(state)
    assert (state.name, result["complete"]) == ("Completed", 5)
    assert store_content(f"{runner}-store") == store_content("alone")
    assert len(vendor.requests) == 2 * bought
    assert result["usage"][LUNA]["requests"] == usage[LUNA, False].requests


@pytest.mark.usefixtures("prefect_server", "vendor")
def test_backfill_works_in_other_processes(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get a copy of the flow that their tasks belong to."""
    monkeypatch.setenv("DIPTYCH_WORKERS", "1")
    state = backfill([folder], store="parts", runner="processes", return_state=True)
    assert (state.name, run_result(state)["complete"]) == ("Completed", 5)


@pytest.mark.usefixtures("prefect_server")
def test_tasks_work_on_a_dask_cluster() -> None:
    """One in this process; that the points are the same in others is shown with Ray."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        settings = Settings(store="http://localhost:6333", runner="dask", cluster=cluster.scheduler_address)
        check_runner(settings)
        with started_task_runner(settings) as runner:
            assert runner.submit(double, {"number": 21}).result() == 42


@task
def double(number: int) -> int:
    return 2 * number


def test_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for runner in ("dask", "ray"):
        for module in ("", ".task_runners"):
            monkeypatch.setitem(sys.modules, f"prefect_{runner}{module}", None)
        with pytest.raises(SettingsError, match=rf"prefect-{runner}: pip install 'diptych\[{runner}\]'"):
            create_task_runner(Settings(runner=runner))


def test_unknown_runner_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIPTYCH_RUNNER", "fibres")
    with pytest.raises(
        SettingsError, match="`runner` is wrong: Input should be 'threads', 'processes', 'dask' or 'ray'"
    ):
        load_settings()


def test_cluster_needs_a_server_as_store() -> None:
    cluster = "tcp://10.0.0.1:8786"
    with pytest.raises(SettingsError, match="cannot share the folder library, which belongs to one machine"):
        check_runner(Settings(store="library", runner="dask", cluster=cluster))
    check_runner(Settings(store="http://10.0.0.2:6333", runner="dask", cluster=cluster))
    check_runner(Settings(store="library", runner="dask"))


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """A run as its tasks in other processes get to know it."""
    monkeypatch.chdir(tmp_path)
    with Diptych.open(load_settings("s"), budget=0.5, run="one") as diptych:
        yield RunStore.of(diptych)


def test_worker_has_the_settings_of_the_run_that_determine_what_is_stored(
    started: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_DPI", "300")
    monkeypatch.setenv("DIPTYCH_OPENAI__KEY", "ANOTHER_TEAM_KEY")
    monkeypatch.setenv("DIPTYCH_PAGE_SECONDS", "7")
    with started.opened() as diptych:
        assert diptych.settings.openai.key == "OPENAI_API_KEY"
        assert (diptych.settings.dpi, diptych.settings.page_seconds, diptych.settings.workers) == (150, 7, 1)


def test_worker_that_does_not_see_the_picture_store_of_the_run_is_refused(started: RunStore, tmp_path: Path) -> None:
    elsewhere = replace(started, pictures=str(tmp_path / "elsewhere"))
    with pytest.raises(SettingsError, match=r"elsewhere on the worker .* is not the picture store of the run"):
        elsewhere.open()


def test_runs_of_the_same_folder_take_documents_in_another_order_if_the_store_is_on_a_server(
    started: RunStore,
) -> None:
    names = [str(number) for number in range(100)]
    assert started.work_order(names) == names
    on_server = replace(started, store="http://localhost:6333")
    one, other = on_server.work_order(names), on_server.work_order(names)
    assert one != other
    assert sorted(one) == sorted(other) == sorted(names)


def test_worker_process_opens_a_run_once_and_closes_it_for_the_next(started: RunStore) -> None:
    with started.opened() as one, started.opened() as same:
        assert one is same
    with started.opened() as again:
        assert again is one
        assert (one.run, one.meter.budget, one.settings.workers) == ("one", 0.5, 1)
    with Diptych.open(load_settings("other"), run="two") as diptych:
        other = RunStore.of(diptych)
        with other.opened() as second:
            assert second is not one
        with pytest.raises(StoreError, match="this Diptych is closed"):
            one._runtime.store()
