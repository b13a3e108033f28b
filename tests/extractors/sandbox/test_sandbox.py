"""The sandbox: what a reader gives comes back whole and checked, whatever becomes of its process."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.sandbox import sandbox as sandbox_module
from extractors.sandbox.sandbox import Sandbox
from extractors.sandbox.worker import pack
from extractors.types import Options, Source
from tests.support.sandboxes import OPTIONS, emptied, gone, needs_proc, source_of
from tests.support.sandboxes import photo as photo
from tests.support.sandboxes import pictures as pictures

pytestmark = needs_proc


def test_parts_come_back_whole_with_the_source(
    photo: Source, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emptied(tmp_path, monkeypatch), Sandbox(1, 60, 2048) as box:
        extraction = box.extract(photo, Options(ocr="off"), pictures)
    assert extraction.source is photo
    (picture,) = extraction.pictures
    assert (picture.kind, picture.image.width, picture.image.height) == ("photo", 300, 300)
    assert (pictures / picture.image.sha256[:2] / f"{picture.image.sha256}{picture.image.suffix}").exists()
    assert extraction.report.pages == 1


def test_one_worker_reads_many_documents_until_it_is_replaced(
    photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    worker_class = sandbox_module._Worker

    def start() -> sandbox_module._Worker:
        one = worker_class()
        started.append(one.pid)
        return one

    monkeypatch.setattr(sandbox_module, "_Worker", start)
    monkeypatch.setattr(sandbox_module, "_DOCUMENTS", 3)
    with Sandbox(1, 60, 2048) as box:
        for _ in range(5):
            box.extract(photo, Options(ocr="off"), pictures)
    assert len(started) == 2
    assert all(map(gone, started))


def test_what_an_extractor_says_comes_back(tmp_path: Path, pictures: Path) -> None:
    path = tmp_path / "no such.pdf"
    path.write_bytes(b"")
    source = source_of(path)
    path.unlink()
    with Sandbox(1, 60, 2048) as box, pytest.raises(ExtractionError, match=r"no such\.pdf") as caught:
        box.extract(source, OPTIONS, pictures)
    assert not caught.value.transient


def test_threads_share_the_workers(photo: Source, pictures: Path) -> None:
    with Sandbox(2, 60, 2048) as box, ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(box.extract, photo, Options(ocr="off"), pictures) for _ in range(12)]
        assert all(future.result().pictures for future in futures)
        assert len(box._idle) <= 2


def test_what_is_printed_below_never_reaches_our_output(
    photo: Source, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'x\\neng\\n' || echo noise >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with Sandbox(1, 60, 2048) as box:
        box.extract(photo, OPTIONS, pictures)
    assert capfd.readouterr() == ("", "")


def test_a_worker_that_cannot_start_says_why(photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module, "_START", "import no_such_module")
    with Sandbox(1, 60, 2048) as box, pytest.raises(ExtractionError, match=r"could be started: .*no_such_module"):
        box.extract(photo, OPTIONS, pictures)


PICTURE = {
    "kind": "figure",
    "page": 1,
    "image": {"sha256": "../../../etc/passwd", "suffix": "", "width": 1, "height": 1},
}


@pytest.mark.parametrize(
    "reply",
    [
        pack({"parts": {"passages": [], "pictures": [PICTURE], "report": {"pages": 1}, "title": ""}})[8:],
        pack({"parts": {"passages": [{"text": 7}], "pictures": [], "report": {"pages": 1}, "title": ""}})[8:],
        b"[]",
        b"cos\nsystem\n(S'true'\ntR.",
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_no_document_is_refused(reply: bytes, photo: Source) -> None:
    with pytest.raises(ExtractionError, match=r"photo\.png: its reader gave something that is no document"):
        sandbox_module._extraction(photo, reply)


def test_half_characters_do_not_lose_the_text(photo: Source) -> None:
    parts = {"passages": [{"text": "half \ud83d", "page": 1}], "pictures": [], "report": {"pages": 1}, "title": ""}
    extraction = sandbox_module._extraction(photo, pack({"parts": parts})[8:])
    assert extraction.passages[0].text.startswith("half \ufffd")
    extraction.passages[0].text.encode()


def test_an_odd_file_name_reaches_the_worker(tmp_path: Path, photo: Source, pictures: Path) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.png"))
    odd.write_bytes(photo.path.read_bytes())
    with Sandbox(1, 60, 2048) as box:
        assert box.extract(Source(odd, "", "odd", "", ""), Options(ocr="off"), pictures).pictures


def test_no_thread_is_left(photo: Source, pictures: Path) -> None:
    before = threading.active_count()
    with Sandbox(1, 60, 2048) as box:
        box.extract(photo, Options(ocr="off"), pictures)
    assert threading.active_count() == before
