"""Run a command of Diptych as a process, and see what it takes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

PARTIAL, FAILED = 3, 4
"""Exit codes of a run that some documents did not stop."""
SAMPLE_SECONDS = 0.5
"""Between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    processor: float
    """Processor seconds of all its processes."""
    memory: int
    """Peak of all its processes together, in bytes; pages that they share count once."""


def run_command(command: str, *arguments: object, kill_after: float = float("inf"), **environment: str) -> Cost:
    """Run `diptych COMMAND ARGUMENTS`; after `kill_after` seconds it is killed with all its processes."""
    own = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    start, peak, before = time.monotonic(), 0, os.times()
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", command, *map(str, arguments)],
        env=own | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            if time.monotonic() - start > kill_after:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(SAMPLE_SECONDS)
    if process.returncode not in (0, PARTIAL, FAILED) and time.monotonic() - start < kill_after:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(time.monotonic() - start, used, peak)


def _memory(pid: int) -> int:
    """Proportional set size of a process and its descendants, in bytes."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:  # it ended while it was read
        return total
    return total
