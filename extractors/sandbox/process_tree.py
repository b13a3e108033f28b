"""Kill a worker with everything it started, and measure the memory of them all.

Programs such as LibreOffice run in sessions of their own and can outlive the worker that started them. The processes
of one worker are therefore recognised by an environment variable, which children inherit.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import psutil

MARK_VARIABLE = "DIPTYCH_WORKER"
"""Environment variable with the same value in all processes of one worker."""


def kill_tree(leader: int, mark: str) -> None:
    """Kill the process group of `leader` and all processes marked with `mark`, except the calling process."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK_VARIABLE) == mark:
                process.kill()


def tree_memory(pid: int) -> int:
    """Return the resident memory of a process and its descendants in bytes; shared pages count once per process."""
    total = 0
    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total
