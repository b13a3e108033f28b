"""The sandbox: whatever a file does to its reader costs that one document, and nothing is left behind.

What hangs here is a stand-in for Tesseract: it tells its worker's process id, then sleeps beside a second process in
a session of its own, as LibreOffice does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from extractors.errors import ExtractionError
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Options, Source
from tests.support.sandboxes import OPTIONS, emptied, gone, needs_proc, wait_for
from tests.support.sandboxes import photo as photo
from tests.support.sandboxes import pictures as pictures

HANGING = """#!/bin/sh
if [ "$1" = --list-langs ]; then echo languages; echo eng; exit; fi
setsid sleep 120 &
echo "$PPID $!" > {told}.draft
mv {told}.draft {told}
sleep 120
"""

pytestmark = needs_proc


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with emptied(tmp_path, monkeypatch) as folder:
        yield folder


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


def test_workers_die_with_a_parent_that_is_killed(
    photo: Source, pictures: Path, hanging: Callable[[], tuple[int, int]], tmp_path: Path, temporary: Path
) -> None:
    # A plain script: no `if __name__ == "__main__"`, and it must not be run again by its workers.
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from extractors.sandbox.sandbox import Sandbox\n"
        "from extractors.types import Options, Source\n"
        f"print('started', flush=True)\n"
        f"source = Source(Path({str(photo.path)!r}), '', 'photo.png', '', '')\n"
        f"Sandbox(1, 60, 2048).extract(source, Options(ocr='tesseract'), Path({str(pictures)!r}))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        processes = hanging()
        assert not any(map(gone, processes))
        parent.kill()
        assert parent.stdout
        assert parent.stdout.read() == b"started\n"
    wait_for(lambda: all(map(gone, processes)))
