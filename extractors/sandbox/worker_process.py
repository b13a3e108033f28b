"""A worker process as its parent sees it: started, given jobs, watched, and killed."""

from __future__ import annotations

import contextlib
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
from pathlib import Path
from typing import NamedTuple

from extractors.errors import ExtractionError
from extractors.sandbox.process_tree import MARK_VARIABLE, kill_tree, tree_memory
from extractors.sandbox.worker import LENGTH, Job

WATCH_SECONDS = 0.25
"""Time between two checks of a worker's memory; a check takes a few milliseconds of CPU time."""
MAX_REPLY_BYTES = 1 << 30
"""No real document has more text than this."""

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from extractors.sandbox.worker import main; main()"


class Limits(NamedTuple):
    """What one document may use."""

    seconds: float
    memory: int
    """Bytes, of the worker and all programs it starts."""


class WorkerProcess:
    """One process, its two pipes, and a folder for its temporary files."""

    def __init__(self) -> None:
        self.jobs = 0
        """Number of jobs it was given."""
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
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, job: Job, limits: Limits) -> bytes:
        """Send a job and return the reply, which is JSON.

        Raises `ExtractionError` when the process dies, exceeds the limits, or sends too large a reply.
        """
        assert self._process.stdin
        self.jobs += 1
        deadline = time.monotonic() + limits.seconds
        try:
            pickle.dump(job, self._process.stdin)
            self._process.stdin.flush()
        except OSError:
            raise self._died(job.path) from None
        length = int.from_bytes(self._receive(LENGTH.size, job.path, limits, deadline), "big")
        if length > MAX_REPLY_BYTES:
            raise ExtractionError(f"{job.path}: yields more than {MAX_REPLY_BYTES >> 20} MiB of text; split the file")
        return self._receive(length, job.path, limits, deadline)

    def _receive(self, length: int, path: Path, limits: Limits, deadline: float) -> bytes:
        """Read exactly `length` bytes of the reply while watching time and memory."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        readable = select.poll()
        readable.register(pipe, select.POLLIN)
        received = bytearray()
        while len(received) < length:
            self._check_limits(path, limits, deadline)
            if readable.poll(1000 * WATCH_SECONDS):
                chunk = os.read(pipe, min(1 << 20, length - len(received)))
                if not chunk:
                    raise self._died(path)
                received += chunk
        return bytes(received)

    def _check_limits(self, path: Path, limits: Limits, deadline: float) -> None:
        if time.monotonic() > deadline:
            reason = (
                f"took longer than {limits.seconds:g} s and was stopped; raise `document_seconds` or split the file"
            )
        elif tree_memory(self.pid) > limits.memory:
            reason = (
                f"took more than {limits.memory >> 20} MiB of memory and was stopped; "
                "raise `document_memory_mb` or split the file"
            )
        else:
            return
        raise ExtractionError(f"{path}: reading it {reason}", transient=True)

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
