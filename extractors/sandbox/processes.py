"""The processes below a worker: how much memory they take, and how to end them all."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK_VARIABLE = "DIPTYCH_WORKER"
"""Environment variable with the same value in all programs that one worker starts."""
KILL_SECONDS = 10.0
"""Time that killed processes get to disappear, one that waits for a broken disk for instance."""
_HAS_CHILDREN_FILES = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Whether the kernel lists the children of a process; looking at all processes takes a hundred times as long."""


def descendants(pid: int) -> Iterator[int]:
    """The process ids below a process."""
    if not _HAS_CHILDREN_FILES:
        with suppress(psutil.Error):
            yield from (process.pid for process in psutil.Process(pid).children(recursive=True))
        return
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                for child in map(int, (thread / "children").read_bytes().split()):
                    yield child
                    yield from descendants(child)


def tree_memory(pid: int) -> int:
    """Return the resident memory of a process and its descendants in bytes; shared pages count once per process."""
    return sum(map(_memory, (pid, *descendants(pid))))


def _memory(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


class QueueTime:
    """How long a process and those below it stood in line for a processor, which says nothing about their work.

    Known on Linux; elsewhere 0.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._moment, self._known = time.monotonic(), _queue_seconds(pid)

    def next(self) -> float:
        """Seconds since the last call; of processes that wait side by side, those of the one that waited longest."""
        before, known, elapsed = self._known, _queue_seconds(self._pid), time.monotonic() - self._moment
        self._moment, self._known = self._moment + elapsed, known
        return min(elapsed, max((seconds - before.get(pid, 0.0) for pid, seconds in known.items()), default=0.0))


def _queue_seconds(leader: int) -> dict[int, float]:
    """Process id -> seconds in line since it was started."""
    found = {}
    for pid in (leader, *descendants(leader)):
        with suppress(OSError, IndexError, ValueError):
            found[pid] = int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    return found


def kill_tree(leader: int) -> None:
    """Kill a process, its group and all processes below it, also those in sessions of their own."""
    below = list(descendants(leader))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for pid in (leader, *below):
        _kill(pid)


def kill_below(keep: frozenset[int] = frozenset()) -> None:
    """Kill and collect all processes below this one, except the children `keep` and what is below them."""
    deadline = time.monotonic() + KILL_SECONDS
    while (found := _children_but(keep)) and time.monotonic() < deadline:
        for child in found:
            for pid in (child, *descendants(child)):
                _kill(pid)
            with suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)


def kill_marked(mark: str) -> None:
    """Kill all programs that the worker with this mark started, wherever they are; looks at every process."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK_VARIABLE) == mark:
                process.kill()


def _children_but(keep: frozenset[int]) -> list[int]:
    own = os.getpid()
    if _HAS_CHILDREN_FILES:
        with suppress(OSError):
            children = Path(f"/proc/self/task/{own}/children").read_bytes().split()
            return [pid for pid in map(int, children) if pid not in keep]
    return [child.pid for child in psutil.Process().children() if child.pid not in keep]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
