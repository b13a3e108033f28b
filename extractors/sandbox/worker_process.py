"""A worker process as its parent sees it: started, given jobs, watched, and killed."""

import json
import os
import pickle
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from extractors.errors import ExtractionError, WorkerStopped
from extractors.sandbox.worker import MARK_VARIABLE, PAGE_PREFIX, kill_tree

WATCH_SECONDS = 0.25
"""Time between two checks of a worker's memory; a check takes a few milliseconds of CPU time."""
MAX_REPLY_BYTES = 1 << 30
"""No real document has more text than this."""

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from extractors.sandbox.worker import main; main()"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a document, and of its worker with all programs it starts."""

    seconds: float
    """For everything but its pages."""
    memory_mb: int
    page_seconds: float = 60
    """For each page."""

    def __str__(self) -> str:
        return f"{self.seconds:g} s, {self.page_seconds:g} s a page, {self.memory_mb} MiB"


class WorkerProcess:
    """One process, its two pipes, and a folder for its temporary files."""

    def __init__(self, limits: Limits) -> None:
        self.jobs = 0
        """Number of jobs it was given."""
        self._limits = limits
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._closed = False
        self._folder = tempfile.mkdtemp(prefix="diptych-worker-")
        self._stderr = Path(self._folder, "stderr")
        single_thread = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), "1")
        # Relative entries, such as "" for the parent's folder, must mean the same in the child.
        search_path = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100
        with self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, search_path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
                env=os.environ | single_thread | {MARK_VARIABLE: self._mark, "TMPDIR": self._folder},
            )
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process and its children; a thread that waits for its reply gets an error."""
        with self._lock:
            if not self._closed:
                kill_tree(self.pid, self._mark)

    def close(self) -> None:
        """Kill the process and release its pipes and folder. No other thread may be waiting for a reply."""
        self.kill()
        with self._lock:
            self._closed = True
            with suppress(BrokenPipeError), self._process:
                pass  # leaving the block closes the pipes and waits for the process
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, path: Path, function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
        """Call a function that returns a dataclass, and return the worker's reply, a line of JSON.

        `path` is the file it opens. Raises `ExtractionError` when the process dies, exceeds its limits, or sends too
        large a reply.
        """
        jobs, replies = self._process.stdin, self._process.stdout
        assert jobs
        assert replies
        self.jobs += 1
        page, deadline = 0, time.monotonic() + self._limits.seconds
        try:
            pickle.dump((path, function, arguments), jobs)
            jobs.flush()
        except OSError:
            raise self._died(path, page) from None
        readable = select.poll()
        readable.register(replies, select.POLLIN)
        reply = bytearray()
        while True:
            has_output = readable.poll(1000 * WATCH_SECONDS)
            self._check_limits(path, page, deadline)
            if len(reply) > MAX_REPLY_BYTES:
                raise ExtractionError(f"{path}: yields more than {MAX_REPLY_BYTES >> 20} MiB of text; split the file")
            if has_output:
                chunk = os.read(replies.fileno(), 1 << 16)
                if not chunk:
                    raise self._died(path, page)
                reply += chunk
                if b"\n" not in chunk:
                    continue
                *lines, reply = reply.split(b"\n")
                for line in lines:
                    if not re.fullmatch(PAGE_PREFIX + rb"\d{1,9}", line):
                        return bytes(line)
                    page = int(line.removeprefix(PAGE_PREFIX))
                    deadline = time.monotonic() + (self._limits.page_seconds if page else self._limits.seconds)

    def _check_limits(self, path: Path, page: int, deadline: float) -> None:
        limits = self._limits
        if time.monotonic() > deadline:
            seconds, setting = (limits.page_seconds, "page_seconds") if page else (limits.seconds, "document_seconds")
            limit = f"longer than {seconds:g} s"
        elif tree_memory(self.pid) > limits.memory_mb << 20:
            limit, setting = f"more than {limits.memory_mb} MiB of memory", "document_memory_mb"
        else:
            return
        raise WorkerStopped(path, f"reading it took {limit} and was stopped; raise `{setting}` or split the file", page)

    def _died(self, path: Path, page: int) -> ExtractionError:
        """Return the error that explains the end of the process."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            reason = "its worker process was killed, perhaps because the machine ran out of memory"
            return ExtractionError(f"{path}: {reason}", transient=True)
        if output := self._stderr.read_text(errors="replace").strip():
            return ExtractionError(f"{path}: no worker could be started: {output.splitlines()[-1]}", transient=True)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerStopped(path, f"crashed its worker process ({how}); save it again with another program", page)


def tree_memory(pid: int) -> int:
    """Return the resident memory of a process and its descendants in bytes; shared pages count once per process."""
    total = 0
    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total
