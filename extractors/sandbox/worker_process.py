"""A worker process as its parent sees it: started, given jobs, watched, and killed."""

import os
import pickle
import re
import select
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from extractors.errors import ExtractionError, WorkerLost, WorkerStopped
from extractors.sandbox.confinement import Access
from extractors.sandbox.fork_server import SERVER, ForkRequest, worker_environment
from extractors.sandbox.processes import MARK_VARIABLE, QueueTime, kill_marked, kill_tree, tree_memory
from extractors.sandbox.worker import PAGE_PREFIX, USE_PREFIX, USED
from extractors.shared_programs import PROGRAMS, UseProgram, without_limits
from extractors.temporary_folder import TemporaryFolder

WATCH_SECONDS = 0.25
"""Time between two checks of a worker's memory and time."""
_USES = {USE_PREFIX + program.encode(): program for program in PROGRAMS}
MAX_REPLY_BYTES = 1 << 30
"""No real document has more text than this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a document, and of its worker with all programs it starts. Time in line for a processor does not count."""

    seconds: float
    """For everything but its pages."""
    memory_mb: int
    page_seconds: float = 60
    """For each page."""
    confined: bool = True
    """Whether workers are kept from other files and the network; see `confinement`."""

    def __str__(self) -> str:
        return f"{self.seconds:g} s, {self.page_seconds:g} s a page, {self.memory_mb} MiB"


class WorkerProcess:
    """One process, its two pipes, and a folder for its temporary files."""

    def __init__(self, limits: Limits, access: Access, extractor: str = "", tokenizer: Path | None = None) -> None:
        """Start it. `extractor`: the module that it will need first. Raises `OSError` if that is impossible."""
        self._access, self._files = access, access.identities()
        self.jobs = 0
        """Number of jobs it was given."""
        self._limits = limits
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._closed = False
        self._folder = TemporaryFolder()
        request = ForkRequest(
            extractor,
            tokenizer,
            worker_environment(TMPDIR=str(self._folder.path), **{MARK_VARIABLE: self._mark}),
            str(Path.cwd()),
            # Relative entries, such as "" for the parent's folder, must mean the same in the worker.
            [os.path.abspath(path) for path in sys.path],  # noqa: PTH100
            replace(access, write=access.write | {os.path.realpath(self._folder.path)}) if limits.confined else None,
            limits.memory_mb,
            str(self._folder.path),
        )
        jobs, self._jobs = os.pipe()
        self._replies, replies = os.pipe()
        self._end, end = os.pipe()
        try:
            self.pid = SERVER.fork(request, (jobs, replies, end))
        except OSError:
            self._release()
            raise
        finally:
            for descriptor in (jobs, replies, end):
                os.close(descriptor)

    def is_alive(self) -> bool:
        """Whether it can be given a job; only for a worker that has none, from which nothing is to be read."""
        return not select.select([self._replies, self._end], [], [], 0)[0]

    def may_use(self, access: Access) -> bool:
        """Whether it can be given a job that needs these files."""
        return self._access.covers(access) and self._access.identities() == self._files

    def kill(self) -> None:
        """Kill the process and its children; a thread that waits for its reply gets an error."""
        with self._lock:
            if not self._closed:
                kill_tree(self.pid)

    def close(self) -> None:
        """Kill the process and release its pipes and folder. No other thread may be waiting for a reply."""
        self.kill()
        with self._lock:
            self._closed = True
            self._wait()
            self._release()

    def _release(self) -> None:
        for descriptor in (self._jobs, self._replies, self._end):
            os.close(descriptor)
        self._folder.close()

    def _wait(self) -> int:
        """Wait for the end of the process, and return its exit code."""
        code = os.read(self._end, 1 << 6)
        if not code or sys.platform != "linux":  # the fork server was killed, or does not find orphans of a worker
            kill_marked(self._mark)
        return int(code or -signal.SIGKILL)

    def run(
        self,
        path: Path,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        use_program: UseProgram = without_limits,
        seconds: float = inf,
    ) -> bytes:
        """Call a function that returns a dataclass, and return the worker's reply, a line of JSON.

        `path` is the file it opens. The time until it may use a program does not count, but for `seconds`, the limit
        for everything. Raises `ExtractionError` when the process dies, exceeds its limits, or sends too large a reply,
        and as `use_program` does.
        """
        self.jobs += 1
        with ExitStack() as in_use:
            return self._read_reply(path, (path, function, arguments), use_program, in_use, seconds)

    def _read_reply(
        self, path: Path, job: tuple[object, ...], use_program: UseProgram, in_use: ExitStack, seconds: float
    ) -> bytes:
        page, deadline, end = 0, time.monotonic() + self._limits.seconds, time.monotonic() + seconds
        self._send(pickle.dumps(job), path, page)
        readable = select.poll()
        readable.register(self._replies, select.POLLIN)
        reply, next_check, in_line = bytearray(), 0.0, QueueTime(self.pid)
        while True:
            has_output = readable.poll(1000 * WATCH_SECONDS)
            if time.monotonic() >= next_check:  # not after every page: known ones take as long as a check
                deadline += in_line.next()
                self._check_limits(path, page, deadline)
                next_check = time.monotonic() + WATCH_SECONDS
            if time.monotonic() > end:
                raise WorkerStopped(path, f"reading it took longer than {seconds:g} s and was stopped", 0)
            if len(reply) > MAX_REPLY_BYTES:
                raise ExtractionError(f"{path}: yields more than {MAX_REPLY_BYTES >> 20} MiB of text; split the file")
            if has_output:
                chunk = os.read(self._replies, 1 << 16)
                if not chunk:
                    raise self._died(path, page)
                reply += chunk
                if b"\n" not in chunk:
                    continue
                *lines, reply = reply.split(b"\n")
                for line in map(bytes, lines):
                    if re.fullmatch(PAGE_PREFIX + rb"\d{1,9}", line):
                        page = int(line.removeprefix(PAGE_PREFIX))
                        deadline = time.monotonic() + (self._limits.page_seconds if page else self._limits.seconds)
                    elif line == USED or line in _USES:
                        in_use.close()
                        if line in _USES:
                            deadline -= time.monotonic()
                            in_use.enter_context(use_program(_USES[line]))
                            deadline += time.monotonic()
                            self._send(b"\n", path, page)
                    else:
                        return line

    def _send(self, data: bytes, path: Path, page: int) -> None:
        try:
            with open(self._jobs, "wb", closefd=False) as jobs:
                jobs.write(data)
        except OSError:
            raise self._died(path, page) from None

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
        code = self._wait()
        if code == -signal.SIGKILL:
            reason = "its worker process was killed, perhaps because the machine ran out of memory"
            return WorkerLost(f"{path}: {reason}")
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return WorkerStopped(path, f"crashed its worker process ({how}); save it again with another program", page)
