"""Run paid requests concurrently, and stop soon after an error without losing answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")


def run_concurrently(jobs: Sequence[J], run: Callable[[J], R], at_once: int, thread_name: str) -> list[R]:
    """The result of `run` for each job, from at most `at_once` threads.

    After the first error no further job starts. Requests in flight are paid for anyway, so they run to their end before
    that error is raised.
    """
    if len(jobs) <= 1:
        return [run(job) for job in jobs]
    stopped = threading.Event()

    def run_unless_stopped(job: J) -> R:
        if stopped.is_set():
            raise CancelledError
        try:
            return run(job)
        except BaseException:
            stopped.set()  # at once: this thread would start the next job before the caller sees the error
            raise

    with ThreadPoolExecutor(min(at_once, len(jobs)), thread_name) as pool:
        # The context carries the account that is charged.
        futures = [pool.submit(copy_context().run, run_unless_stopped, job) for job in jobs]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stopped.set()
    return [future.result() for future in futures]  # jobs start in order, so the first error is not a cancellation
