"""A worker process as its parent sees it: started, given jobs, watched, and killed."""

import json
import os
import pickle
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
from pathlib import Path

import psutil

from extractors.errors import ExtractionError
from extractors.sandbox.worker import MARK_VARIABLE, kill_tree

WATCH_SECONDS = 0.25
"""Time between two checks of a worker's memory; a check takes a few milliseconds of CPU time."""
MAX_REPLY_BYTES = 1 << 30
"""No real document has more text than this."""

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from extractors.sandbox.worker import main; main()"


class WorkerProcess:
    """One process, its two pipes, and a folder for its temporary files."""

    def __init__(self, seconds: float, memory: int) -> None:
        """Limit each job to `seconds`, and the worker with all programs it starts to `memory` bytes."""
        self.jobs = 0
        """Number of jobs it was given."""
        self._seconds, self._memory = seconds, memory
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
        deadline = time.monotonic() + self._seconds
        try:
            pickle.dump((path, function, arguments), jobs)
            jobs.flush()
        except OSError:
            raise self._died(path) from None
        readable = select.poll()
        readable.register(replies, select.POLLIN)
        reply = bytearray()
        while not reply.endswith(b"\n"):
            self._check_limits(path, deadline)
            if len(reply) > MAX_REPLY_BYTES:
                raise ExtractionError(f"{path}: yields more than {MAX_REPLY_BYTES >> 20} MiB of text; split the file")
            if readable.poll(1000 * WATCH_SECONDS):
                chunk = os.read(replies.fileno(), 1 << 16)
                if not chunk:
                    raise self._died(path)
                reply += chunk
        return bytes(reply)

    def _check_limits(self, path: Path, deadline: float) -> None:
        if time.monotonic() > deadline:
            limit, setting = f"longer than {self._seconds:g} s", "document_seconds"
        elif tree_memory(self.pid) > self._memory:
            limit, setting = f"more than {self._memory >> 20} MiB of memory", "document_memory_mb"
        else:
            return
        reason = f"reading it took {limit} and was stopped; raise `{setting}` or split the file"
        raise ExtractionError(f"{path}: {reason}", transient=True)

    def _died(self, path: Path) -> ExtractionError:
        """Return the error that explains the end of the process."""
        code = self._process.wait()
        if code == -signal.SIGKILL:
            reason = "its worker process was killed, perhaps because the machine ran out of memory"
            return ExtractionError(f"{path}: {reason}", transient=True)
        if output := self._stderr.read_text(errors="replace").strip():
            return ExtractionError(f"{path}: no worker could be started: {output.splitlines()[-1]}", transient=True)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ExtractionError(f"{path}: crashed its worker process ({how}); save it again with another program")


def tree_memory(pid: int) -> int:
    """Return the resident memory of a process and its descendants in bytes; shared pages count once per process."""
    total = 0
    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        for process in (leader, *leader.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total
