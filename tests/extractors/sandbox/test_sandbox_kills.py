"""The sandbox: a document that hangs, grows or crashes its worker costs only itself, and leaves nothing behind.

The program that hangs here is a stand-in for Tesseract. It writes down its worker's process id, then sleeps beside a
second process in a session of its own, as LibreOffice does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from extractors.errors import ExtractionError, WorkerStopped
from extractors.sandbox import sandbox as sandbox_module
from extractors.sandbox import worker_process as worker_process_module
from extractors.sandbox.processes import QueueTime, tree_memory
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, Source
from tests.support.sandboxes import (
    WITH_OCR,
    WITHOUT_OCR,
    extract_all_but_page_2,
    extract_when_told,
    is_gone,
    temporary_folder_left_empty,
    wait_for,
)
from tests.support.sandboxes import photo as photo
from tests.support.sandboxes import pictures as pictures

HANGING_TESSERACT = """#!/bin/sh
if [ "$1" = --list-langs ]; then echo languages; echo eng; exit; fi
setsid sleep 600 &
echo "$PPID $!" > {ids}.draft
mv {ids}.draft {ids}
sleep 600
"""

ProcessIds = Callable[[], tuple[int, int]]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with temporary_folder_left_empty(tmp_path, monkeypatch) as folder:
        yield folder


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProcessIds:
    """Put a Tesseract that hangs first on the path; wait for it, and return the worker's and its child's ids."""
    ids = tmp_path / "pictures" / "ids"
    ids.parent.mkdir()
    program = tmp_path / "programs" / "tesseract"
    program.parent.mkdir()
    program.write_text(HANGING_TESSERACT.format(ids=ids))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    def process_ids() -> tuple[int, int]:
        wait_for(ids.exists)
        worker, detached = map(int, ids.read_text().split())
        return worker, detached

    return process_ids


def extract_in_thread(sandbox: Sandbox, photo: Source, pictures: Path) -> Future[Extraction]:
    pool = ThreadPoolExecutor(1)
    future = pool.submit(sandbox.extract, photo, WITH_OCR, pictures)
    pool.shutdown(wait=False)
    return future


class SkippingClock:
    """A clock that a test can set forward, so that no test waits for a time limit."""

    skipped = 0.0
    calls = 0

    def monotonic(self) -> float:
        self.calls += 1
        return time.monotonic() + self.skipped

    def skip(self, seconds: float) -> None:
        """Once the parent has read what its worker wrote before; it looks at the clock for each check and page."""
        seen = self.calls
        wait_for(lambda: self.calls >= seen + 4)
        self.skipped = seconds


def test_document_that_takes_too_long_is_stopped_with_all_its_processes(
    photo: Source, pictures: Path, hanging: ProcessIds, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock()
    monkeypatch.setattr(worker_process_module, "time", clock)
    with Sandbox(1, 600, 2048) as sandbox:
        future = extract_in_thread(sandbox, photo, pictures)
        processes = hanging()
        clock.skip(61)
        with pytest.raises(WorkerStopped, match=r"photo\.png: page 1: reading it took longer than 60 s"):
            future.result(60)
        wait_for(lambda: all(map(is_gone, processes)))
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures  # by a new worker


def test_waiting_for_a_program_takes_no_time_of_the_page(
    photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock()
    monkeypatch.setattr(worker_process_module, "time", clock)
    asked: list[str] = []

    @contextmanager
    def wait(program: str) -> Iterator[None]:
        asked.append(program)
        clock.skipped += 61
        yield

    with Sandbox(1, 600, 2048, use_program=wait) as sandbox:
        assert sandbox.extract(photo, WITH_OCR, pictures).pictures
    assert asked == ["ocr"]


def test_page_that_takes_too_long_costs_only_itself(
    photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock()
    monkeypatch.setattr(worker_process_module, "time", clock)
    monkeypatch.setattr(sandbox_module, "extract_document", extract_all_but_page_2)
    with Sandbox(1, 600, 2048) as sandbox:
        future = extract_in_thread(sandbox, photo, pictures)
        wait_for((pictures / "hangs").exists)
        clock.skip(61)
        extraction = future.result(60)
    assert [passage.text for passage in extraction.passages] == ["page 1", "page 3"]
    (problem,) = extraction.report.problems
    assert problem.page == 2
    assert problem.reason.startswith("reading it took longer than 60 s and was stopped; raise `page_seconds`")
    assert extraction.report.worker_stopped
    assert extraction.source is photo


def test_waiting_for_a_processor_takes_no_time_of_the_page(
    photo: Source, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SkippingClock()
    monkeypatch.setattr(worker_process_module, "time", clock)
    monkeypatch.setattr(QueueTime, "next", lambda self: 61.0)
    monkeypatch.setattr(sandbox_module, "extract_document", extract_when_told)
    with Sandbox(1, 600, 2048) as sandbox:
        future = extract_in_thread(sandbox, photo, pictures)
        wait_for((pictures / "begun").exists)
        clock.skip(61)
        clock.skip(61)  # once it has looked at the clock again
        (pictures / "go").touch()
        assert [passage.text for passage in future.result(60).passages] == ["page 1"]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel does not count it")
def test_time_in_line_for_a_processor_is_measured() -> None:
    processor = min(os.sched_getaffinity(0))
    script = f"import os\nos.sched_setaffinity(0, [{processor}])\nwhile True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    try:
        queue = QueueTime(busy[0].pid)
        wait_for(lambda: queue.next() > 0)  # both want the same processor
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_document_that_takes_too_much_memory_is_stopped(photo: Source, pictures: Path, temporary: Path) -> None:
    with Sandbox(1, 600, 1) as sandbox, pytest.raises(WorkerStopped, match="more than 1 MiB of memory"):
        sandbox.extract(photo, WITHOUT_OCR, pictures)


@pytest.mark.parametrize(
    ("signal_sent", "message", "transient"),
    [
        (signal.SIGSEGV, r"photo\.png: page 1: crashed its worker process \(SIGSEGV\)", False),
        (signal.SIGKILL, r"photo\.png: its worker process was killed, perhaps because .* memory", True),
    ],
)
def test_crash_costs_one_document(
    signal_sent: signal.Signals,
    message: str,
    transient: bool,
    photo: Source,
    pictures: Path,
    hanging: ProcessIds,
    temporary: Path,
) -> None:
    with Sandbox(1, 600, 2048) as sandbox:
        future = extract_in_thread(sandbox, photo, pictures)
        worker, detached = hanging()
        os.kill(worker, signal_sent)
        with pytest.raises(ExtractionError, match=message) as caught:
            future.result(60)
        assert caught.value.transient is transient
        wait_for(lambda: is_gone(detached))
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures


def test_closing_stops_running_documents(photo: Source, pictures: Path, hanging: ProcessIds, temporary: Path) -> None:
    sandbox = Sandbox(1, 600, 2048)
    future = extract_in_thread(sandbox, photo, pictures)
    processes = hanging()
    sandbox.close()
    with pytest.raises(ExtractionError, match="stopped") as caught:
        future.result(60)
    assert caught.value.transient
    wait_for(lambda: all(map(is_gone, processes)))
    with pytest.raises(ExtractionError, match="stopped"):
        sandbox.extract(photo, WITH_OCR, pictures)


def test_idle_worker_that_died_is_replaced(photo: Source, pictures: Path) -> None:
    with Sandbox(1, 600, 2048) as sandbox:
        sandbox.extract(photo, WITHOUT_OCR, pictures)
        (idle,) = sandbox._idle
        os.kill(idle.pid, signal.SIGKILL)
        wait_for(lambda: is_gone(idle.pid))
        assert sandbox.extract(photo, WITHOUT_OCR, pictures).pictures


def test_memory_of_a_process_includes_its_descendants() -> None:
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(["sh", "-c", '"$@"; true', "sh", *command], stdin=subprocess.PIPE) as shell:
        wait_for(lambda: len(psutil.Process(shell.pid).children()) == 1)
        (python,) = psutil.Process(shell.pid).children()
        wait_for(lambda: tree_memory(shell.pid) > tree_memory(python.pid) > 4 << 20)
    assert tree_memory(shell.pid) == 0


def test_workers_die_when_their_parent_is_killed(
    photo: Source, pictures: Path, hanging: ProcessIds, tmp_path: Path, temporary: Path
) -> None:
    # A plain script without `if __name__ == "__main__"`: its workers must not run it again.
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from extractors.sandbox.sandbox import Sandbox\n"
        "from extractors.types import Options, Source\n"
        "print('started', flush=True)\n"
        f"source = Source(Path({str(photo.path)!r}), '', 'photo.png', '', '')\n"
        f"Sandbox(1, 600, 2048).extract(source, Options(ocr='tesseract'), Path({str(pictures)!r}))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as parent:
        processes = hanging()
        assert not any(map(is_gone, processes))
        parent.kill()
        assert parent.stdout
        assert parent.stdout.read() == b"started\n"
    wait_for(lambda: all(map(is_gone, processes)))
