"""Untrusted files are opened in worker processes that can be killed, watched and replaced.

A worker that hangs, grows, or dies costs its one document. It is no jail: it runs with the user's rights. But what
it sends back is data that is checked, never code.
"""

from __future__ import annotations

import contextlib
import json
import os
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
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from extractors.errors import ExtractionError
from extractors.sandbox import process_tree as processes
from extractors.sandbox import worker
from extractors.types import Box, Extraction, ImageFile, Options, Passage, Picture, Report, Source

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_TICK = 0.1  # seconds between two looks at a worker's memory
_DOCUMENTS = 100  # read by one worker before it is replaced: leaks of native libraries do not add up
_REPLY = 1 << 30  # bytes: more text than that is no document
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from extractors.sandbox.worker import main; main()"
_SHA256 = re.compile("[0-9a-f]{64}")


class Sandbox:
    """Up to `workers` processes that extract. Thread-safe: each call of `extract` borrows one.

    Workers start when they are needed, stay for later documents, and die with this process, however it ends.
    """

    def __init__(self, workers: int, seconds: float, memory_mb: int) -> None:
        """`seconds`: longest time for one document. `memory_mb`: most memory of a worker with its programs, in MiB."""
        self._seconds = seconds
        self._memory = memory_mb << 20
        self._slots = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill all workers at once; calls under way end with an `ExtractionError`, and so do later ones."""
        with self._lock:
            self._closed = True
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for one in busy:
            one.kill()
        for one in idle:
            one.end()

    def extract(self, source: Source, options: Options, pictures: Path) -> Extraction:
        """Read one document in a worker; its images go to the folder `pictures`. Waits for a free worker.

        Raises `ExtractionError`: what the extractor says; transient when the document took too long or too much
        memory, or the sandbox was closed; and when its reader crashed.
        """
        return _extraction(source, self._reply(worker.job(source, options, pictures), source.path))

    def crop(self, path: Path, page: int, box: Box, pictures: Path) -> ImageFile:
        """Draw a place on a page of a PDF into the folder `pictures`, in a worker. Raises `ExtractionError`."""
        return _image(path, self._reply(worker.crop_job(path, page, box, pictures), path))

    def _reply(self, job: dict[str, object], path: Path) -> bytes:
        with self._slots:
            one = self._borrow(path)
            try:
                reply = one.ask(worker.pack(job), path, self._seconds, self._memory)
            except BaseException:  # a time-out, or Ctrl-C and cancellation here: its state is unknown
                self._drop(one)
                if self._closed:
                    raise _closed(path) from None
                raise
            self._give_back(one)
        return reply

    def _borrow(self, path: Path) -> _Worker:
        with self._lock:
            if self._closed:
                raise _closed(path)
            while self._idle:
                one = self._idle.pop()
                if one.alive():
                    break
                one.end()
            else:
                try:
                    one = _Worker()
                except OSError as error:
                    raise ExtractionError(f"{path}: no worker could be started: {error}", transient=True) from error
            self._busy.add(one)
            return one

    def _give_back(self, one: _Worker) -> None:
        if one.documents >= _DOCUMENTS or processes.resident(one.pid) > self._memory / 2:
            self._drop(one)
            return
        with self._lock:
            self._busy.discard(one)
            if not self._closed:
                self._idle.append(one)

    def _drop(self, one: _Worker) -> None:
        with self._lock:
            self._busy.discard(one)
        one.end()


def _closed(path: Path) -> ExtractionError:
    return ExtractionError(f"{path}: not read, because the work was stopped", transient=True)


class _Worker:
    """One process, its two pipes, and a folder for its temporary files."""

    def __init__(self) -> None:
        self.documents = 0
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._ended = False
        self._folder = tempfile.mkdtemp(prefix="diptych-worker-")
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS"), "1")
        # A path of the parent that is relative, such as "" for its folder, must not change its meaning in the child.
        paths = json.dumps([os.path.abspath(path) for path in sys.path])  # noqa: PTH100
        self._complaints = Path(self._folder, "stderr")
        with self._complaints.open("wb") as complaints:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
                env=os.environ | one_thread | {processes.MARK: self._mark, "TMPDIR": self._folder},
            )
        self.pid = self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it with all its children; whoever waits for its answer learns that it died."""
        with self._lock:
            if not self._ended:
                processes.end(self.pid, self._mark)

    def end(self) -> None:
        """Kill it and release what it holds here. For the thread that uses it, or for an idle one: no other reads."""
        self.kill()
        with self._lock:
            self._ended = True
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, asked: bytes, path: Path, seconds: float, memory: int) -> bytes:
        """Send a packed job, wait for its answer (JSON). Raises `ExtractionError` when none comes as it should."""
        assert self._process.stdin
        assert self._process.stdout
        self.documents += 1
        try:
            self._process.stdin.write(asked)
            self._process.stdin.flush()
        except OSError:
            raise self._died(path) from None
        watch = _Watch(time.monotonic() + seconds, memory, f"{path}: reading it")
        pipe = self._process.stdout.fileno()
        length = int.from_bytes(self._receive(pipe, worker.LENGTH.size, path, watch), "big")
        if length > _REPLY:
            raise ExtractionError(f"{path}: its parts are more than {_REPLY >> 20} MiB; split the file")
        return self._receive(pipe, length, path, watch)

    def _receive(self, pipe: int, length: int, path: Path, watch: _Watch) -> bytes:
        """Exactly `length` bytes, while time and memory are watched."""
        ready = select.poll()
        ready.register(pipe, select.POLLIN)
        received = bytearray()
        while len(received) < length:
            watch.look(self.pid)
            if ready.poll(1000 * _TICK):
                chunk = os.read(pipe, min(1 << 20, length - len(received)))
                if not chunk:
                    raise self._died(path)
                received += chunk
        return bytes(received)

    def _died(self, path: Path) -> ExtractionError:
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return ExtractionError(
                f"{path}: its reader was killed, perhaps because the machine ran out of memory", transient=True
            )
        if complaints := self._complaints.read_text(errors="replace").strip():
            return ExtractionError(f"{path}: no worker could be started: {complaints.splitlines()[-1]}", transient=True)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ExtractionError(
            f"{path}: it made its reader crash ({how}); saving it anew with another program often mends it"
        )


class _Watch(NamedTuple):
    """What one document may use."""

    deadline: float
    memory: int
    what: str

    def look(self, pid: int) -> None:
        if time.monotonic() > self.deadline:
            raise ExtractionError(
                f"{self.what} took too long and was stopped; allow more `document_seconds` or split the file",
                transient=True,
            )
        if processes.resident(pid) > self.memory:
            raise ExtractionError(
                f"{self.what} took more than {self.memory >> 20} MiB of memory and was stopped; "
                "allow more `document_memory_mb` or split the file",
                transient=True,
            )


class _Parts(NamedTuple):
    passages: tuple[Passage, ...]
    pictures: tuple[Picture, ...]
    report: Report
    title: str
    shift: int = 0


@cache
def _checker() -> TypeAdapter[_Parts]:
    from pydantic import TypeAdapter

    return TypeAdapter(_Parts)


def _extraction(source: Source, reply: bytes) -> Extraction:
    """The answer as parts, checked: a worker that read hostile bytes may say anything."""
    try:
        parts = _checker().validate_python(_said(reply)["parts"])
        for picture in parts.pictures:  # these name files
            if not _SHA256.fullmatch(picture.image.sha256) or picture.image.suffix not in (".png", ".jpg", ".webp"):
                raise ValueError(f"no picture is named {picture.image.sha256}{picture.image.suffix}")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ExtractionError(f"{source.path}: its reader gave something that is no document: {error}") from error
    return Extraction(source, *parts)


def _image(path: Path, reply: bytes) -> ImageFile:
    """The answer as the name of a picture, checked in the same way."""
    try:
        image = ImageFile(**_said(reply)["image"])
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ExtractionError(f"{path}: its reader gave something that is no picture: {error}") from error
    return image


def _said(reply: bytes) -> dict[str, Any]:
    """Half characters are replaced. Raises `ExtractionError` when the worker tells one."""
    said = json.loads(reply.decode(errors="replace"))
    if "error" in said:
        raise ExtractionError(str(said["error"]), transient=bool(said.get("transient")))
    return dict(said)
