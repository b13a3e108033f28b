"""The sandbox: whatever a file does to its reader costs that one document, and nothing is left behind.

What hangs here is a stand-in for Tesseract: it tells its worker's process id, then sleeps beside a second process in
a session of its own, as LibreOffice does.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from extractors import sandbox as sandbox_module
from extractors.errors import ExtractionError
from extractors.sandbox import Sandbox
from extractors.types import Extraction, Options, Source
from extractors.worker import pack

OPTIONS = Options(ocr="tesseract")
HANGING = """#!/bin/sh
if [ "$1" = --list-langs ]; then echo languages; echo eng; exit; fi
setsid sleep 120 &
echo "$PPID $!" > {told}.draft
mv {told}.draft {told}
sleep 120
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")


def source_of(path: Path) -> Source:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(path, path.as_uri(), path.name, digest, "", {"price": 3, "rate": 0.5, "sold": True})


@pytest.fixture
def photo(tmp_path: Path) -> Source:
    path = tmp_path / "photo.png"
    Image.effect_noise((300, 300), 50).save(path)
    return source_of(path)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[int, int]]:
    """Puts a Tesseract that hangs in front; gives the ids of the worker and of the detached process when it does."""
    told = tmp_path / "told"
    program = tmp_path / "programs" / "tesseract"
    program.parent.mkdir()
    program.write_text(HANGING.format(told=told))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def ids() -> tuple[int, int]:
        wait_for(told.exists)
        worker, detached = map(int, told.read_text().split())
        return worker, detached

    return ids


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of temporary files, which must be empty at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    wait_for(lambda: not list(folder.iterdir()))


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_parts_come_back_whole_with_the_source(photo: Source, pictures: Path, temporary: Path) -> None:
    with Sandbox(1, 60, 2048) as box:
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


def test_a_document_that_takes_too_long_is_stopped_with_all_its_processes(
    photo: Source, pictures: Path, hanging: Callable[[], tuple[int, int]], temporary: Path
) -> None:
    with Sandbox(1, 3, 2048) as box:
        with pytest.raises(ExtractionError, match=r"photo\.png: reading it took too long") as caught:
            box.extract(photo, OPTIONS, pictures)
        assert caught.value.transient
        wait_for(lambda: all(map(gone, hanging())))
        # The next document gets a new worker.
        assert box.extract(photo, Options(ocr="off"), pictures).pictures


def test_a_document_that_takes_too_much_memory_is_stopped(photo: Source, pictures: Path, temporary: Path) -> None:
    with Sandbox(1, 60, 1) as box, pytest.raises(ExtractionError, match="more than 1 MiB of memory") as caught:
        box.extract(photo, Options(ocr="off"), pictures)
    assert caught.value.transient


def extracting(box: Sandbox, photo: Source, pictures: Path) -> Future[Extraction]:
    """The call of `extract` in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(box.extract, photo, OPTIONS, pictures)
    pool.shutdown(wait=False)
    return future


@pytest.mark.parametrize(
    ("strike", "message", "transient"),
    [(signal.SIGSEGV, r"photo\.png: it made its reader crash \(SIGSEGV\)", False), (signal.SIGKILL, "memory", True)],
)
def test_a_crash_costs_one_document(
    strike: signal.Signals,
    message: str,
    transient: bool,
    photo: Source,
    pictures: Path,
    hanging: Callable[[], tuple[int, int]],
    temporary: Path,
) -> None:
    with Sandbox(1, 60, 2048) as box:
        future = extracting(box, photo, pictures)
        worker, detached = hanging()
        os.kill(worker, strike)
        with pytest.raises(ExtractionError, match=message) as caught:
            future.result(20)
        assert caught.value.transient is transient
        wait_for(lambda: gone(detached))
        assert box.extract(photo, Options(ocr="off"), pictures).pictures


def test_closing_stops_what_runs(
    photo: Source, pictures: Path, hanging: Callable[[], tuple[int, int]], temporary: Path
) -> None:
    box = Sandbox(1, 60, 2048)
    future = extracting(box, photo, pictures)
    processes = hanging()
    start = time.monotonic()
    box.close()
    with pytest.raises(ExtractionError, match="stopped") as caught:
        future.result(10)
    assert time.monotonic() - start < 2
    assert caught.value.transient
    wait_for(lambda: all(map(gone, processes)))
    with pytest.raises(ExtractionError, match="stopped"):
        box.extract(photo, OPTIONS, pictures)


def test_an_idle_worker_that_died_is_replaced(photo: Source, pictures: Path) -> None:
    with Sandbox(1, 60, 2048) as box:
        box.extract(photo, Options(ocr="off"), pictures)
        (idle,) = box._idle
        os.kill(idle.pid, signal.SIGKILL)
        wait_for(lambda: gone(idle.pid))
        assert box.extract(photo, Options(ocr="off"), pictures).pictures


def test_threads_share_the_workers(photo: Source, pictures: Path) -> None:
    with Sandbox(2, 60, 2048) as box, ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(box.extract, photo, Options(ocr="off"), pictures) for _ in range(12)]
        assert all(future.result().pictures for future in futures)
        assert len(box._idle) <= 2


def test_workers_die_with_a_parent_that_is_killed(
    photo: Source, pictures: Path, hanging: Callable[[], tuple[int, int]], tmp_path: Path, temporary: Path
) -> None:
    # A plain script: no `if __name__ == "__main__"`, and it must not be run again by its workers.
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from extractors.sandbox import Sandbox\n"
        "from extractors.types import Options, Source\n"
        f"print('started', flush=True)\n"
        f"source = Source(Path({str(photo.path)!r}), '', 'photo.png', '', '')\n"
        f"Sandbox(1, 60, 2048).extract(source, Options(ocr='tesseract'), Path({str(pictures)!r}))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        processes = hanging()
        assert not any(map(gone, processes))
        parent.kill()
        assert parent.stdout
        assert parent.stdout.read() == b"started\n"
    wait_for(lambda: all(map(gone, processes)))


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
