"""The code that runs in a worker process, where untrusted files are opened: the other end of `WorkerProcess`.

Jobs arrive on file descriptor 0 as pickles, replies leave on 1 as JSON after their length. Both descriptors are
replaced at once: what native libraries print goes nowhere, and the programs started here do not inherit the pipes.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import shutil
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from traceback import extract_tb
from typing import Any, BinaryIO, NamedTuple

from extractors.errors import ExtractionError
from extractors.sandbox.process_tree import MARK_VARIABLE, kill_tree

LENGTH = struct.Struct(">Q")
"""Number of bytes in a reply, sent before it."""
_PACKAGE = Path(__file__).parents[1]


class Job(NamedTuple):
    """A call to run in a worker: any function that returns a dataclass of JSON-compatible values."""

    path: Path
    """The file it opens, for messages."""
    function: Callable[..., Any]
    arguments: tuple[object, ...]


def pack_reply(reply: Mapping[str, object]) -> bytes:
    """Encode a reply as its length and JSON; lone surrogates (from odd file names) are kept."""
    body = json.dumps(reply, default=str, ensure_ascii=False).encode(errors="surrogatepass")
    return LENGTH.pack(len(body)) + body


def main() -> None:
    """Run jobs until the pipe is closed."""
    jobs, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # until here, descriptor 2 reports why a worker cannot start
        os.dup2(null, descriptor)
    _start_guard(jobs, replies)
    while True:
        try:
            job: Job = pickle.load(jobs)  # written by the parent, which is trusted; replies are not, so they are JSON
        except EOFError:
            return
        replies.write(pack_reply(_run_job(job)))
        replies.flush()


def _start_guard(jobs: BinaryIO, replies: BinaryIO) -> None:
    """Fork a process that kills this one and its children as soon as the parent is gone, even by SIGKILL.

    A thread cannot do that: MuPDF holds the interpreter's lock while it works. Nor can PR_SET_PDEATHSIG, which fires
    when the thread that started the worker ends.
    """
    worker = os.getpid()
    if os.fork():
        return
    os.setsid()  # outside of the process group that it kills
    replies.close()  # or the parent would not notice that the worker died
    parent_gone = select.poll()
    parent_gone.register(jobs.fileno(), 0)  # no events requested: only the hang-up is reported
    while not parent_gone.poll():
        pass
    kill_tree(worker, os.environ[MARK_VARIABLE])
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(0)


def _run_job(job: Job) -> dict[str, object]:
    """Return the result of a job, or the error message that takes its place."""
    try:
        return {"result": asdict(job.function(*job.arguments))}
    except ExtractionError as error:
        return {"error": str(error), "transient": error.transient}
    except MemoryError:
        return {"error": f"{job.path}: not enough memory to read it", "transient": True}
    except Exception as error:  # an unforeseen error fails this document; the worker goes on
        what = f"{type(error).__name__}: {error}, in {_innermost_place(error)}"
        return {"error": f"{job.path}: the extractor failed ({what})", "transient": False}


def _innermost_place(error: Exception) -> str:
    """Return the file and line of this package that an error was raised in or passed through last."""
    frames = [one for one in extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(_PACKAGE)]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
