"""The family of a worker: the processes it started, and theirs, however they were detached from it.

A program such as LibreOffice runs in a session of its own and outlives a killed worker, so a family is known by a
word in its environment, which children inherit. Read from /proc: elsewhere only the worker's process group is known.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "DIPTYCH_WORKER"
"""The variable whose value all processes of one family share."""

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def end(leader: int, mark: str) -> None:
    """Kill the process group of `leader` and everything else that bears `mark`, but not the caller itself."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for pid in _marked(mark):
        if pid != os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def resident(pid: int) -> int:
    """Bytes of memory that `pid` and its descendants hold now; what they share counts for each. 0 without /proc."""
    total, seen = 0, [pid]
    for one in seen:  # grows while it is walked
        with suppress(OSError, ValueError, IndexError):
            total += int((_PROC / str(one) / "statm").read_bytes().split()[1]) * _PAGE
            for thread in (_PROC / str(one) / "task").iterdir():
                seen += map(int, (thread / "children").read_bytes().split())
    return total


def _marked(mark: str) -> Iterator[int]:
    wanted = f"{MARK}={mark}".encode()
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)
