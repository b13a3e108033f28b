"""The sandbox: a pool of worker processes that open untrusted files and can be killed and replaced.

A worker that hangs, grows or crashes costs the one document it was reading. Where the kernel can restrict it, it has
no network, and no files but those beside its document and the folder of the results; see `confinement`. What it sends
back is checked data, never code.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from extractors.errors import ExtractionError, WorkerLost, WorkerStopped
from extractors.formats import extract_document, find_format
from extractors.members.types import Members
from extractors.progress import MAX_SKIPPED_PAGES
from extractors.sandbox.confinement import Access, access_to
from extractors.sandbox.processes import tree_memory
from extractors.sandbox.worker_process import Limits, WorkerProcess
from extractors.shared_programs import UseProgram, without_limits
from extractors.types import Box, Extraction, Field, ImageFile, Options, PageImage, Source

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_JOBS = 100
"""Jobs after which a worker is replaced, so that leaks of native libraries do not add up."""
MAX_IDLE_MEMORY = 0.5
"""Share of its memory limit above which a worker is replaced after a document."""

T = TypeVar("T")


class Sandbox:
    """A pool of up to `workers` processes that extract documents. Thread-safe.

    Workers start when needed, serve later documents too, and die with this process, however it ends.
    """

    def __init__(
        self,
        workers: int,
        seconds: float,
        memory_mb: int,
        page_seconds: float = 60,
        passwords: Mapping[str, str] | None = None,
        *,
        confined: bool = True,
        use_program: UseProgram = without_limits,
    ) -> None:
        """Limit a page to `page_seconds`, the rest of a document to `seconds`, and a worker to `memory_mb` MiB.

        `confined`: keep workers from other files and the network, where the kernel can. `use_program`: entered while a
        worker uses a program that machines share a limit on.

        `passwords`: pattern -> password of encrypted files. A pattern such as `invoices/*.pdf` matches the end of the
        absolute path; `*` matches slashes, too.
        """
        self.limits = Limits(seconds, memory_mb, page_seconds, confined)
        self._passwords, self._use_program = dict(passwords or {}), use_program
        self._slots = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._closed = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill all workers at once; running and later calls raise `ExtractionError`."""
        with self._lock:
            self._closed = True
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        for worker in busy:
            worker.kill()
        for worker in idle:
            worker.close()

    def extract(self, source: Source, options: Options, pictures: Path, *, seconds: float = inf) -> Extraction:
        """Extract one document in a worker; images go to the picture store `pictures`. Waits for a free worker.

        `seconds` limits the document with all its pages. Pages that exceed a limit or crash the worker become problems
        of the document. Raises `ExtractionError` when the extractor does and (transient) when the sandbox is closed,
        and `WorkerStopped` when there is nothing but such pages, or when it happens outside of pages.
        """
        skipped: dict[int, str] = {}
        access = access_to((source.path, *source.images), filter(None, (pictures, options.pages)), options.tokenizer)
        while True:
            tried = replace(source, passwords=self._find_passwords(source.path), skipped_pages=dict(skipped))
            try:
                reply = self._run(
                    source.path, access, extract_document, tried, options, pictures,
                    seconds=seconds, tokenizer=options.tokenizer,
                )  # fmt: skip
                extraction = _parse_reply(Extraction, reply, source.path, source=source)
                return replace(extraction, report=replace(extraction.report, worker_stopped=bool(skipped)))
            except WorkerStopped as error:
                if not error.page or error.page in skipped or len(skipped) >= MAX_SKIPPED_PAGES:
                    raise
                skipped[error.page] = error.reason
            except ExtractionError as error:
                if skipped and not error.transient:
                    raise WorkerStopped(source.path, next(iter(skipped.values())), min(skipped)) from error
                raise

    def crop(self, path: Path, page: int, box: Box, pictures: Path) -> ImageFile:
        """Render part of a PDF page into the picture store `pictures`, in a worker. Raises `ExtractionError`."""
        from extractors.pdf.crops import save_crop_of_file

        return self._run_on(path, pictures, ImageFile, save_crop_of_file, path, page, box, pictures)

    def page_image(self, path: Path, page: int, pictures: Path) -> PageImage:
        """Render a PDF page into the picture store `pictures`, in a worker. Raises `ExtractionError`."""
        from extractors.pdf.crops import save_page_of_file

        return self._run_on(path, pictures, PageImage, save_page_of_file, path, page, pictures)

    def unpack(self, path: Path, name: str, folder: Path) -> Members:
        """Unpack the documents in a container into an empty folder, in a worker; `name` is used in messages.

        Raises `ExtractionError` when the container cannot be opened, and `WorkerStopped`.
        """
        from extractors.members.unpack import unpack_members

        return self._run_on(path, folder, Members, unpack_members, path, name, folder)

    def _run_on(
        self, path: Path, folder: Path, kind: type[T], function: Callable[..., object], *arguments: object
    ) -> T:
        """Run a function that reads `path` and writes into `folder`. It also gets the passwords of the file."""
        reply = self._run(path, access_to([path], [folder]), function, *arguments, self._find_passwords(path))
        return _parse_reply(kind, reply, path)

    def _find_passwords(self, path: Path) -> tuple[str, ...]:
        place = path.absolute().as_posix().replace("#", "/")
        return tuple(
            password
            for pattern, password in self._passwords.items()
            if fnmatchcase(place, pattern) or fnmatchcase(place, f"*/{pattern}")
        )

    def _run(
        self,
        path: Path,
        access: Access,
        function: Callable[..., object],
        *arguments: object,
        seconds: float = inf,
        tokenizer: Path | None = None,
    ) -> bytes:
        with self._slots:
            worker, reusable = self._borrow(path, access, tokenizer), False
            try:
                reply = worker.run(path, function, arguments, self._use_program, seconds)
                reusable = worker.jobs < MAX_JOBS and tree_memory(worker.pid) <= MAX_IDLE_MEMORY * (
                    self.limits.memory_mb << 20
                )
            except ExtractionError:
                if self._closed:
                    raise _closed_error(path) from None
                raise
            finally:  # also after Ctrl-C and cancellation, when the state of the worker is unknown
                self._give_back(worker, reusable=reusable)
        return reply

    def _borrow(self, path: Path, access: Access, tokenizer: Path | None) -> WorkerProcess:
        """Return a worker that is alive and may use these files: an idle one, or a new one."""
        with self._lock:
            if self._closed:
                raise _closed_error(path)
            worker = next((one for one in self._idle if one.may_use(access)), None)
            if other := worker or (self._idle[0] if self._idle else None):
                self._idle.remove(other)
                if other is not worker or not other.is_alive():
                    other.close()
                    worker = None
            try:
                if not worker:
                    row = find_format(path)
                    worker = WorkerProcess(self.limits, access, row.module if row else "", tokenizer)
            except OSError as error:
                raise WorkerLost(f"{path}: no worker could be started: {error}") from error
            self._busy.add(worker)
            return worker

    def _give_back(self, worker: WorkerProcess, *, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
            if reusable and not self._closed:
                self._idle.append(worker)
                return
        worker.close()


def _closed_error(path: Path) -> ExtractionError:
    return ExtractionError(f"{path}: not read, because the run was stopped", transient=True)


def _with_fields(source: Source, reply: Any) -> Source:
    fields = _adapters()[dict].validate_python(reply["fields"]) if reply else source.fields
    return source if fields == source.fields else replace(source, fields=fields)


@cache
def _adapters() -> dict[type, TypeAdapter[Any]]:
    from pydantic import TypeAdapter

    kinds: dict[type, TypeAdapter[Any]] = {
        kind: TypeAdapter(kind) for kind in (Extraction, ImageFile, Members, PageImage)
    }
    return kinds | {dict: TypeAdapter(dict[str, Field])}


def _parse_reply(kind: type[T], reply: bytes, path: Path, source: Source | None = None) -> T:
    """Return the dataclass in a reply; lone surrogates become replacement characters.

    Of the `source` in it, only the fields count, which a file may state about itself.

    Everything is checked, because a worker that read hostile bytes may send anything.
    Raises `ExtractionError` when the worker reports an error, or sends something else than a `kind`.
    """
    try:
        message = json.loads(reply.decode(errors="replace"))
        if "error" not in message:
            known = {"source": _with_fields(source, message["result"].get("source"))} if source else {}
            result: T = _adapters()[kind].validate_python(message["result"] | known)
            return result
        transient, needs_action = (bool(message.get(name)) for name in ("transient", "needs_action"))
        error = ExtractionError(str(message["error"]), transient=transient, needs_action=needs_action)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as invalid:
        raise ExtractionError(f"{path}: its worker process sent an invalid reply: {invalid}") from invalid
    raise error
