"""The code that runs in a worker process, where untrusted files are opened: the other end of `WorkerProcess`.

Jobs arrive in one pipe as pickles. In the other leave lines: the pages that are being read, the programs that are to
be used, and the reply as JSON. A program is used when a line comes back.
Standard input and output are closed: what native libraries print goes nowhere.
"""

import json
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from traceback import extract_tb
from typing import Any

from extractors.errors import NO_SPACE, ExtractionError
from extractors.progress import listen_to_pages
from extractors.shared_programs import Program, limit_programs

PAGE_PREFIX = b"page "
"""Begins a line before the reply: it names the page that is read next."""
USE_PREFIX, USED = b"use ", b"used"
"""Begins a line that names a program to be used, and is answered by a line; the line after its use."""
_PACKAGE = Path(__file__).parents[1]


def encode_reply(reply: Mapping[str, object]) -> bytes:
    """Encode a reply as a line of JSON; lone surrogates (from odd file names) are kept."""
    return json.dumps(reply, default=str, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"


def run_jobs(jobs_descriptor: int, replies_descriptor: int) -> None:
    """Run jobs until the pipe is closed."""
    jobs, replies = os.fdopen(jobs_descriptor, "rb"), os.fdopen(replies_descriptor, "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)

    def send(line: bytes) -> None:
        replies.write(line + b"\n")
        replies.flush()

    @contextmanager
    def use(program: Program) -> Iterator[None]:
        send(USE_PREFIX + program.encode())
        jobs.readline()
        try:
            yield
        finally:
            send(USED)

    listen_to_pages(lambda number: send(PAGE_PREFIX + b"%d" % number))
    limit_programs(use)
    while True:
        try:
            job = pickle.load(jobs)  # written by the parent, which is trusted; replies are not, so they are JSON
        except EOFError:
            return
        replies.write(encode_reply(_run_job(*job)))
        replies.flush()


def _run_job(path: Path, function: Callable[..., Any], arguments: tuple[object, ...]) -> dict[str, object]:
    """Return the dataclass that a function returns, or the error message that takes its place."""
    try:
        return {"result": asdict(function(*arguments))}
    except ExtractionError as error:
        return {"error": str(error), "transient": error.transient, "needs_action": error.needs_action}
    except MemoryError:
        return {"error": f"{path}: not enough memory to read it", "transient": True}
    except Exception as error:  # an unforeseen error fails this document; the worker goes on
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            reason = f"what was read cannot be stored ({error.strerror}); free some space"
            return {"error": f"{path}: {reason}", "transient": True}
        if isinstance(error, FileNotFoundError | PermissionError) and error.filename == str(path):
            return {"error": f"{path}: cannot be read any longer ({error.strerror})", "transient": True}
        # The last place in this package, as that of a library says little.
        frames = [one for one in extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(_PACKAGE)]
        place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
        what = f"{type(error).__name__}: {error}, in {place}"
        return {"error": f"{path}: the extractor failed ({what})", "transient": False}
