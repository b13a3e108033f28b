"""A process that has imported the extractors and forks workers: a fork takes milliseconds, the imports half a second.

There is one per Python process, started with the first worker. It opens no documents, so workers start clean. When that
process ends, even by SIGKILL, it kills the workers with everything they started. (A thread of a worker could not:
MuPDF holds the interpreter's lock while it works.)
"""

import atexit
import gc
import json
import os
import pickle
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from extractors.sandbox.confinement import Access, adopt_orphans, confine, die_with_parent
from extractors.sandbox.processes import kill_below

_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import extractors.sandbox.fork_server as s; s.main()"
_NUMBER = struct.Struct("!q")
_KEPT_VARIABLE = re.compile(
    r"(PATH|HOME|USER|LOGNAME|SHELL|TZ|LANG|LANGUAGE|TMPDIR|TESSDATA_PREFIX|VIRTUAL_ENV|OMP_.*|LC_.*|LD_LIBRARY_PATH|"
    r"DYLD_.*|XDG_(DATA|CONFIG|CACHE).*|FONTCONFIG_.*|PYTHON(?!.*(KEY|TOKEN|SECRET|PASS)).*|COVERAGE_.*|DIPTYCH_WORKER)"
)
"""Environment of workers: not the keys and passwords that the others may hold."""
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """What a new worker needs besides its pipes."""

    extractor: str
    """Module that is imported before the fork, with its libraries, so that later workers have them, too."""
    tokenizer: Path | None
    """The `tokenizer.json` that is loaded before the fork."""
    environment: Mapping[str, str]
    folder: str
    """The current folder."""
    search_path: Sequence[str]
    """Of modules."""
    access: Access | None
    """None: the worker may use all files and the network."""
    memory_mb: int
    temporary: str
    """Folder for the worker's temporary files; removed here when the parent can no longer do it."""


class ForkServer:
    """The server as its parent sees it. Thread-safe."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start another server next time, because this one belongs to the process that was forked."""
        self._lock = threading.Lock()
        self._control: socket.socket | None = None

    def fork(self, request: ForkRequest, descriptors: Sequence[int]) -> int:
        """Start a worker and return its process id. Raises `OSError`, which says why, if that is impossible.

        `descriptors`: the worker's ends of its pipe for jobs and its pipe for replies, and the write end of the pipe in
        which its exit code is reported as a line.
        """
        with self._lock:
            if self._control and self._process.poll() is not None:
                self._stop()
            if not self._control:
                self._start(request.search_path)
            assert self._control
            data = pickle.dumps(request)
            try:
                socket.send_fds(self._control, [_NUMBER.pack(len(data))], descriptors)
                self._control.sendall(data)
                reply = self._control.recv(_NUMBER.size, socket.MSG_WAITALL)
            except ConnectionError:
                reply = b""
            if not reply:
                reason = self._stop()
                raise OSError(reason)
            return int(_NUMBER.unpack(reply)[0])

    def close(self) -> None:
        """End the server and its workers. The next `fork` starts another one."""
        with self._lock:
            if self._control:
                self._stop()

    def _start(self, search_path: Sequence[str]) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `_stop`
        self._control, other_end = socket.socketpair()
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, json.dumps(search_path)],
                stdin=other_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                start_new_session=True,
                env=worker_environment(),
            )

    def _stop(self) -> str:
        """End the server and return the last line it wrote."""
        assert self._control
        self._control.close()
        self._control = None
        self._process.wait()
        with self._stderr as file:
            file.seek(0)
            lines = file.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"the process that starts workers ended with {self._process.returncode}"


SERVER = ForkServer()
atexit.register(SERVER.close)
os.register_at_fork(after_in_child=SERVER.forget)


def worker_environment(**more: str) -> dict[str, str]:
    """The environment variables that workers and the programs they start get."""
    own = {name: value for name, value in os.environ.items() if _KEPT_VARIABLE.fullmatch(name)}
    return own | _SINGLE_THREAD | more


def main() -> None:
    """Fork workers until the parent is gone."""
    gc.disable()  # imports leave no garbage, and looking for it takes a tenth of their time
    adopt_orphans()
    control = socket.socket(fileno=0)
    workers: dict[int, int] = {}  # process id -> descriptor for its exit code
    folders: dict[int, str] = {}
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ready = select.poll()
    ready.register(control, select.POLLIN)
    ready.register(wake, select.POLLIN)
    while True:
        for descriptor, _ in ready.poll():
            if descriptor == wake:
                os.read(wake, 1 << 12)
                _report_ends(workers)
                continue
            header, descriptors, *_ = socket.recv_fds(control, _NUMBER.size, 3)
            if not header:
                kill_below()
                for folder in folders.values():
                    shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)  # the parent waits, and to take its modules down would take .15 s
            request = pickle.loads(control.recv(_NUMBER.unpack(header)[0], socket.MSG_WAITALL))
            sys.path[:] = request.search_path
            _load_extractor(request.extractor, request.tokenizer)
            gc.freeze()  # workers need not look there either
            worker = os.fork()
            if not worker:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for inherited in (wake, woken, descriptors[2], *workers.values()):
                    os.close(inherited)
                control.close()
                _become_worker(request, *descriptors[:2])
            with suppress(OSError):  # the worker has done it itself
                os.setpgid(worker, worker)
            for passed in descriptors[:2]:
                os.close(passed)
            workers[worker], folders[worker] = descriptors[2], request.temporary
            folders = {pid: folder for pid, folder in folders.items() if pid in workers}
            control.sendall(_NUMBER.pack(worker))


def _load_extractor(name: str, tokenizer: Path | None) -> None:
    """Import an extractor of ours; one of another package may start threads, which do not survive a fork."""
    if name.startswith("extractors."):
        with suppress(Exception):  # the worker reports it
            getattr(import_module(name), "load_libraries", lambda: None)()
            import_module("extractors.text.passages").token_counter(tokenizer)


def _become_worker(request: ForkRequest, jobs: int, replies: int) -> None:
    """Run jobs, in a process group of its own, until the pipe is closed. Does not return."""
    from extractors.sandbox.worker import run_jobs

    code = 1
    try:
        gc.enable()
        die_with_parent()
        os.setpgid(0, 0)
        os.environ.clear()
        os.environ.update(request.environment)
        tempfile.tempdir = None
        os.chdir(request.folder)
        confine(request.access, request.memory_mb)
        run_jobs(jobs, replies)
        code = 0
    finally:
        os._exit(code)


def _report_ends(workers: dict[int, int]) -> None:
    """Write the exit code of each worker that ended; negative: the signal that ended it. Kill what it left behind."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if pid in workers:  # else an orphan of one
                kill_below(keep=frozenset(workers) - {pid})
                descriptor = workers.pop(pid)
                with suppress(OSError):  # the parent no longer reads it
                    os.write(descriptor, b"%d\n" % os.waitstatus_to_exitcode(status))
                os.close(descriptor)
