"""The process in which untrusted files are opened: the other end of `sandbox.Sandbox`.

Jobs come in by file descriptor 0, parts go out by 1, both as length and JSON. Both are moved away at once: what native
libraries and programs print goes nowhere, and no program started here holds an end of them.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import struct
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from extractors.errors import ExtractionError
from extractors.sandbox import process_tree as processes
from extractors.types import Box, Extraction, ImageFile, Options, Source

LENGTH = struct.Struct(">Q")


def pack(message: Mapping[str, object]) -> bytes:
    """A message as it goes through a pipe. Half characters (lone surrogates: odd file names) survive."""
    body = json.dumps(message, default=str, ensure_ascii=False).encode(errors="surrogatepass")
    return LENGTH.pack(len(body)) + body


def _unpack(pipe: BinaryIO) -> dict[str, Any] | None:
    """The next message, or None when the other side is gone."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    message: dict[str, Any] = json.loads(pipe.read(*LENGTH.unpack(head)).decode(errors="surrogatepass"))
    return message


def job(source: Source, options: Options, pictures: Path) -> dict[str, object]:
    """What the worker is asked to do, as plain values."""
    fields = {name: getattr(source, name) for name in Source.__slots__}
    return {"source": fields | {"fields": dict(source.fields)}, "options": asdict(options), "pictures": pictures}


def crop_job(path: Path, page: int, box: Box, pictures: Path) -> dict[str, object]:
    """The same for a picture of a place on a page."""
    return {"source": {"path": path}, "crop": {"page": page, "box": box}, "pictures": pictures}


def main() -> None:
    """Serve jobs until the pipe is closed."""
    jobs, results = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)  # not earlier: it tells why a worker cannot start
    _post_guard(jobs, results)
    while (asked := _unpack(jobs)) is not None:
        results.write(pack(_answer(asked)))
        results.flush()


def _post_guard(jobs: BinaryIO, results: BinaryIO) -> None:
    """Fork a small process that ends this one and its family as soon as the parent is gone, even by SIGKILL.

    A thread could not: MuPDF holds the interpreter's lock while it works. Nor PR_SET_PDEATHSIG: it strikes
    when the thread that started the worker ends.
    """
    worker = os.getpid()
    if os.fork():
        return
    os.setsid()  # not among those that it ends
    results.close()  # else nobody would see that the worker died
    gone = select.poll()
    gone.register(jobs.fileno(), 0)  # no events asked for: only the hang-up is told
    while not gone.poll():
        pass
    processes.end(worker, os.environ[processes.MARK])
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os._exit(0)


def _answer(asked: dict[str, Any]) -> dict[str, object]:
    """The parts, or the sentence why there are none."""
    path = asked["source"]["path"]
    try:
        return {"image": asdict(_crop(asked))} if "crop" in asked else {"parts": _parts(_extract(asked))}
    except ExtractionError as error:
        return {"error": str(error), "transient": error.transient}
    except MemoryError:
        return {"error": f"{path}: there is not enough memory to read it", "transient": True}
    except Exception as error:  # whatever an extractor did not foresee: the document fails, the worker lives
        where = _innermost(error)
        return {"error": f"{path}: the reader failed ({type(error).__name__}: {error}{where})", "transient": False}


def _innermost(error: Exception) -> str:
    """Where in this project it happened, for whoever mends it."""
    place, trace = "", error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).is_relative_to(Path(__file__).parents[1]):
            place = f", in {Path(code.co_filename).name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _extract(asked: dict[str, Any]) -> Extraction:
    from extractors.formats import extract_document

    source, options = asked["source"], asked["options"]
    source |= {name: Path(source[name]) for name in ("path", "image") if source[name]}
    options |= {name: Path(options[name]) for name in ("tokenizer", "pages") if options[name]}
    return extract_document(Source(**source), Options(**options), Path(asked["pictures"]))


def _crop(asked: dict[str, Any]) -> ImageFile:
    from extractors.pdf.crops import save_crop_of_file

    place = asked["crop"]
    return save_crop_of_file(Path(asked["source"]["path"]), place["page"], tuple(place["box"]), Path(asked["pictures"]))


def _parts(extraction: Extraction) -> dict[str, object]:
    """Everything but the source, which the parent knows."""
    return {
        "passages": [asdict(passage) for passage in extraction.passages],
        "pictures": [asdict(picture) for picture in extraction.pictures],
        "report": asdict(extraction.report),
        "title": extraction.title,
        "shift": extraction.shift,
    }
