"""Run a command of Diptych as a process, and see what it takes."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from diptych.errors import DiptychError

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
    """Run `diptych COMMAND ARGUMENTS`; after `kill_after` seconds it is killed with all its processes.

    Raises `DiptychError` with what it said if it fails.
    """
    own = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    start, peak, before = time.monotonic(), 0, os.times()
    with tempfile.TemporaryFile() as said, subprocess.Popen(
        [sys.executable, "-m", "flows.cli.main", command, *map(str, arguments)],
        env=own | environment, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
    ) as process:  # fmt: skip
        while process.returncode is None:
            peak = max(peak, _memory(process.pid))
            if time.monotonic() - start > kill_after:
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(SAMPLE_SECONDS)
        seconds = time.monotonic() - start
        if process.returncode not in (0, PARTIAL, FAILED) and seconds < kill_after:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
            raise DiptychError(f"`diptych {command}` ended with exit code {process.returncode}: {words}")
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return Cost(seconds, used, peak)


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
