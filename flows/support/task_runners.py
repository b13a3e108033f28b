"""Where the tasks of a flow run, as the setting `runner` says: threads, processes, dask or ray.

Threads are the default and the best choice on one machine: extraction runs in our own worker processes anyway, and
those can be killed, unlike a thread or a process of Prefect's pool.
"""

from __future__ import annotations

import multiprocessing
from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from diptych.errors import SettingsError
from diptych.settings import Settings

RUNNERS = ("threads", "processes", "dask", "ray")


def create_task_runner(settings: Settings) -> TaskRunner[Any]:
    """A task runner, not started yet. Raises `SettingsError` if it is unknown or its package is not installed."""
    runner, workers = settings.runner, settings.workers
    if runner not in RUNNERS:
        raise SettingsError(f"setting `runner` is {runner!r}; known: {', '.join(RUNNERS)}")
    if runner == "threads":
        # One more than there are workers: it encodes and commits while the others wait for their workers.
        return ThreadPoolTaskRunner(max_workers=workers + 1)
    if runner == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    try:
        if runner == "dask":
            from prefect_dask import DaskTaskRunner  # type: ignore[import-not-found]

            cluster = {"n_workers": workers, "threads_per_worker": 1}
            return DaskTaskRunner(cluster_kwargs=cluster)  # type: ignore[no-any-return]
        from prefect_ray import RayTaskRunner  # type: ignore[import-not-found]

        return RayTaskRunner(init_kwargs={"num_cpus": workers})  # type: ignore[no-any-return]
    except ImportError as error:
        raise SettingsError(f"runner = {runner} needs a package: pip install prefect-{runner}") from error


def check_budget(settings: Settings, budget: float | None) -> None:
    """Raise `SettingsError` for a budget with several processes, each of which would spend all of it."""
    if budget is not None and settings.runner != "threads":
        raise SettingsError(
            f"a budget needs a single process, but setting `runner` is {settings.runner}; set it to threads, or run "
            f"without a budget"
        )


def kill_child_processes() -> None:
    """Kill the children of this process. Prefect's pool would wait for them, for half a minute or forever."""
    for child in multiprocessing.active_children():
        child.kill()
