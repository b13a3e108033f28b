"""Where the tasks of a run work: in threads of its process, in other processes here, or on a Dask or Ray cluster."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from diptych import Settings
from diptych.errors import SettingsError


def works_in_threads(settings: Settings) -> bool:
    """Whether the tasks share the process of their run, and with it the open store."""
    return settings.runner == "threads"


def check_runner(settings: Settings) -> None:
    """Raise `SettingsError` if the tasks of a run could not reach its store."""
    if settings.runner in ("dask", "ray") and settings.cluster and "://" not in settings.store:
        raise SettingsError(
            f"the cluster {settings.cluster} cannot share the folder {settings.store}, which belongs to one machine; "
            "set `store` to the URL of a Qdrant server, or remove the setting `cluster`"
        )


@contextmanager
def started_task_runner(settings: Settings) -> Iterator[TaskRunner[Any]]:
    """A started task runner as the settings say. Its processes end with the block, also when that raises.

    Raises `SettingsError` if its package is not installed, or its cluster cannot be reached.
    """
    runner = create_task_runner(settings)
    with _one_server(settings):
        try:
            with runner:
                yield runner
        except OSError as error:
            if not settings.cluster:
                raise
            raise SettingsError(f"the cluster {settings.cluster} cannot be reached: {error}") from error


def create_task_runner(settings: Settings) -> TaskRunner[Any]:
    """A task runner as the settings say, not started yet. Raises `SettingsError` if its package is not installed.

    Threads are the default and the best choice on one machine: extraction runs in our own worker processes anyway, and
    those can be killed, unlike a thread or a process of Prefect's pool.
    """
    cluster, workers = settings.cluster, settings.workers
    if settings.runner == "threads":
        # One more than there are workers: it encodes and commits while the others wait for their workers.
        return ThreadPoolTaskRunner(max_workers=workers + 1)
    if settings.runner == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    try:
        return (
            _create_dask_runner(cluster, workers) if settings.runner == "dask" else _create_ray_runner(cluster, workers)
        )
    except ImportError as error:
        raise SettingsError(
            f"runner = {settings.runner} needs the package prefect-{settings.runner}: "
            f"pip install 'diptych[{settings.runner}]'"
        ) from error


def _create_dask_runner(address: str, workers: int) -> TaskRunner[Any]:
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # read on import: it logs each connection
    from prefect_dask.task_runners import DaskTaskRunner

    # The dashboard's usual port belongs to the first of several runs.
    local = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    options: dict[str, Any] = {"address": address} if address else {"cluster_kwargs": local}
    runner: TaskRunner[Any] = DaskTaskRunner(**options)
    return runner


def _create_ray_runner(address: str, workers: int) -> TaskRunner[Any]:
    from prefect_ray.task_runners import RayTaskRunner

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if not address:
        options |= {"num_cpus": workers, "include_dashboard": False}
    runner: TaskRunner[Any] = RayTaskRunner(address or None, init_kwargs=options)
    return runner


def stop_processes() -> None:
    """Kill the local processes of a runner, which it would otherwise wait for."""
    for child in multiprocessing.active_children():
        child.kill()


@contextmanager
def _one_server(settings: Settings) -> Iterator[None]:
    """Let other processes use the temporary server of this one; each would start its own otherwise."""
    if works_in_threads(settings) or PREFECT_API_URL.value():
        yield
        return
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    server.start()
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        yield
