"""The code that runs in a worker process, where untrusted files are opened: the other end of `WorkerProcess`.

Jobs arrive in one pipe as pickles. In the other leave lines: the pages that are being read, and the reply as JSON.
Standard input and output are closed: what native libraries print goes nowhere.
"""

import json
import os
import pickle
import select
import shutil
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from traceback import extract_tb
from typing import Any, BinaryIO

import psutil

from extractors.errors import ExtractionError
from extractors.progress import listen_to_pages

MARK_VARIABLE = "DIPTYCH_WORKER"
"""Environment variable with the same value in all processes of one worker."""
PAGE_PREFIX = b"page "
"""Begins the lines that come before a reply: each names the page that is read next."""
_PACKAGE = Path(__file__).parents[1]


def encode_reply(reply: Mapping[str, object]) -> bytes:
    """Encode a reply as a line of JSON; lone surrogates (from odd file names) are kept."""
    return json.dumps(reply, default=str, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"


def kill_tree(leader: int, mark: str) -> None:
    """Kill the process group of `leader` and all processes marked with `mark`, except the calling process.

    Programs such as LibreOffice run in sessions of their own and can outlive the worker that started them; they are
    recognised by the environment variable `MARK_VARIABLE`, which children inherit.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK_VARIABLE) == mark:
                process.kill()


def run_jobs(jobs_descriptor: int, replies_descriptor: int) -> None:
    """Run jobs until the pipe is closed."""
    jobs, replies = os.fdopen(jobs_descriptor, "rb"), os.fdopen(replies_descriptor, "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    _start_guard(jobs, replies)

    def report_page(number: int) -> None:
        replies.write(PAGE_PREFIX + b"%d\n" % number)
        replies.flush()

    listen_to_pages(report_page)
    while True:
        try:
            job = pickle.load(jobs)  # written by the parent, which is trusted; replies are not, so they are JSON
        except EOFError:
            return
        replies.write(encode_reply(_run_job(*job)))
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


def _run_job(path: Path, function: Callable[..., Any], arguments: tuple[object, ...]) -> dict[str, object]:
    """Return the dataclass that a function returns, or the error message that takes its place."""
    try:
        return {"result": asdict(function(*arguments))}
    except ExtractionError as error:
        return {"error": str(error), "transient": error.transient}
    except MemoryError:
        return {"error": f"{path}: not enough memory to read it", "transient": True}
    except Exception as error:  # an unforeseen error fails this document; the worker goes on
        # The last place in this package, as that of a library says little.
        frames = [one for one in extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(_PACKAGE)]
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
        what = f"{type(error).__name__}: {error}, in {place}"
        return {"error": f"{path}: the extractor failed ({what})", "transient": False}
