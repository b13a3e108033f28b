"""The sandbox: results come back complete and checked, and failures come back as errors."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf
from extractors.sandbox import fork_server, worker_process
from extractors.sandbox import sandbox as sandbox_module
from extractors.sandbox.confinement import Access
from extractors.sandbox.fork_server import SERVER
from extractors.sandbox.sandbox import Sandbox
from extractors.sandbox.worker import encode_reply
from extractors.sandbox.worker_process import Limits, WorkerProcess
from extractors.types import Extraction, Options, Source
from tests.support.sandboxes import (
    WITH_OCR,
    WITHOUT_OCR,
    attempt,
    is_gone,
    source_of,
    temporary_folder_left_empty,
    wait_for,
)
from tests.support.sandboxes import photo as photo
from tests.support.sandboxes import pictures as pictures


def test_extraction_comes_back_complete_with_the_same_source(
    photo: Source, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with temporary_folder_left_empty(tmp_path, monkeypatch), Sandbox(1, 60, 2048) as sandbox:
        extraction = sandbox.extract(photo, WITHOUT_OCR, pictures)
    assert extraction.source is photo
    (picture,) = extraction.pictures
    assert (picture.kind, picture.image.width, picture.image.height) == ("photo", 300, 300)
    assert (pictures / picture.image.sha256[:2] / f"{picture.image.sha256}{picture.image.suffix}").exists()
    assert extraction.report.pages == 1


def test_worker_is_replaced_after_many_documents(
    photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    def start_worker(limits: Limits, access: Access, *more: Any) -> WorkerProcess:
        worker = WorkerProcess(limits, access, *more)
        started.append(worker.pid)
        return worker

    monkeypatch.setattr(sandbox_module, "WorkerProcess", start_worker)
    monkeypatch.setattr(sandbox_module, "MAX_JOBS", 3)
    with Sandbox(1, 60, 2048) as sandbox:
        for _ in range(5):
            sandbox.extract(photo, WITHOUT_OCR, pictures)
    assert len(started) == 2
    assert all(map(is_gone, started))


def test_workers_end_and_new_ones_start_when_the_fork_server_was_killed(photo: Source, pictures: Path) -> None:
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(photo, WITHOUT_OCR, pictures)
        (idle,) = sandbox._idle
        os.kill(SERVER._process.pid, signal.SIGKILL)
        wait_for(lambda: is_gone(idle.pid))
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures


def test_forked_process_has_workers_of_its_own(photo: Source, pictures: Path) -> None:
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(photo, WITHOUT_OCR, pictures)
        child = os.fork()
        if not child:
            with Sandbox(1, 60, 2048) as other:
                found = other.extract(photo, WITHOUT_OCR, pictures).pictures
            SERVER.close()
            os._exit(len(found))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures


def test_workers_look_for_garbage_only_in_what_they_make(tmp_path: Path) -> None:
    code = {"enabled": "__import__('gc').isenabled()", "ignored": "__import__('gc').get_freeze_count()"}
    with Sandbox(1, 60, 2048, confined=False) as sandbox:
        found = json.loads(sandbox._run(tmp_path, Access(), attempt, code, False))["result"]["outcomes"]
    assert found["enabled"] == "True"
    assert int(found["ignored"]) > 10_000


def test_limits_are_checked_at_intervals_and_not_after_every_page(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[float] = []

    def tree_memory(_: int) -> int:
        checked.append(time.monotonic())
        return 0

    monkeypatch.setattr(worker_process, "tree_memory", tree_memory)
    with pymupdf().open() as document:
        for _ in range(40):
            document.new_page()
        document.save(tmp_path / "blank.pdf")
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(source_of(tmp_path / "blank.pdf"), WITHOUT_OCR, pictures)
    assert checked
    assert all(after - before >= worker_process.WATCH_SECONDS for before, after in pairwise(checked))


def test_error_of_an_extractor_comes_back(tmp_path: Path, pictures: Path) -> None:
    path = tmp_path / "missing.pdf"
    path.write_bytes(b"")
    source = source_of(path)
    path.unlink()
    with Sandbox(1, 60, 2048) as sandbox, pytest.raises(ExtractionError, match=r"missing\.pdf") as caught:
        sandbox.extract(source, WITH_OCR, pictures)
    assert not caught.value.transient


def test_threads_share_the_workers(photo: Source, pictures: Path) -> None:
    with Sandbox(2, 60, 2048) as sandbox, ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(sandbox.extract, photo, WITHOUT_OCR, pictures) for _ in range(12)]
        assert all(future.result().pictures for future in futures)
        assert len(sandbox._idle) <= 2


def test_output_of_programs_in_a_worker_is_discarded(
    photo: Source, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'x\\neng\\n' || echo noise >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(photo, WITH_OCR, pictures)
    assert capfd.readouterr() == ("", "")


def test_worker_that_cannot_start_reports_why(photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SERVER.close()
    monkeypatch.setattr(fork_server, "_START", "import no_such_module")
    with Sandbox(1, 60, 2048) as sandbox, pytest.raises(ExtractionError, match=r"could be started: .*no_such_module"):
        sandbox.extract(photo, WITH_OCR, pictures)


def reply(**result: object) -> bytes:
    """The reply of a worker with an extraction of no parts, except those given."""
    parts = {"passages": [], "pictures": [], "report": {"pages": 1}, "title": ""}
    return encode_reply({"result": parts | result})


def parse(data: bytes, source: Source) -> Extraction:
    return sandbox_module._parse_reply(Extraction, data, source.path, source=source)


ESCAPING_IMAGE = {"sha256": "../../../etc/passwd", "suffix": "", "width": 1, "height": 1}


@pytest.mark.parametrize(
    "data",
    [
        reply(pictures=[{"kind": "figure", "page": 1, "image": ESCAPING_IMAGE}]),
        reply(passages=[{"text": 7}]),
        b"[]",
        b"cos\nsystem\n(S'true'\ntR.",
        b"[" * 100_000,
    ],
)
def test_invalid_reply_is_refused(data: bytes, photo: Source) -> None:
    with pytest.raises(ExtractionError, match=r"photo\.png: its worker process sent an invalid reply"):
        parse(data, photo)


def test_lone_surrogate_in_a_reply_is_replaced(photo: Source) -> None:
    extraction = parse(reply(passages=[{"text": "half \ud83d", "page": 1}]), photo)
    assert extraction.passages[0].text.startswith("half \ufffd")
    extraction.passages[0].text.encode()


def test_file_name_that_is_not_utf_8_reaches_the_worker(tmp_path: Path, photo: Source, pictures: Path) -> None:
    path = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(photo.path.read_bytes())
    with Sandbox(1, 60, 2048) as sandbox:
        assert sandbox.extract(Source(path, "", "odd", "", ""), WITHOUT_OCR, pictures).pictures


def test_no_thread_is_left(photo: Source, pictures: Path) -> None:
    before = threading.active_count()
    with Sandbox(1, 60, 2048) as sandbox:
        sandbox.extract(photo, WITHOUT_OCR, pictures)
    assert threading.active_count() == before


def test_unforeseen_error_fails_the_document_and_names_its_place(photo: Source, pictures: Path) -> None:
    message = r"photo\.png: the extractor failed \(AttributeError: .*, in \w+\.py, line \d+\)"
    with Sandbox(1, 600, 2048) as sandbox:
        with pytest.raises(ExtractionError, match=message) as caught:
            sandbox.extract(photo, Options(ocr="off", page_range="1"), pictures)  # type: ignore[arg-type]
        assert not caught.value.transient
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures
