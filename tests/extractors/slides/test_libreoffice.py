from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.pdf.render import pymupdf
from extractors.slides import libreoffice as office

pytestmark = pytest.mark.skipif(office.program() is None, reason="LibreOffice is not installed")
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A web server: its port, and the paths that it was asked for."""
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


def deck(path: Path, text: str, link: str = "") -> Path:
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


def test_decks_of_one_name_are_converted_in_one_start_and_a_broken_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    files = [deck(tmp_path / "a.pptx", "First"), tmp_path / "broken.ppt", deck(tmp_path / "x" / "a.pptx", "Third")]
    files[1].write_bytes(b"\xd0\xcf\x11\xe0 nothing whole follows")
    first, broken, third = office.convert(files, "pdf", tmp_path)
    assert broken is None
    for file, text in ((first, "First"), (third, "Third")):
        assert file is not None
        with pymupdf().open(file) as document:
            assert document[0].get_text().strip() == text


def test_linked_pictures_are_not_fetched(tmp_path: Path, asked: tuple[int, list[str]]) -> None:
    port, paths = asked
    assert office.convert([deck(tmp_path / "a.pptx", "x", f"http://127.0.0.1:{port}/a.png")], "pdf", tmp_path) != [None]
    assert paths == []


def test_a_time_out_ends_the_whole_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, pid = tmp_path / "soffice", tmp_path / "pid"
    program.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {pid}\nwait\n")
    program.chmod(0o755)
    monkeypatch.setattr(office, "program", lambda: str(program))
    with pytest.raises(ExtractionError, match="longer than 1 s"):
        office.convert([deck(tmp_path / "a.pptx", "x")], "pdf", tmp_path, seconds=1)
    child = Path("/proc", pid.read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_without_libreoffice_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "program", lambda: None)
    with pytest.raises(ExtractionError, match="apt install libreoffice-impress"):
        office.convert([tmp_path / "a.pptx"], "pdf", tmp_path)
