"""Where a flow's tasks run: threads | processes | dask | ray, chosen by the setting `runner`.

Threads are the default and the best on one machine: extraction happens in our own worker processes all the same, and
those can be killed, which a thread or a pool of Prefect's cannot.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from diptych.errors import SettingsError
from diptych.settings import Settings


def task_runner(settings: Settings) -> TaskRunner[Any]:
    """A runner, not started yet. Raises `SettingsError` naming the package that is missing."""
    if settings.runner not in RUNNERS:
        raise SettingsError(f"setting `runner` is {settings.runner!r}; known: {', '.join(RUNNERS)}")
    return RUNNERS[settings.runner](settings)


def alone(settings: Settings, budget: float | None) -> None:
    """Raises `SettingsError` where a budget could not be kept: each process would have the whole of it to spend."""
    if budget is not None and settings.runner != "threads":
        raise SettingsError(
            f"a budget is counted in one process, and setting `runner` is {settings.runner}: set it to threads, or run "
            f"without a budget"
        )


def threads(settings: Settings) -> TaskRunner[Any]:
    # One more than there are workers: it encodes and commits while the others wait for theirs.
    return ThreadPoolTaskRunner(max_workers=settings.workers + 1)


def processes(settings: Settings) -> TaskRunner[Any]:
    return ProcessPoolTaskRunner(max_workers=settings.workers)


def dask(settings: Settings) -> TaskRunner[Any]:
    try:
        from prefect_dask import DaskTaskRunner  # type: ignore[import-not-found]
    except ImportError as error:
        raise SettingsError("runner = dask needs a package: pip install prefect-dask") from error
    return DaskTaskRunner(cluster_kwargs={"n_workers": settings.workers, "threads_per_worker": 1})  # type: ignore[no-any-return]


def ray(settings: Settings) -> TaskRunner[Any]:
    try:
        from prefect_ray import RayTaskRunner  # type: ignore[import-not-found]
    except ImportError as error:
        raise SettingsError("runner = ray needs a package: pip install prefect-ray") from error
    return RayTaskRunner(init_kwargs={"num_cpus": settings.workers})  # type: ignore[no-any-return]


RUNNERS: dict[str, Callable[[Settings], TaskRunner[Any]]] = {
    "threads": threads, "processes": processes, "dask": dask, "ray": ray
}  # fmt: skip


def stop_children() -> None:
    """Kill this process's own children: Prefect's pool would wait for them, half a minute or for ever."""
    for child in multiprocessing.active_children():
        child.kill()
