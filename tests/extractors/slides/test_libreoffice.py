"""LibreOffice as a converter: it touches nothing but the file, and is killed with its children."""

from __future__ import annotations

import io
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf
from extractors.slides import libreoffice
from extractors.slides.libreoffice import convert_file
from tests.support.decks import needs_libreoffice
from tests.support.sandboxes import is_gone, wait_for

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
def web_server() -> Iterator[tuple[int, list[str]]]:
    """Yield the port of a web server, and the list of paths that were requested from it."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_OPTIONS = do_PROPFIND = do_GET

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, paths
        server.shutdown()


def write_deck(path: Path, text: str, link: str = "") -> Path:
    from pptx import Presentation

    presentation = Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = text
    if link:
        file = io.BytesIO()
        Image.new("RGB", (60, 60), "red").save(file, "PNG")
        file.seek(0)
        (blip,) = slide.shapes.add_picture(file, 0, 0)._element.xpath(".//a:blip")
        del blip.attrib[f"{{{RELATION}}}embed"]
        blip.set(f"{{{RELATION}}}link", slide.part.relate_to(link, f"{RELATION}/image", is_external=True))
    presentation.save(str(path))
    return path


@needs_libreoffice
def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.ppt").write_bytes(b"\xd0\xcf\x11\xe0 and nothing else")
    with pytest.raises(ExtractionError, match="LibreOffice cannot read it"):
        convert_file(tmp_path / "broken.ppt", "pdf", tmp_path)


@needs_libreoffice
def test_deck_is_converted_to_pdf_without_its_linked_pictures(
    tmp_path: Path, web_server: tuple[int, list[str]]
) -> None:
    port, paths = web_server
    deck = write_deck(tmp_path / "a.pptx", "First", f"http://127.0.0.1:{port}/a.png")
    with pymupdf().open(convert_file(deck, "pdf", tmp_path)) as document:
        assert document[0].get_text().strip() == "First"
    assert paths == []


def test_time_limit_kills_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, pid = tmp_path / "soffice", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\nsleep 600 & echo $! > {pid}.draft\nmv {pid}.draft {pid}\nwait\n")
    program.chmod(0o755)
    wait = subprocess.Popen.wait

    def wait_once_started(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        wait_for(pid.exists)
        return wait(process, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait_once_started)
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: str(program))
    monkeypatch.setattr(libreoffice, "CONVERSION_SECONDS", 1.0)
    with pytest.raises(ExtractionError, match="longer than 1 s"):
        convert_file(write_deck(tmp_path / "a.pptx", "x"), "pdf", tmp_path)
    wait_for(lambda: is_gone(int(pid.read_text())))


def test_missing_libreoffice_is_reported_with_the_way_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libreoffice, "find_libreoffice", lambda: None)
    with pytest.raises(ExtractionError, match="apt install libreoffice-impress"):
        convert_file(tmp_path / "a.pptx", "pdf", tmp_path)
