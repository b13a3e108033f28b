"""Files to extract in a sandbox, and checks that nothing of it remains."""

from __future__ import annotations

import hashlib
import os as os
import resource as resource
import socket as socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import Image

from extractors.progress import readable_pages
from extractors.types import Extraction, Options, Passage, Problem, Report, Source

WITH_OCR, WITHOUT_OCR = Options(ocr="tesseract"), Options(ocr="off")


@pytest.fixture
def photo(tmp_path: Path) -> Source:
    path = tmp_path / "photo.png"
    Image.effect_noise((300, 300), 50).save(path)
    return source_of(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The folder of the picture store."""
    return tmp_path / "pictures"


@contextmanager
def temporary_folder_left_empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use a folder of its own for temporary files, and check that it is empty at the end."""
    temporary = folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    yield temporary
    wait_for(lambda: not list(temporary.iterdir()))


def source_of(path: Path) -> Source:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Source(path, path.as_uri(), path.name, digest, "", {"price": 3, "rate": 0.5, "sold": True})


def extract_all_but_page_2(source: Source, options: Options, pictures: Path) -> Extraction:
    """An extractor of three pages that writes the file `hangs` beside its pictures, and hangs on the second page."""
    problems: list[Problem] = []
    passages = []
    for number in readable_pages(range(1, 4), source.skipped_pages, problems):
        if number == 2:
            (pictures / "hangs").touch()
            threading.Event().wait()
        passages.append(Passage(f"page {number}", number))
    return Extraction(source, tuple(passages), (), Report(3, problems=tuple(problems)))


def extract_when_told(source: Source, options: Options, pictures: Path) -> Extraction:
    """An extractor of one page that writes the file `begun`, and waits for the file `go` beside its pictures."""
    for _ in readable_pages([1], source.skipped_pages, []):
        (pictures / "begun").touch()
        wait_for((pictures / "go").exists)
    return Extraction(source, (Passage("page 1", 1),), (), Report(1))


@dataclass(frozen=True)
class Attempts:
    """What a worker or a program it started tried to do, and the exception or the output that it got."""

    outcomes: dict[str, str]


def attempt(code: dict[str, str], as_program: bool) -> Attempts:
    """Evaluate expressions in a worker, or in programs that it starts."""
    outcomes = {}
    for name, expression in code.items():
        try:
            if as_program:
                script = f"import os, resource, socket\nprint({expression})"
                done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
                outcomes[name] = (done.stderr or done.stdout).strip().splitlines()[-1].partition(":")[0]
            else:
                outcomes[name] = str(eval(expression))
        except Exception as error:
            outcomes[name] = type(error).__name__
    return Attempts(outcomes)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds. The limit only ends tests that would wait forever."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {seconds} s"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Return True when a process has ended, even if its parent has not collected it yet."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
